// UTF-16 and UTF-32 to UTF-8, for the search and for Read and Edit. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remit::search {

enum class Wide : std::uint8_t { utf16le, utf16be, utf32le, utf32be };

// The unit of `width` bytes that stands at `at`.
std::uint32_t read_wide(std::string_view bytes, std::size_t at, std::size_t width, bool big_endian);

// `bytes` without their mark. What is no character (an unpaired surrogate, an odd end) becomes
// U+FFFD and is told by `*lossy`.
std::string wide_to_utf8(std::string_view bytes, Wide encoding, bool* lossy = nullptr);

}  // namespace remit::search
