#include "server/console/cbor.h"

#include <limits>

namespace remit::console {
namespace {

// The low five bits of an initial byte: up to this the value itself, then how long it is.
constexpr unsigned kDirect = 23, kOneByte = 24, kEightBytes = 27;
constexpr unsigned kFalse = 20, kNull = 22;

tl::unexpected<Error> bad_cbor(const char* what) {
  return fail(ErrorKind::invalid_argument, std::string("malformed CBOR: ") + what);
}

}  // namespace

Result<CborReader::Head> CborReader::head() {
  if (left_.empty()) return bad_cbor("it ends too early");
  const auto first = static_cast<unsigned char>(left_.front());
  left_.remove_prefix(1);
  const auto major = static_cast<Major>(first >> 5U);
  const unsigned low = first & 31U;
  if (low <= kDirect) return Head{major, low};
  if (low > kEightBytes) return bad_cbor("a length is not definite");
  const std::size_t size = std::size_t{1} << (low - kOneByte);
  TRY(const std::string_view digits, take(size));
  std::uint64_t value = 0;
  for (const char digit : digits) value = (value << 8U) | static_cast<unsigned char>(digit);
  // What one byte less could have said.
  const std::uint64_t least =
      size == 1 ? kDirect + 1 : std::uint64_t{1} << (4U * static_cast<unsigned>(size));
  if (value < least) return bad_cbor("a length or number is not in its shortest form");
  return Head{major, value};
}

Result<std::string_view> CborReader::take(std::uint64_t count) {
  if (count > left_.size()) return bad_cbor("it ends too early");
  const std::string_view out = left_.substr(0, static_cast<std::size_t>(count));
  left_.remove_prefix(out.size());
  return out;
}

Result<std::string_view> CborReader::string(Major wanted) {
  TRY(const Head next, head());
  if (next.major != wanted) return bad_cbor("another kind of value was expected");
  return take(next.value);
}

Result<std::string_view> CborReader::bytes() {
  return string(Major::bytes);
}
Result<std::string_view> CborReader::text() {
  return string(Major::text);
}

Result<std::int64_t> CborReader::integer() {
  TRY(const Head next, head());
  if (next.major != Major::number && next.major != Major::negative)
    return bad_cbor("a number was expected");
  if (next.value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return bad_cbor("a number is too large");
  const auto value = static_cast<std::int64_t>(next.value);
  return next.major == Major::number ? value : -1 - value;
}

Result<std::size_t> CborReader::map() {
  TRY(const Head next, head());
  if (next.major != Major::map) return bad_cbor("a map was expected");
  if (next.value > left_.size() / 2) return bad_cbor("it ends too early");
  return static_cast<std::size_t>(next.value);
}

Result<void> CborReader::skip(int depth) {
  TRY(const Head next, head());
  switch (next.major) {
    case Major::number:
    case Major::negative:
      return {};
    case Major::bytes:
    case Major::text:
      TRY_DO(take(next.value));
      return {};
    case Major::array:
    case Major::map: {
      if (depth == 0) return bad_cbor("it nests too deep");
      if (next.value > left_.size()) return bad_cbor("it ends too early");
      const std::uint64_t items = next.value * (next.major == Major::map ? 2 : 1);
      for (std::uint64_t i = 0; i < items; ++i) TRY_DO(skip(depth - 1));
      return {};
    }
    case Major::tag:
      return bad_cbor("a tag");
    case Major::simple:
      if (next.value < kFalse || next.value > kNull) return bad_cbor("a float or an unknown value");
      return {};
  }
  return bad_cbor("an unknown kind");
}

}  // namespace remit::console
