// One code point of UTF-8 (RFC 3629) read, and one written. Whoever walks text by characters uses
// these; whole texts are judged and mended in base/text.h. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace remit {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // in bytes; 0: `bytes` does not begin with a well-formed sequence
};

// The code point at the start of `bytes`, which must not be empty. Overlong forms, surrogates and
// what lies beyond U+10FFFF are malformed.
CodePoint decode_utf8(std::string_view bytes);

// How many bytes at the start of `bytes` are ASCII: eight are looked at in one step.
std::size_t ascii_prefix(std::string_view bytes);

// Appends `point`, which is at most U+10FFFF.
void append_utf8(std::string& out, char32_t point);

}  // namespace remit
