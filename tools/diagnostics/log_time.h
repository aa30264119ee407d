// Timestamps at the beginning of a text. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace remit::diagnostics {

// Names as logs abbreviate them (RFC 3164 and its kin).
inline constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
inline constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu",
                                                       "Fri", "Sat", "Sun"};

constexpr bool digit(char c) {
  return c >= '0' && c <= '9';
}

struct ParsedTime {
  std::int64_t ms = 0;  // unix time; without `year_known` the year is 1970
  bool year_known = true;
  bool zoned = false;
};

// If `*text` begins with a time, reads it, removes it from *text and returns true. `epoch` allows
// bare numbers (seconds, ms or us since 1970).
bool take_time(std::string_view* text, ParsedTime* time, bool day_first, bool epoch);

// Puts a time without a year into the latest year that does not lie after `changed_ms` plus a day.
std::int64_t with_year(std::int64_t ms_in_1970, std::int64_t changed_ms);

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day);

}  // namespace remit::diagnostics
