#include "tools/diagnostics/log_mask.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_time.h"

namespace remit::diagnostics {

namespace {

enum Class : std::uint8_t {
  kDigit = 1,
  kLetter = 2,
  kHexLetter = 4,
  kOpener = 8,
  kCloser = 16,
  kNumeric = 32,
  kBlank = 64,
  kLower = 128,
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> t{};
  for (unsigned c = 0; c < 256; ++c) {
    unsigned v = 0;
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    if (c >= '0' && c <= '9') v |= kDigit | kNumeric;
    if (lower || upper || c >= 0x80) v |= kLetter;
    if (lower) v |= kLower;
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) v |= kHexLetter;
    if (c == '(' || c == '[' || c == '{' || c == '<' || c == '\'' || c == '"' || c == '`')
      v |= kOpener;
    if (c == ')' || c == ']' || c == '}' || c == '>' || c == '\'' || c == '"' || c == '`' ||
        c == ',' || c == ';' || c == '.' || c == ':' || c == '!' || c == '?')
      v |= kCloser;
    if (c == '.' || c == ',' || c == ':' || c == '+' || c == '-' || c == '/' || c == '_' ||
        c == '%')
      v |= kNumeric;
    if (c == ' ' || (c >= '\t' && c <= '\r')) v |= kBlank;
    t[c] = static_cast<std::uint8_t>(v);
  }
  return t;
}
constexpr auto kClasses = make_classes();
constexpr bool is(char c, unsigned mask) {
  return (kClasses[static_cast<unsigned char>(c)] & mask) != 0;
}

bool all(std::string_view s, unsigned mask) {
  return std::all_of(s.begin(), s.end(), [mask](char c) { return is(c, mask); });
}
bool any(std::string_view s, unsigned mask) {
  return std::any_of(s.begin(), s.end(), [mask](char c) { return is(c, mask); });
}

constexpr std::array<std::string_view, 16> kSizes{
    "B", "k", "K", "KB", "kB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "M", "G", "T"};
constexpr std::array<std::string_view, 14> kDurations{
    "ns",      "us",  "ms",   "s",      "sec",     "secs", "second",
    "seconds", "min", "mins", "minute", "minutes", "h",    "hours"};

// The next word of `s` from *at; empty at the end.
std::string_view next_word(std::string_view s, std::size_t* at) {
  while (*at < s.size() && is(s[*at], kBlank)) ++*at;
  const std::size_t begin = *at;
  while (*at < s.size() && !is(s[*at], kBlank)) ++*at;
  return s.substr(begin, *at - begin);
}

// A dotted machine name with digits in it, or one in front of a port.
bool host(std::string_view s) {
  const std::size_t colon = s.rfind(':');
  bool port = false;
  if (colon != std::string_view::npos) {
    if (colon + 1 == s.size() || !all(s.substr(colon + 1), kDigit)) return false;
    port = true;
    s = s.substr(0, colon);
  }
  std::size_t dots = 0;
  bool digit = false, dash = false, letter = false;
  for (const char c : s) {
    if (c == '.')
      ++dots;
    else if (is(c, kDigit))
      digit = true;
    else if (c == '-' || c == '_')
      dash = true;
    else if (is(c, kLetter))
      letter = true;
    else
      return false;
  }
  if (!letter || s.empty() || s.front() == '.' || s.back() == '.') return false;
  if (port) return dots >= 1 || (digit && dash);
  const std::string_view top = s.substr(s.rfind('.') + 1);
  return dots >= 2 && (digit || dash) && top.size() >= 2 && top.size() <= 6 && all(top, kLower);
}

// A run of hexadecimal digits that is no word: with 0x, or long and with a digit in it.
bool hex(std::string_view s) {
  if (s.size() > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
    return all(s.substr(2), kDigit | kHexLetter);
  std::size_t digits = 0, letters = 0, dashes = 0;
  for (const char c : s) {
    if (is(c, kDigit))
      ++digits;
    else if (is(c, kHexLetter))
      ++letters;
    else if (c == '-' || c == ':')
      ++dashes;
    else
      return false;
  }
  return digits >= 1 && digits + letters >= 8 && dashes <= (digits + letters) / 2;
}

void emit(std::string* out, char mark, std::string_view lead, std::string_view body,
          std::string_view tail) {
  out->push_back(mark);
  out->append(lead);
  out->append(body);
  out->append(tail);
}

// Letters stay, runs of digits (with what joins digits) become <*>; behind "_", "#" or "@" and a
// digit the rest of the identifier is its number.
void mask_digits(std::string_view s, std::string* out) {
  for (std::size_t i = 0; i < s.size();) {
    const bool sign = (s[i] == '-' || s[i] == '+') && i + 1 < s.size() && is(s[i + 1], kDigit) &&
                      (i == 0 || !is(s[i - 1], kLetter | kDigit));
    if (!is(s[i], kDigit) && !sign) {
      out->push_back(s[i++]);
      continue;
    }
    const bool numbered = i > 0 && (s[i - 1] == '_' || s[i - 1] == '#' || s[i - 1] == '@');
    std::size_t e = i + 1;
    if (numbered) {
      while (e < s.size() && (is(s[e], kDigit | kLetter) || s[e] == '_' || s[e] == '-')) ++e;
    } else if (s[i] == '0' && e < s.size() && s[e] == 'x') {
      ++e;
      while (e < s.size() && is(s[e], kDigit | kHexLetter)) ++e;
    } else {
      while (e < s.size() &&
             (is(s[e], kDigit) || (is(s[e], kNumeric) && e + 1 < s.size() && is(s[e + 1], kDigit))))
        ++e;
    }
    out->append(kVariable);
    i = e;
  }
}

// One column without its brackets and punctuation.
void mask_core(std::string_view core, std::string* out) {
  if (core.empty()) return;
  const bool digit = any(core, kDigit);
  if (core[0] == '/' && core.size() > 1) {
    const std::string_view rest = core.substr(1);
    if (digit && (all(rest, kNumeric) || host(rest))) {
      out->push_back('/');
      out->append(kVariable);
      return;
    }
    if (rest.find('/') != std::string_view::npos) {
      out->append(kVariable);
      return;
    }
  }
  const std::size_t scheme = core.find("://");
  if (scheme != std::string_view::npos && scheme > 0) {
    out->append(kVariable);
    return;
  }
  if (!digit) {
    const std::size_t sign = core.find('@');
    if (sign != std::string_view::npos && sign > 0 &&
        core.find('.', sign) != std::string_view::npos)
      out->append(kVariable);
    else if (host(core))
      out->append(kVariable);
    else
      out->append(core);
    return;
  }
  if (all(core, kNumeric) || hex(core) || host(core)) {
    out->append(kVariable);
    return;
  }
  // A number with its unit.
  std::size_t letters = core.size();
  while (letters > 0 && is(core[letters - 1], kLetter)) --letters;
  if (letters > 0 && letters < core.size() && all(core.substr(0, letters), kNumeric)) {
    out->append(kVariable);
    const std::string_view unit = core.substr(letters);
    if (!one_of(unit, kSizes)) out->append(unit);
    return;
  }
  mask_digits(core, out);
}

// Splits a word at '=' and ',' and at a ':' that joins no number; each piece is a column.
void mask_word(std::string_view word, std::string* out, std::size_t* columns) {
  char mark = kColumn;
  std::size_t lead = 0, tail = word.size();
  while (lead < tail && is(word[lead], kOpener)) ++lead;
  while (tail > lead && is(word[tail - 1], kCloser)) --tail;
  const std::string_view core = word.substr(lead, tail - lead);
  // "()" where other lines have "(name)": an empty value is a value.
  if (core.empty() && lead == 1 && word.size() >= 2 &&
      (word.substr(0, 2) == "()" || word.substr(0, 2) == "[]")) {
    out->push_back(mark);
    out->push_back(word[0]);
    out->append(kVariable);
    out->append(word.substr(1));
    ++*columns;
    return;
  }
  std::size_t begin = 0;
  const bool whole = core.find("://") != std::string_view::npos || host(core) || hex(core) ||
                     all(core, kNumeric) ||
                     (!core.empty() && core[0] == '/' && host(core.substr(1)));
  if (!whole) {
    for (std::size_t i = 0; i + 1 < core.size(); ++i) {
      const char c = core[i];
      if (c != '=' && c != ':' && c != ',') continue;
      if (c != '=' && i > 0 && is(core[i - 1], kDigit) && is(core[i + 1], kDigit)) continue;
      if (*columns + 1 >= limits::kLogColumns) break;
      out->push_back(mark);
      if (begin == 0) out->append(word.substr(0, lead));
      mask_core(core.substr(begin, i - begin), out);
      out->push_back(c);
      mark = kGlued;
      ++*columns;
      begin = i + 1;
    }
  }
  out->push_back(mark);
  if (begin == 0) out->append(word.substr(0, lead));
  std::string_view last = core.substr(begin);
  if (begin != 0) {
    std::size_t open = 0;
    while (open < last.size() && is(last[open], kOpener)) out->push_back(last[open++]);
    last.remove_prefix(open);
  }
  mask_core(last, out);
  out->append(word.substr(tail));
  ++*columns;
}

}  // namespace

void mask(std::string_view content, std::string* out) {
  out->clear();
  std::size_t at = 0, columns = 0;
  while (true) {
    const std::string_view word = next_word(content, &at);
    if (word.empty()) return;
    if (columns + 1 >= limits::kLogColumns) return emit(out, kColumn, "", kVariable, "");
    if (word.size() > limits::kLogWordBytes) {
      emit(out, kColumn, "", kVariable, "");
      ++columns;
      continue;
    }
    // "Fri Jun 17 07:07:00 2005": one value.
    if (word.size() == 3 && (one_of(word, kDays) || one_of(word, kMonths))) {
      std::size_t ahead = at;
      std::string_view next = next_word(content, &ahead);
      if (one_of(word, kDays) && next.size() == 3 && one_of(next, kMonths))
        next = next_word(content, &ahead);
      if (!next.empty() && next.size() <= 2 && all(next, kDigit)) {
        at = ahead;
        next = next_word(content, &ahead);
        if (next.size() >= 5 && all(next, kNumeric)) {
          at = ahead;
          next = next_word(content, &ahead);
          if (next.size() == 4 && all(next, kDigit)) at = ahead;
        }
        emit(out, kColumn, "", kVariable, "");
        ++columns;
        continue;
      }
    }
    // "1293 bytes (1.26 KB)": the echo in brackets says the same value again and is not always
    // there.
    if (word.size() > 1 && word[0] == '(' && is(word[1], kDigit) && all(word.substr(1), kNumeric)) {
      std::size_t ahead = at;
      std::string_view unit = next_word(content, &ahead);
      while (!unit.empty() && is(unit.back(), kCloser) && unit.back() != ')') unit.remove_suffix(1);
      if (unit.size() > 1 && unit.back() == ')' &&
          one_of(unit.substr(0, unit.size() - 1), kSizes)) {
        at = ahead;
        continue;
      }
    }
    // "<1 sec": a bound of a duration, one value.
    if (word.size() > 1 && (word[0] == '<' || word[0] == '>') && all(word.substr(1), kDigit)) {
      std::size_t ahead = at;
      if (one_of(next_word(content, &ahead), kDurations)) {
        at = ahead;
        emit(out, kColumn, "", kVariable, "");
        ++columns;
        continue;
      }
    }
    mask_word(word, out, &columns);
  }
}

std::vector<std::string_view> columns_of(std::string_view masked) {
  std::vector<std::string_view> columns;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= masked.size(); ++i)
    if (i == masked.size() || masked[i] == kColumn || masked[i] == kGlued) {
      columns.push_back(masked.substr(begin, i - begin));
      begin = i;
    }
  return columns;
}

std::string shown(const std::vector<std::string_view>& columns) {
  std::string text;
  for (const std::string_view column : columns) {
    if (!text.empty() && column[0] == kColumn) text.push_back(' ');
    text.append(column.substr(1));
  }
  return text;
}

}  // namespace remit::diagnostics
