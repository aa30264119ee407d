// Log lines whose format is their own: JSON, logfmt, klog, CLF, epoch columns, RFC 5424.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "tools/diagnostics/log_header.h"

namespace remit::diagnostics {
namespace {

// The raw text of a JSON string or scalar at `i`; *i moves behind it. Nested values are skipped.
std::string_view json_value(std::string_view s, std::size_t* i) {
  const std::size_t begin = *i;
  if (begin < s.size() && s[begin] == '"') {
    std::size_t e = begin + 1;
    while (e < s.size() && s[e] != '"') e += s[e] == '\\' ? 2u : 1u;
    e = std::min(e, s.size());
    *i = std::min(e + 1, s.size());
    return s.substr(begin + 1, e - begin - 1);
  }
  std::size_t e = begin;
  int depth = 0;
  while (e < s.size()) {
    if (s[e] == '"') {
      json_value(s, &e);  // a string inside: once, not nested
      continue;
    }
    if (s[e] == '{' || s[e] == '[') ++depth;
    if ((s[e] == '}' || s[e] == ']') && --depth < 0) break;
    if (s[e] == ',' && depth == 0) break;
    ++e;
  }
  *i = e;
  return s.substr(begin, e - begin);
}

constexpr std::array<std::string_view, 8> kTimeKeys{"time", "ts",        "timestamp", "@timestamp",
                                                    "t",    "eventTime", "datetime",  "asctime"};
constexpr std::array<std::string_view, 6> kLevelKeys{"level",     "severity",  "lvl",
                                                     "levelname", "log.level", "loglevel"};
constexpr std::array<std::string_view, 5> kTextKeys{"msg", "message", "log", "event", "MESSAGE"};
constexpr std::array<std::string_view, 5> kComponentKeys{"logger", "component", "service", "name",
                                                         "module"};

void field(LogLine& line, std::string_view key, std::string_view value, const LineContext& context,
           bool* text) {
  if (one_of(key, kTimeKeys)) {
    ParsedTime time;
    std::string_view rest = value;
    if (!line.time_ms && take_time(&rest, &time, context.day_first, true))
      set_time(line, time, context);
  } else if (one_of(key, kLevelKeys)) {
    line.level = level_named(value);
  } else if (one_of(key, kTextKeys) && !*text) {
    line.content = value;
    *text = true;
  } else if (one_of(key, kComponentKeys)) {
    line.component = value;
  }
}

}  // namespace

bool json_line(std::string_view s, LogLine& line, const LineContext& context) {
  std::size_t i = 1, keys = 0;
  bool text = false;
  while (i < s.size() && keys < 64) {
    while (i < s.size() && (s[i] == ' ' || s[i] == ',')) ++i;
    if (i >= s.size() || s[i] != '"') break;
    const std::string_view key = json_value(s, &i);
    while (i < s.size() && (s[i] == ' ' || s[i] == ':')) ++i;
    field(line, key, json_value(s, &i), context, &text);
    ++keys;
  }
  if (!text) return false;
  line.format = LineFormat::json;
  while (line.content.size() >= 2 && line.content.substr(line.content.size() - 2) == "\\n")
    line.content.remove_suffix(2);
  return true;
}

bool logfmt_line(std::string_view s, LogLine& line, const LineContext& context) {
  std::size_t i = 0, keys = 0;
  bool text = false;
  while (i < s.size() && keys < 64) {
    while (i < s.size() && s[i] == ' ') ++i;
    const std::size_t begin = i;
    while (i < s.size() && s[i] != '=' && s[i] != ' ') ++i;
    if (i >= s.size() || s[i] != '=') return false;
    const std::string_view key = s.substr(begin, i - begin);
    ++i;
    std::string_view value;
    if (i < s.size() && s[i] == '"') {
      value = json_value(s, &i);
    } else {
      const std::size_t from = i;
      while (i < s.size() && s[i] != ' ') ++i;
      value = s.substr(from, i - from);
    }
    field(line, key, value, context, &text);
    ++keys;
  }
  if (!text || keys < 2) return false;
  line.format = LineFormat::logfmt;
  return true;
}

// E0102 15:04:05.000000    1234 file.go:12] content
bool klog_line(std::string_view s, LogLine& line, const LineContext& context) {
  static constexpr std::string_view kLetters = "IWEF";
  const std::size_t kind = kLetters.find(s[0]);
  if (kind == std::string_view::npos || s.size() < 22 || !all_digits(s.substr(1, 4)) ||
      s[5] != ' ' || s[8] != ':')
    return false;
  const std::size_t close = s.find("] ");
  if (close == std::string_view::npos || close > 160) return false;
  const std::string date = std::string(s.substr(1, 2)) + "." + std::string(s.substr(3, 2)) +
                           std::string(s.substr(5, 16));
  std::string_view rest = date;
  ParsedTime time;
  if (!take_time(&rest, &time, false, false)) return false;
  set_time(line, time, context);
  line.level = std::array{Level::info, Level::warning, Level::error, Level::critical}[kind];
  std::string_view head = s.substr(21, close - 21);
  while (!head.empty() && (head[0] == ' ' || digit(head[0]))) head.remove_prefix(1);
  line.component = head;
  line.content = s.substr(close + 2);
  line.format = LineFormat::klog;
  return true;
}

// host ident user [time] "request" status bytes ...
bool clf_line(std::string_view s, LogLine& line, const LineContext& context) {
  const std::size_t open = s.find(" [");
  if (open == std::string_view::npos || open > 512) return false;
  std::string_view rest = s.substr(open + 2);
  if (rest.size() < 20 || rest[2] != '/') return false;
  ParsedTime time;
  if (!take_time(&rest, &time, context.day_first, false) || rest.substr(0, 2) != "] ") return false;
  set_time(line, time, context);
  line.host = word_of(s);
  line.content = rest.substr(2);
  line.format = LineFormat::clf;
  // The status class is the level of an access log.
  const std::size_t quote = line.content.find("\" ");
  if (quote != std::string_view::npos && quote + 2 < line.content.size())
    line.level = line.content[quote + 2] == '5'   ? Level::error
                 : line.content[quote + 2] == '4' ? Level::warning
                                                  : Level::info;
  return true;
}

// Columns with an epoch time among the first six: "134681 node-246 unix.hw state 1077804742 1
// text".
bool epoch_line(std::string_view s, LogLine& line) {
  std::string_view rest = s;
  for (int column = 0; column < 6; ++column) {
    const std::string_view word = word_of(rest);
    if (word.empty()) break;
    ParsedTime time;
    std::string_view number = word;
    if (word.size() == 10 && all_digits(word) && take_time(&number, &time, false, true)) {
      line.time_ms = time.ms;
      line.zoned = true;
      rest.remove_prefix(word.size());
      skip_spaces(rest);
      const std::string_view flag = word_of(rest);
      if (column > 0 && !flag.empty() && flag.size() <= 2 && digit(flag.back()) &&
          (flag.size() == 1 || flag[0] == '-')) {
        rest.remove_prefix(flag.size());
        skip_spaces(rest);
      }
      take_items(rest, line);
      line.content = rest;
      line.format = LineFormat::epoch;
      return true;
    }
    if (column == 1) line.host = word;
    if (column == 2) line.component = word;
    rest.remove_prefix(word.size());
    skip_spaces(rest);
  }
  line.host = line.component = {};
  return false;
}

// <34>1 2003-10-11T22:14:15.003Z host app pid id [data] text
bool syslog5424(std::string_view s, LogLine& line, const LineContext& context) {
  ParsedTime time;
  if (!take_time(&s, &time, context.day_first, false)) return false;
  set_time(line, time, context);
  std::string_view* const parts[] = {&line.host, &line.component, &line.pid};
  for (std::string_view* part : parts) {
    skip_spaces(s);
    *part = word_of(s);
    s.remove_prefix(part->size());
  }
  skip_spaces(s);
  s.remove_prefix(word_of(s).size());
  skip_spaces(s);
  if (const std::string_view data = bracketed(s); !data.empty())
    s.remove_prefix(data.size());
  else if (!s.empty() && s[0] == '-')
    s.remove_prefix(1);
  skip_spaces(s);
  line.content = s;
  line.format = LineFormat::syslog5424;
  return true;
}

}  // namespace remit::diagnostics
