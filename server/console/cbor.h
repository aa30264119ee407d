// CborReader: the CBOR (RFC 8949) that authenticators write, which CTAP2 calls canonical: definite
// lengths, each in its shortest form, whole numbers, byte and text strings, arrays, maps, true,
// false and null. Everything else (tags, floats, indefinite lengths) is refused, and so is what
// nests deeper than kDepth. nlohmann's reader is no help: it takes no map whose keys are numbers,
// which every COSE key is.
//
// Reads from front to back and keeps nothing but a view: the bytes must outlive it. No length is
// trusted before that many bytes are there. One thread. Errors: invalid_argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace remit::console {

class CborReader {
 public:
  static constexpr int kDepth = 4;  // CTAP 2.1, section 8

  explicit CborReader(std::string_view bytes) : all_(bytes), left_(bytes) {}

  // The next item, which must be of this kind.
  Result<std::int64_t> integer();
  Result<std::string_view> bytes();
  Result<std::string_view> text();
  // How many pairs follow: their keys and values are the next items.
  Result<std::size_t> map();
  // Steps over one whole item.
  Result<void> skip() { return skip(kDepth); }
  // Whether the next item is a text.

  bool at_end() const { return left_.empty(); }
  std::size_t position() const { return all_.size() - left_.size(); }

 private:
  enum class Major : unsigned char { number, negative, bytes, text, array, map, tag, simple };
  struct Head {
    Major major;
    std::uint64_t value;
  };
  Result<Head> head();
  Result<std::string_view> take(std::uint64_t count);
  Result<std::string_view> string(Major wanted);
  Result<void> skip(int depth);

  std::string_view all_, left_;
};

}  // namespace remit::console
