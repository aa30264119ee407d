// Text in files: which encoding, which line ends, and the way between a file's bytes and UTF-8.
// Pure functions; `text` is always valid UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::tools {

enum class Encoding { utf8, utf16le, utf16be, utf32le, utf32be, windows1252 };
// As Read prints it: "utf-8", "utf-16le", "windows-1252 (guessed)".
std::string encoding_name(Encoding encoding, bool guessed);

struct Detected {
  Encoding encoding = Encoding::utf8;
  std::size_t bom = 0;   // bytes of the byte order mark
  bool guessed = false;  // no mark, not UTF-8
  bool binary = false;   // a NUL in the first 8 KiB that no encoding explains
};
// `head` may be the beginning of a longer file: a character cut at its end is no fault then.
Detected detect_encoding(std::string_view head, bool whole);

// Bytes without their mark to UTF-8; malformed units become U+FFFD (*lossy).
std::string to_text(std::string_view bytes, Encoding encoding, bool* lossy = nullptr);
// UTF-8 to bytes without a mark. Errors: invalid_argument naming the character that is not in the
// encoding.
Result<std::string> to_bytes(std::string_view text, Encoding encoding);
std::string_view byte_order_mark(Encoding encoding);

struct Decoded : Detected {
  std::string text;  // empty if binary
  bool lossy = false;
};
// UTF-8 without a mark is taken as it is.
Decoded decode_text(std::string bytes);

// "lf", "crlf", "mixed" or "none".
std::string line_ending(std::string_view text);

// The media type that the first bytes tell ("image/png", "application/pdf", …), or "".
std::string magic_type(std::string_view head);
struct Dimensions {
  unsigned width = 0, height = 0;  // 0: not found
};
Dimensions image_dimensions(std::string_view bytes, std::string_view media_type);

}  // namespace remit::tools
