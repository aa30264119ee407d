#include "tools/search/wide_text.h"

#include "base/utf8.h"

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
