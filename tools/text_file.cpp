#include "tools/text_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "base/text.h"
#include "base/utf8.h"
#include "tools/search/wide_text.h"

namespace remit::tools {

namespace {

using search::read_wide;
using search::Wide;
using search::wide_to_utf8;

constexpr std::size_t kSniffed = 8192;

// windows-1252, 0x80-0x9f; the five undefined bytes stand for the C1 controls, so that they
// round-trip (as the WHATWG encoding standard has it).
constexpr std::array<char16_t, 32> kHigh{
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

std::uint32_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool wide_nuls(std::string_view head, std::size_t parity) {
  std::size_t here = 0, other = 0;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] != '\0') continue;
    (i % 2 == parity ? here : other)++;
  }
  // Text in a Latin script: most high bytes are zero, no low byte is.
  return other == 0 && here * 10 >= head.size() * 3;
}

void append_wide(std::string& out, std::uint32_t unit, std::size_t bytes, bool big) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t shift = 8 * (big ? bytes - 1 - i : i);
    out.push_back(static_cast<char>((unit >> shift) & 0xff));
  }
}

std::uint32_t big32(std::string_view bytes, std::size_t at) {
  return at + 4 <= bytes.size() ? read_wide(bytes, at, 4, true) : 0;
}

Dimensions jpeg_dimensions(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 <= bytes.size() && byte_at(bytes, at) == 0xff) {
    const std::uint32_t marker = byte_at(bytes, at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
      return {read_wide(bytes, at + 7, 2, true), read_wide(bytes, at + 5, 2, true)};
    }
    at += 2 + std::max<std::uint32_t>(read_wide(bytes, at + 2, 2, true), 2);
  }
  return {};
}

Dimensions webp_dimensions(std::string_view bytes) {
  if (bytes.size() < 30) return {};
  const std::string_view kind = bytes.substr(12, 4);
  if (kind == "VP8 ")
    return {read_wide(bytes, 26, 2, false) & 0x3fff, read_wide(bytes, 28, 2, false) & 0x3fff};
  if (kind == "VP8L") {
    const std::uint32_t bits = read_wide(bytes, 21, 4, false);
    return {(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1};
  }
  if (kind == "VP8X")
    return {read_wide(bytes, 24, 3, false) + 1, read_wide(bytes, 27, 3, false) + 1};
  return {};
}

}  // namespace

std::string encoding_name(Encoding encoding, bool guessed) {
  std::string name;
  switch (encoding) {
    case Encoding::utf8:
      name = "utf-8";
      break;
    case Encoding::utf16le:
      name = "utf-16le";
      break;
    case Encoding::utf16be:
      name = "utf-16be";
      break;
    case Encoding::utf32le:
      name = "utf-32le";
      break;
    case Encoding::utf32be:
      name = "utf-32be";
      break;
    case Encoding::windows1252:
      name = "windows-1252";
      break;
  }
  return guessed ? name + " (guessed)" : name;
}

std::string_view byte_order_mark(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8:
      return "\xef\xbb\xbf";
    case Encoding::utf16le:
      return "\xff\xfe";
    case Encoding::utf16be:
      return "\xfe\xff";
    case Encoding::utf32le:
      return std::string_view("\xff\xfe\0\0", 4);
    case Encoding::utf32be:
      return std::string_view("\0\0\xfe\xff", 4);
    case Encoding::windows1252:
      break;
  }
  return {};
}

Detected detect_encoding(std::string_view head, bool whole) {
  for (const Encoding encoding : {Encoding::utf32le, Encoding::utf32be, Encoding::utf8,
                                  Encoding::utf16le, Encoding::utf16be}) {
    const std::string_view mark = byte_order_mark(encoding);
    if (head.starts_with(mark)) return {encoding, mark.size(), false, false};
  }
  const std::string_view sniffed = head.substr(0, kSniffed);
  if (sniffed.find('\0') != std::string_view::npos) {
    if (sniffed.size() >= 4 && wide_nuls(sniffed, 1)) return {Encoding::utf16le, 0, true, false};
    if (sniffed.size() >= 4 && wide_nuls(sniffed, 0)) return {Encoding::utf16be, 0, true, false};
    return {Encoding::utf8, 0, false, true};
  }
  if (!whole) {
    // Do not judge a character that the end of the head cuts.
    std::size_t end = head.size();
    for (int i = 0; i < 3 && end > 0 && (byte_at(head, end - 1) & 0xc0) == 0x80; ++i) --end;
    if (end > 0 && byte_at(head, end - 1) >= 0xc0) --end;
    head = head.substr(0, end);
  }
  if (valid_utf8(head)) return {Encoding::utf8, 0, false, false};
  if (head.find('\0') != std::string_view::npos) return {Encoding::utf8, 0, false, true};
  return {Encoding::windows1252, 0, true, false};
}

std::string to_text(std::string_view bytes, Encoding encoding, bool* lossy) {
  bool replaced = false;
  std::string out;
  switch (encoding) {
    case Encoding::utf8:
      out = to_utf8(bytes, &replaced);
      break;
    case Encoding::utf16le:
      out = wide_to_utf8(bytes, Wide::utf16le, &replaced);
      break;
    case Encoding::utf16be:
      out = wide_to_utf8(bytes, Wide::utf16be, &replaced);
      break;
    case Encoding::utf32le:
      out = wide_to_utf8(bytes, Wide::utf32le, &replaced);
      break;
    case Encoding::utf32be:
      out = wide_to_utf8(bytes, Wide::utf32be, &replaced);
      break;
    case Encoding::windows1252:
      out.reserve(bytes.size());
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint32_t byte = byte_at(bytes, i);
        append_utf8(out, byte >= 0x80 && byte < 0xa0 ? kHigh[byte - 0x80] : byte);
      }
      break;
  }
  if (lossy != nullptr) *lossy = replaced;
  return out;
}

Result<std::string> to_bytes(std::string_view text, Encoding encoding) {
  if (!valid_utf8(text)) return fail(ErrorKind::invalid_argument, "the text is not valid UTF-8");
  if (encoding == Encoding::utf8) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const auto [code, length] = decode_utf8(text.substr(at));
    at += length;
    switch (encoding) {
      case Encoding::utf16le:
      case Encoding::utf16be: {
        const bool big = encoding == Encoding::utf16be;
        if (code >= 0x10000) {
          append_wide(out, 0xd800 + ((code - 0x10000) >> 10), 2, big);
          append_wide(out, 0xdc00 + ((code - 0x10000) & 0x3ff), 2, big);
        } else {
          append_wide(out, code, 2, big);
        }
        break;
      }
      case Encoding::utf32le:
      case Encoding::utf32be:
        append_wide(out, code, 4, encoding == Encoding::utf32be);
        break;
      case Encoding::windows1252: {
        const auto high = std::find(kHigh.begin(), kHigh.end(), static_cast<char16_t>(code));
        if (code < 0x80 || (code >= 0xa0 && code < 0x100)) {
          out.push_back(static_cast<char>(code));
        } else if (code < 0x10000 && high != kHigh.end()) {
          out.push_back(static_cast<char>(0x80 + (high - kHigh.begin())));
        } else {
          return fail(ErrorKind::invalid_argument, "the file is windows-1252, which has no \"" +
                                                       std::string(text.substr(start, at - start)) +
                                                       "\"; nothing was written");
        }
        break;
      }
      case Encoding::utf8:
        break;
    }
  }
  return out;
}

Decoded decode_text(std::string bytes) {
  Decoded out;
  static_cast<Detected&>(out) = detect_encoding(bytes, true);
  if (out.binary) return out;
  if (out.encoding == Encoding::utf8 && out.bom == 0 && valid_utf8(bytes)) {
    out.text = std::move(bytes);
  } else {
    out.text = to_text(std::string_view(bytes).substr(out.bom), out.encoding, &out.lossy);
  }
  return out;
}

std::string line_ending(std::string_view text) {
  std::size_t lf = 0, crlf = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    (at > 0 && text[at - 1] == '\r' ? crlf : lf)++;
  }
  if (lf == 0 && crlf == 0) return "none";
  return crlf == 0 ? "lf" : lf == 0 ? "crlf" : "mixed";
}

std::string magic_type(std::string_view head) {
  struct Magic {
    std::string_view bytes;
    const char* type;
  };
  static const std::array<Magic, 13> kMagic{{{"\x89PNG\r\n\x1a\n", "image/png"},
                                             {"\xff\xd8\xff", "image/jpeg"},
                                             {"GIF87a", "image/gif"},
                                             {"GIF89a", "image/gif"},
                                             {"%PDF-", "application/pdf"},
                                             {"\x7f"
                                              "ELF",
                                              "application/x-elf"},
                                             {"PK\x03\x04", "application/zip"},
                                             {"\x1f\x8b", "application/gzip"},
                                             {"\x28\xb5\x2f\xfd", "application/zstd"},
                                             {"\xfd"
                                              "7zXZ",
                                              "application/x-xz"},
                                             {"BZh", "application/x-bzip2"},
                                             {"SQLite format 3", "application/vnd.sqlite3"},
                                             {"\xca\xfe\xba\xbe", "application/java-vm"}}};
  for (const Magic& magic : kMagic) {
    if (head.starts_with(magic.bytes)) return magic.type;
  }
  if (head.starts_with("RIFF") && head.size() >= 12 && head.substr(8, 4) == "WEBP")
    return "image/webp";
  return {};
}

Dimensions image_dimensions(std::string_view bytes, std::string_view media_type) {
  if (media_type == "image/png") return {big32(bytes, 16), big32(bytes, 20)};
  if (media_type == "image/gif" && bytes.size() >= 10) {
    return {read_wide(bytes, 6, 2, false), read_wide(bytes, 8, 2, false)};
  }
  if (media_type == "image/jpeg") return jpeg_dimensions(bytes);
  if (media_type == "image/webp") return webp_dimensions(bytes);
  return {};
}

}  // namespace remit::tools
