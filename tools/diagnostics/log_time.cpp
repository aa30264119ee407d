#include "tools/diagnostics/log_time.h"

#include <utility>

namespace remit::diagnostics {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;

// A cursor over the text: every take_ either advances or leaves it.
struct Cursor {
  std::string_view s;
  std::size_t at = 0;

  char peek(std::size_t ahead = 0) const { return at + ahead < s.size() ? s[at + ahead] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at;
    return true;
  }
  bool number(std::size_t digits, unsigned* value) {
    unsigned v = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!digit(peek(i))) return false;
      v = v * 10 + static_cast<unsigned>(peek(i) - '0');
    }
    at += digits;
    *value = v;
    return true;
  }
  void spaces() {
    while (peek() == ' ') ++at;
  }
};

bool month_name(Cursor& c, unsigned* month) {
  const std::string_view word = c.s.substr(c.at, 3);
  for (unsigned i = 0; i < 12; ++i)
    if (word == kMonths[i]) {
      *month = i + 1;
      c.at += 3;
      return true;
    }
  return false;
}

struct Fields {
  std::int64_t year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, ms = 0;
  int offset_minutes = 0;
  bool zoned = false;
};

bool valid(const Fields& f) {
  return f.month >= 1 && f.month <= 12 && f.day >= 1 && f.day <= 31 && f.hour <= 23 &&
         f.minute <= 59 && f.second <= 60;
}

// HH:MM:SS with an optional fraction of 1 to 9 digits after '.' or ','.
bool clock_time(Cursor& c, Fields& f) {
  const std::size_t start = c.at;
  if (!c.number(2, &f.hour) || !c.take(':') || !c.number(2, &f.minute) || !c.take(':') ||
      !c.number(2, &f.second)) {
    c.at = start;
    return false;
  }
  if ((c.peek() == '.' || c.peek() == ',') && digit(c.peek(1))) {
    ++c.at;
    unsigned scale = 100;
    for (int i = 0; i < 9 && digit(c.peek()); ++i, ++c.at) {
      f.ms += static_cast<unsigned>(c.peek() - '0') * scale;
      scale /= 10;
    }
  }
  return true;
}

// "Z", "+02:00", "+0200", " UTC", " GMT", " CEST" (a name gives no offset that can be trusted,
// except UTC).
void zone(Cursor& c, Fields& f) {
  if (c.take('Z')) {
    f.zoned = true;
    return;
  }
  const std::size_t start = c.at;
  if (c.peek() == ' ' && (c.peek(1) == '+' || c.peek(1) == '-') && digit(c.peek(2)) &&
      digit(c.peek(5)))
    ++c.at;
  if (c.peek() == '+' || c.peek() == '-') {
    const int sign = c.peek() == '+' ? 1 : -1;
    ++c.at;
    unsigned hours = 0, minutes = 0;
    if (c.number(2, &hours) && (c.take(':') || true) && c.number(2, &minutes) && hours <= 14 &&
        minutes <= 59) {
      f.offset_minutes = sign * static_cast<int>(hours * 60 + minutes);
      f.zoned = true;
      return;
    }
    c.at = start;
    return;
  }
  for (const std::string_view name : {" UTC", " GMT"})
    if (c.s.substr(c.at, 4) == name &&
        (c.peek(4) == ' ' || c.peek(4) == ']' || c.peek(4) == '\0')) {
      c.at += 4;
      f.zoned = true;
      return;
    }
}

bool finish(Cursor& c, const Fields& f, std::string_view* text, ParsedTime* time, bool year_known) {
  if (!valid(f)) return false;
  time->ms =
      days_from_civil(f.year, f.month, f.day) * kDayMs +
      ((static_cast<std::int64_t>(f.hour) * 60 + f.minute - f.offset_minutes) * 60 + f.second) *
          1000 +
      f.ms;
  time->year_known = year_known;
  time->zoned = f.zoned;
  text->remove_prefix(c.at);
  return true;
}

// 2024-01-02T03:04:05.678+02:00 and with '/' or a space.
bool iso(Cursor c, std::string_view* text, ParsedTime* time) {
  Fields f;
  unsigned year = 0;
  if (!c.number(4, &year)) return false;
  f.year = year;
  const char separator = c.peek();
  if ((separator != '-' && separator != '/' && separator != '.') || year < 1970 || year > 2200)
    return false;
  ++c.at;
  if (!c.number(2, &f.month) || !c.take(separator) || !c.number(2, &f.day)) return false;
  if (!c.take('T') && !c.take(' ') && !c.take('-') && !c.take('_')) return false;
  c.spaces();
  if (!clock_time(c, f)) return false;
  zone(c, f);
  return finish(c, f, text, time, true);
}

// 081109 203615
bool compact(Cursor c, std::string_view* text, ParsedTime* time) {
  Fields f;
  unsigned year = 0;
  if (!c.number(2, &year) || !c.number(2, &f.month) || !c.number(2, &f.day) || !c.take(' ') ||
      !c.number(2, &f.hour) || !c.number(2, &f.minute) || !c.number(2, &f.second) ||
      digit(c.peek()))
    return false;
  f.year = 2000 + year;
  return finish(c, f, text, time, true);
}

// 10/Oct/2000:13:55:36 -0700
bool clf(Cursor c, std::string_view* text, ParsedTime* time) {
  Fields f;
  unsigned year = 0;
  if (!c.number(2, &f.day) || !c.take('/') || !month_name(c, &f.month) || !c.take('/') ||
      !c.number(4, &year) || !c.take(':') || !clock_time(c, f))
    return false;
  f.year = year;
  zone(c, f);
  return finish(c, f, text, time, true);
}

// 10.30 16:49:06 and 03/04/2024 16:49:06
bool numeric_date(Cursor c, std::string_view* text, ParsedTime* time, bool day_first) {
  Fields f;
  unsigned first = 0, second = 0, year = 0;
  if (!c.number(2, &first)) return false;
  const char separator = c.peek();
  if ((separator != '.' && separator != '/' && separator != '-') || !c.take(separator) ||
      !c.number(2, &second))
    return false;
  bool year_known = false;
  if (c.take(separator)) {
    if (!c.number(4, &year)) return false;
    f.year = year;
    year_known = true;
  }
  if (!c.take(' ')) return false;
  c.spaces();
  if (!clock_time(c, f)) return false;
  f.month = day_first ? second : first;
  f.day = day_first ? first : second;
  if (f.month > 12 && f.day <= 12) std::swap(f.month, f.day);
  zone(c, f);
  return finish(c, f, text, time, year_known);
}

// Jun 14 15:16:01, Sun Dec 04 04:47:44 2005
bool named_month(Cursor c, std::string_view* text, ParsedTime* time) {
  Fields f;
  for (const std::string_view day : kDays)
    if (c.s.substr(c.at, 3) == day && c.peek(3) == ' ') {
      c.at += 4;
      break;
    }
  c.spaces();
  if (!month_name(c, &f.month) || !c.take(' ')) return false;
  c.spaces();
  if (!c.number(2, &f.day) && !c.number(1, &f.day)) return false;
  if (!c.take(' ')) return false;
  c.spaces();
  bool year_known = false;
  unsigned year = 0;
  {
    Cursor before = c;
    if (before.number(4, &year) && before.take(' ')) {  // Dec 04 2005 04:47:44
      f.year = year;
      year_known = true;
      c = before;
    }
  }
  if (!clock_time(c, f)) return false;
  if (!year_known && c.peek() == ' ' && digit(c.peek(1)) && digit(c.peek(4)) && !digit(c.peek(5))) {
    Cursor after = c;
    ++after.at;
    if (after.number(4, &year) && year >= 1970 && year <= 2200) {
      f.year = year;
      year_known = true;
      c = after;
    }
  }
  zone(c, f);
  return finish(c, f, text, time, year_known);
}

bool epoch_number(Cursor c, std::string_view* text, ParsedTime* time) {
  std::size_t digits = 0;
  std::int64_t value = 0;
  while (digit(c.peek()) && digits < 20) {
    if (digits < 18) value = value * 10 + (c.peek() - '0');
    ++digits;
    ++c.at;
  }
  if (digits == 10)
    value *= 1000;
  else if (digits == 16)
    value /= 1000;
  else if (digits != 13)
    return false;
  if (c.s[0] != '1') return false;  // 2001 to 2033
  if (digits == 10 && c.peek() == '.') {
    ++c.at;
    std::int64_t scale = 100;
    while (digit(c.peek())) {
      value += (c.peek() - '0') * scale;
      scale /= 10;
      ++c.at;
    }
  }
  const char next = c.peek();
  if (next != ' ' && next != ']' && next != '\0' && next != ',' && next != '\t') return false;
  time->ms = value;
  time->zoned = time->year_known = true;
  text->remove_prefix(c.at);
  return true;
}

}  // namespace

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  // Days since 1970-01-01 of the proleptic Gregorian calendar: eras of 400 years that begin in
  // March.
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year =
      (153 * (static_cast<std::int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 +
      static_cast<std::int64_t>(day) - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

std::int64_t with_year(std::int64_t ms_in_1970, std::int64_t changed_ms) {
  const std::int64_t days = ms_in_1970 / kDayMs, rest = ms_in_1970 % kDayMs;
  // Month and day of the day number in 1970.
  static constexpr std::array<unsigned, 12> kLengths{31, 28, 31, 30, 31, 30,
                                                     31, 31, 30, 31, 30, 31};
  unsigned month = 0;
  std::int64_t left = days;
  while (month < 11 && left >= kLengths[month]) left -= kLengths[month++];
  std::int64_t year = 1970 + changed_ms / (kDayMs * 365);
  while (year > 1970) {
    const std::int64_t ms =
        days_from_civil(year, month + 1, static_cast<unsigned>(left + 1)) * kDayMs + rest;
    if (ms <= changed_ms + kDayMs) return ms;
    --year;
  }
  return ms_in_1970;
}

bool take_time(std::string_view* text, ParsedTime* time, bool day_first, bool epoch) {
  if (text->size() < 10) return false;
  const Cursor c{*text};
  const char first = (*text)[0];
  if (digit(first)) {
    const char third = (*text)[2], fifth = (*text)[4];
    if (fifth == '-' || fifth == '/' || fifth == '.') return iso(c, text, time);
    if (third == '/' || third == '.' || third == '-')
      return clf(c, text, time) || numeric_date(c, text, time, day_first);
    if ((*text)[6] == ' ') return compact(c, text, time);
    return epoch && epoch_number(c, text, time);
  }
  if (first >= 'A' && first <= 'W') return named_month(c, text, time);
  return false;
}

}  // namespace remit::diagnostics
