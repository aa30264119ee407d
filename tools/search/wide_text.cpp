#include "tools/search/wide_text.h"

namespace remit::search {

std::uint32_t read_wide(std::string_view bytes, std::size_t at, std::size_t width,
                        bool big_endian) {
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t shift = 8 * (big_endian ? width - 1 - i : i);
    unit |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << shift;
  }
  return unit;
}

void append_utf8(std::string& out, std::uint32_t code) {
  auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

std::string wide_to_utf8(std::string_view bytes, Wide encoding, bool* lossy) {
  const std::size_t width = encoding == Wide::utf16le || encoding == Wide::utf16be ? 2 : 4;
  const bool big = encoding == Wide::utf16be || encoding == Wide::utf32be;
  constexpr std::uint32_t kReplacement = 0xfffd;
  bool replaced = false;
  std::string out;
  out.reserve(bytes.size());
  std::size_t at = 0;
  while (at + width <= bytes.size()) {
    std::uint32_t code = read_wide(bytes, at, width, big);
    at += width;
    if (width == 2 && code >= 0xd800 && code < 0xdc00 && at + 2 <= bytes.size()) {
      const std::uint32_t low = read_wide(bytes, at, 2, big);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 2;
      }
    }
    if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
      code = kReplacement;
      replaced = true;
    }
    append_utf8(out, code);
  }
  if (at < bytes.size()) {
    append_utf8(out, kReplacement);
    replaced = true;
  }
  if (lossy != nullptr) *lossy = replaced;
  return out;
}

}  // namespace remit::search
