#include "base/json.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <exception>
#include <vector>

#include "base/utf8.h"

namespace remit {
namespace {

// Builds the document from the parser's events. nlohmann's own builder has neither a depth nor a
// count bound and lets the last of two equal keys win.
class BoundedBuilder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  explicit BoundedBuilder(const JsonBounds& bounds) : bounds_(bounds) { open_.reserve(16); }

  bool null() { return put(nullptr) != nullptr; }
  bool boolean(bool value) { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) { return put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*text*/) {
    return put(value) != nullptr;
  }
  bool string(string_t& value) { return put(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) { return false; }  // JSON text has none

  bool start_object(std::size_t /*size*/) { return open(Json::value_t::object); }
  bool start_array(std::size_t /*size*/) { return open(Json::value_t::array); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(string_t& name) {
    Json& object = *open_.back();
    const std::size_t before = object.size();
    Json& slot = object[name];
    if (object.size() == before) {
      if (bounds_.refuse_duplicate_keys) {
        error_ = Error{ErrorKind::invalid_argument,
                       "the key \"" + name.substr(0, 64) + "\" stands twice in one object",
                       {},
                       {},
                       nullptr};
        return false;
      }
      if (bounds_.envelope_duplicate != nullptr && in_envelope()) {
        *bounds_.envelope_duplicate = name.substr(0, 64);
        dropped_ = Json();
        slot_ = &dropped_;
        return true;
      }
    }
    slot_ = &slot;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& why) {
    // "[json.exception...] parse error at line 1, column 2: syntax error ... - reason; last read:
    // .."
    std::string reason = why.what();
    if (const auto dash = reason.find(" - "); dash != std::string::npos)
      reason.erase(0, dash + 3);
    else if (const auto colon = reason.rfind("] "); colon != std::string::npos)
      reason.erase(0, colon + 2);
    if (const auto last = reason.find("; last read"); last != std::string::npos) reason.erase(last);
    if (reason.size() > 120) reason.resize(120);
    error_ = Error{ErrorKind::invalid_argument,
                   "not valid JSON at byte " + std::to_string(position) + ": " + reason,
                   {},
                   {},
                   nullptr};
    return false;
  }

  Json take() { return std::move(root_); }
  std::size_t count() const { return count_; }
  Error take_error() { return std::move(error_); }

 private:
  bool in_envelope() const {
    return open_.size() == 1 || (open_.size() == 2 && open_.front()->is_array());
  }

  template <class Value>
  Json* put(Value&& value) {
    if (++count_ > bounds_.values) {
      error_ = Error{ErrorKind::too_large,
                     "more than " + std::to_string(bounds_.values) + " JSON values",
                     {},
                     {},
                     nullptr};
      return nullptr;
    }
    if (open_.empty()) {
      root_ = Json(std::forward<Value>(value));
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::forward<Value>(value));
    *slot_ = Json(std::forward<Value>(value));
    return slot_;
  }

  bool open(Json::value_t type) {
    if (open_.size() >= static_cast<std::size_t>(bounds_.depth)) {
      error_ = Error{ErrorKind::too_large,
                     "JSON nested deeper than " + std::to_string(bounds_.depth) + " levels",
                     {},
                     {},
                     nullptr};
      return false;
    }
    Json* made = put(type);
    if (made == nullptr) return false;
    open_.push_back(made);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonBounds& bounds_;
  Json root_;
  Json dropped_;             // where the second of two equal envelope keys goes
  std::vector<Json*> open_;  // the containers being filled, outermost first
  Json* slot_ = nullptr;     // where the value of the last key goes
  std::size_t count_ = 0;
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonBounds& bounds) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF")
    return fail(ErrorKind::invalid_argument, "not valid JSON at byte 1: byte order mark");
  // nlohmann's lexer takes a NUL byte for the end of the text and ignores what follows.
  if (!text.empty()) {
    if (const void* nul = std::memchr(text.data(), 0, text.size()); nul != nullptr) {
      const auto at = static_cast<const char*>(nul) - text.data() + 1;
      return fail(ErrorKind::invalid_argument,
                  "not valid JSON at byte " + std::to_string(at) + ": NUL byte");
    }
  }
  try {
    BoundedBuilder builder(bounds);
    const bool whole = Json::sax_parse(text.begin(), text.end(), &builder);
    if (bounds.counted != nullptr) *bounds.counted = builder.count();
    if (whole) return builder.take();
    return tl::unexpected<Error>(builder.take_error());
  } catch (const std::exception& e) {  // bad_alloc, or a parser's exception nobody expected
    return fail(ErrorKind::internal, std::string("parsing JSON failed: ") + e.what());
  }
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string dump(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}
std::string dump_pretty(const OrderedJson& value) {
  return value.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
}

namespace {

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

// Where the bytes end that stand in a JSON string as they are: at a control byte, '"', '\\', DEL or
// what is no ASCII. Eight at a time; the tests for small and equal bytes are those of Anderson's
// "Bit Twiddling Hacks", whose lowest mark is exact.
std::size_t plain_end(std::string_view text, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHighBits = 0x8080808080808080u;
  const auto below = [&](std::uint64_t bytes, std::uint64_t limit) {
    return (bytes - kOnes * limit) & ~bytes;
  };
  for (std::uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    const std::uint64_t marks =
        (eight | below(eight, 0x20) | below(eight ^ (kOnes * '"'), 1) |
         below(eight ^ (kOnes * '\\'), 1) | below(eight ^ (kOnes * 0x7F), 1)) &
        kHighBits;
    if (marks != 0) return at + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
  }
  while (at < text.size() && is_plain(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.reserve(out.size() + text.size() + 32);  // a large one: once, and with room for what follows
  out += '"';
  std::size_t plain = 0;  // start of the run that needs no change
  for (std::size_t i = 0; i < text.size();) {
    i = plain_end(text, i);
    if (i == text.size()) break;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      if (const std::size_t length = decode_utf8(text.substr(i)).length; length != 0) {
        i += length;
        continue;
      }
    }
    out.append(text, plain, i - plain);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= 0x80) {
          out += "\xEF\xBF\xBD";
        } else {
          out += "\\u00";
          out += kHex[c >> 4U];
          out += kHex[c & 15U];
        }
    }
    plain = ++i;
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

std::string pointer_token(std::string_view key) {
  std::string out;
  out.reserve(key.size());
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

}  // namespace remit
