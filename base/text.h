// Text: validation, escaping and small formatting that every module needs. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remit {

// True if `bytes` is well-formed UTF-8 (no surrogates, no overlong forms; RFC 3629).
bool valid_utf8(std::string_view bytes);

// `bytes` with every malformed sequence replaced by U+FFFD. *lossy is set if anything was replaced.
std::string to_utf8(std::string_view bytes, bool* lossy = nullptr);

// For a human or a model to read: control bytes other than '\n' and '\t' become \x1b form,
// malformed UTF-8 becomes U+FFFD. What it returns can be printed on a terminal.
std::string printable(std::string_view bytes);

// Pure printable ASCII on one line, injective: '\' is doubled, control and non-ASCII code points
// become \n \t \xHH \uHHHH \UHHHHHHHH; bytes that are not UTF-8 become \xHH. What a person approves
// is shown in this form (docs/security.md).
std::string escape_ascii(std::string_view bytes);

// The first `max` code points of well-formed UTF-8 text.
std::string_view prefix_chars(std::string_view text, std::size_t max);
std::size_t count_chars(std::string_view text);
std::size_t count_byte(std::string_view text, char byte);
// The largest length <= max_bytes that ends on a code point boundary.
std::size_t utf8_boundary(std::string_view text, std::size_t max_bytes);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join_text(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower_ascii(std::string_view text);
bool starts_with_folded(std::string_view text, std::string_view prefix);  // ASCII case folding
bool equals_folded(std::string_view a, std::string_view b);

template <class List>
bool one_of(std::string_view word, const List& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// 1234567 -> "1,234,567".
std::string with_commas(std::uint64_t number);
// 1536 -> "1.5 KiB".
std::string human_bytes(std::uint64_t bytes);

// The candidates nearest to `word` by edit distance (at most `max`, distance <= 3), for messages.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t max = 3);

}  // namespace remit
