#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/utf8.h"

namespace remit {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void append_hex(std::string& out, const char* format, unsigned long value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  out += text.data();
}

// Gives each well-formed sequence to `good(code point, its bytes)`, each other byte to `bad(byte)`.
template <class Good, class Bad>
void walk(std::string_view bytes, Good good, Bad bad) {
  while (!bytes.empty()) {
    const CodePoint one = decode_utf8(bytes);
    if (one.length == 0) {
      bad(static_cast<unsigned char>(bytes.front()));
    } else {
      good(one.value, bytes.substr(0, one.length));
    }
    bytes.remove_prefix(one.length == 0 ? 1 : one.length);
  }
}

constexpr std::uint64_t kLowBits = 0x0101010101010101u, kHighBits = 0x8080808080808080u;

// How many bytes `mark` sets the top bit of, eight at a time.
template <class Mark>
std::size_t count_bytes(std::string_view text, Mark mark) {
  std::size_t count = 0;
  const auto add = [&](std::uint64_t eight) {
    // The product sums the bytes, each 0 or 1, in its top one.
    count += static_cast<std::size_t>((((mark(eight) & kHighBits) >> 7) * kLowBits) >> 56);
  };
  std::uint64_t eight = 0;
  while (text.size() >= sizeof eight) {
    std::memcpy(&eight, text.data(), sizeof eight);
    add(eight);
    text.remove_prefix(sizeof eight);
  }
  // The rest one by one: no filling byte is counted, whatever is asked for.
  for (const char c : text) count += (mark(static_cast<unsigned char>(c)) & 0x80u) != 0 ? 1u : 0u;
  return count;
}

}  // namespace

bool valid_utf8(std::string_view bytes) {
  for (;;) {
    bytes.remove_prefix(ascii_prefix(bytes));
    if (bytes.empty()) return true;
    const CodePoint one = decode_utf8(bytes);
    if (one.length == 0) return false;
    bytes.remove_prefix(one.length);
  }
}

std::string to_utf8(std::string_view bytes, bool* lossy) {
  if (valid_utf8(bytes)) return std::string(bytes);  // most are
  std::string out;
  out.reserve(bytes.size());
  walk(
      bytes, [&](char32_t, std::string_view sequence) { out += sequence; },
      [&](unsigned char) {
        out += kReplacement;
        if (lossy != nullptr) *lossy = true;
      });
  return out;
}

std::string printable(std::string_view bytes) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (std::all_of(bytes.begin(), bytes.end(), plain)) return std::string(bytes);  // most are
  std::string out;
  out.reserve(bytes.size());
  walk(
      bytes,
      [&](char32_t point, std::string_view sequence) {
        const bool control =
            (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point < 0xA0);
        if (control) {
          append_hex(out, "\\x%02lx", static_cast<unsigned long>(point));
        } else {
          out += sequence;
        }
      },
      [&](unsigned char) { out += kReplacement; });
  return out;
}

std::string escape_ascii(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  const auto escape = [&](const char* format, unsigned long value) {
    append_hex(out, format, value);
  };
  walk(
      bytes,
      [&](char32_t point, std::string_view sequence) {
        if (point == '\\') {
          out += "\\\\";
        } else if (point == '\n') {
          out += "\\n";
        } else if (point == '\t') {
          out += "\\t";
        } else if (point < 0x20 || point == 0x7F) {
          escape("\\x%02lx", static_cast<unsigned long>(point));
        } else if (point < 0x7F) {
          out += sequence;
        } else if (point <= 0xFFFF) {
          escape("\\u%04lx", static_cast<unsigned long>(point));
        } else {
          escape("\\U%08lx", static_cast<unsigned long>(point));
        }
      },
      [&](unsigned char byte) { escape("\\x%02lx", byte); });
  return out;
}

std::size_t count_chars(std::string_view text) {
  // Every byte that does not continue a code point begins one: 10xxxxxx, its top bit set and the
  // next one not.
  return text.size() - count_bytes(text, [](std::uint64_t eight) { return eight & ~(eight << 1); });
}

std::size_t count_byte(std::string_view text, char byte) {
  const std::uint64_t all = kLowBits * static_cast<unsigned char>(byte);
  return count_bytes(text, [all](std::uint64_t eight) {
    const std::uint64_t other = eight ^ all;  // zero where it stands
    return ~(((other & ~kHighBits) + ~kHighBits) | other);
  });
}

std::string_view prefix_chars(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;  // a character is one byte at least
  std::size_t chars = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0u) != 0x80u && ++chars > max) {
      return text.substr(0, i);
    }
  }
  return text;
}

std::size_t utf8_boundary(std::string_view text, std::size_t max_bytes) {
  if (max_bytes >= text.size()) return text.size();
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return end;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join_text(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool equals_folded(std::string_view a, std::string_view b) {
  return a.size() == b.size() && lower_ascii(a) == lower_ascii(b);
}

bool starts_with_folded(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_folded(text.substr(0, prefix.size()), prefix);
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t max) {
  constexpr std::size_t kFarthest = 3;
  constexpr std::size_t kLongest = 255;  // longer names are not typed by hand; bounds the work
  std::vector<std::pair<std::size_t, std::string>> found;
  if (word.size() > kLongest) return {};
  const std::string folded = lower_ascii(word);
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    const std::size_t gap = candidate.size() > word.size() ? candidate.size() - word.size()
                                                           : word.size() - candidate.size();
    if (gap > kFarthest) continue;
    const std::size_t distance = edit_distance(folded, lower_ascii(candidate));
    if (distance <= kFarthest && distance < word.size()) found.emplace_back(distance, candidate);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (const auto& [distance, name] : found) {
    if (out.size() == max) break;
    out.push_back(name);
  }
  return out;
}

}  // namespace remit
