// Over 400 lines because the formats share one set of small readers, and a line tries them in turn.
#include "tools/diagnostics/log_line.h"

#include <algorithm>
#include <array>

#include "tools/diagnostics/log_time.h"

namespace remit::diagnostics {

const char* to_string(Level level) {
  switch (level) {
    case Level::unknown:
      return "unknown";
    case Level::trace:
      return "trace";
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::notice:
      return "notice";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
    case Level::critical:
      return "critical";
  }
  return "unknown";
}

const char* to_string(LineFormat format) {
  switch (format) {
    case LineFormat::plain:
      return "plain";
    case LineFormat::syslog:
      return "syslog";
    case LineFormat::syslog5424:
      return "syslog5424";
    case LineFormat::log4j:
      return "log4j";
    case LineFormat::hdfs:
      return "hdfs";
    case LineFormat::bracketed:
      return "bracketed";
    case LineFormat::clf:
      return "clf";
    case LineFormat::nginx:
      return "nginx";
    case LineFormat::klog:
      return "klog";
    case LineFormat::epoch:
      return "epoch";
    case LineFormat::json:
      return "json";
    case LineFormat::logfmt:
      return "logfmt";
  }
  return "plain";
}

namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), digit);
}

struct Named {
  std::string_view word;
  Level level;
};
constexpr std::array<Named, 24> kLevels{{
    {"trace", Level::trace},      {"finest", Level::trace},   {"finer", Level::trace},
    {"debug", Level::debug},      {"fine", Level::debug},     {"info", Level::info},
    {"information", Level::info}, {"log", Level::info},       {"config", Level::info},
    {"statement", Level::info},   {"notice", Level::notice},  {"detail", Level::info},
    {"hint", Level::info},        {"warn", Level::warning},   {"warning", Level::warning},
    {"error", Level::error},      {"err", Level::error},      {"severe", Level::error},
    {"fatal", Level::critical},   {"crit", Level::critical},  {"critical", Level::critical},
    {"alert", Level::critical},   {"emerg", Level::critical}, {"panic", Level::critical},
}};

void skip_spaces(std::string_view& s) {
  while (!s.empty() && (s[0] == ' ' || s[0] == '\t')) s.remove_prefix(1);
}
std::string_view word_of(std::string_view s) {
  std::size_t e = 0;
  while (e < s.size() && s[e] != ' ' && s[e] != '\t') ++e;
  return s.substr(0, e);
}

// Reads a bracketed item with its nested brackets; empty if there is none or it does not close.
std::string_view bracketed(std::string_view s) {
  if (s.empty() || s[0] != '[') return {};
  int depth = 0;
  for (std::size_t i = 0; i < s.size() && i < 256; ++i) {
    if (s[i] == '[') ++depth;
    if (s[i] == ']' && --depth == 0) return s.substr(0, i + 1);
  }
  return {};
}

// A level as a header writes it: bare, in brackets, with a colon. Headers use capitals, or
// brackets.
Level header_level(std::string_view word) {
  bool marked = false;
  if (word.size() > 2 &&
      ((word.front() == '[' && word.back() == ']') || (word.front() == '<' && word.back() == '>') ||
       (word.front() == '(' && word.back() == ')'))) {
    word = word.substr(1, word.size() - 2);
    marked = true;
  }
  while (!word.empty() && word.back() == ':') {
    word.remove_suffix(1);
    marked = true;
  }
  // Apache 2.4: "[core:error]".
  if (const std::size_t colon = word.rfind(':'); marked && colon != std::string_view::npos)
    word = word.substr(colon + 1);
  if (word.size() < 3 || word.size() > 11) return Level::unknown;
  const bool capitals =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!capitals && !marked) return Level::unknown;
  return level_named(word);
}

// "org.apache.Main:", "sshd[12]:", "dfs.DataNode$X:" — a name that a colon ends.
bool component_word(std::string_view word) {
  if (word.size() < 2 || word.back() != ':') return false;
  bool structure = false;
  for (const char c : word.substr(0, word.size() - 1)) {
    if (c == '.' || c == '$' || c == '/' || c == '_')
      structure = true;
    else if (!letter(c) && !digit(c) && c != '-' && c != ':' && c != '(' && c != ')' && c != '[' &&
             c != ']' && c != '@')
      return false;
  }
  return structure && letter(word[0]);
}

void strip_dash(std::string_view& s) {
  skip_spaces(s);
  if (s.size() > 1 && (s[0] == '-' || s[0] == '|' || s[0] == ':') && s[1] == ' ') {
    s.remove_prefix(1);
    skip_spaces(s);
  }
}

// "host prog[pid]: " behind a syslog time. `loose`: any name in front of the first ": ".
bool take_program(std::string_view& s, LogLine& line, bool loose) {
  std::string_view rest = s;
  const std::string_view host = word_of(rest);
  if (host.empty() || host.back() == ':' || !(letter(host[0]) || digit(host[0]))) return false;
  rest.remove_prefix(host.size());
  skip_spaces(rest);
  std::size_t end = 0, words = 1;
  for (; end < rest.size() && end < 96; ++end) {
    if (rest[end] == ' ' && ++words > 3) return false;
    if (rest[end] == ':' && (end + 1 == rest.size() || rest[end + 1] == ' ')) break;
  }
  if (end >= rest.size() || rest[end] != ':' || end == 0) return false;
  std::string_view program = rest.substr(0, end);
  const std::size_t open = program.find('[');
  if (!loose && (open == std::string_view::npos || program.back() != ']')) return false;
  if (open != std::string_view::npos && program.back() == ']') {
    line.pid = program.substr(open + 1, program.size() - open - 2);
    program = program.substr(0, open);
  }
  line.host = host;
  line.component = program;
  s = rest.substr(end + 1);
  skip_spaces(s);
  return true;
}

// Level, thread, component in the orders that logging libraries write them, behind the time.
void take_items(std::string_view& s, LogLine& line) {
  strip_dash(s);
  for (int items = 0; items < 6; ++items) {
    const std::string_view word = word_of(s);
    if (word.empty()) return;
    if (line.level == Level::unknown) {
      if (const Level level = header_level(word); level != Level::unknown) {
        line.level = level;
        s.remove_prefix(word.size());
        strip_dash(s);
        continue;
      }
      // Something in front of the level: a process id, a logger's name, "user@db".
      std::string_view ahead = s.substr(word.size());
      skip_spaces(ahead);
      if (ahead.substr(0, 2) == "- ") ahead.remove_prefix(2);
      std::string_view bracket = bracketed(s);
      if (!bracket.empty()) {
        ahead = s.substr(bracket.size());
        strip_dash(ahead);
      }
      bool level_near = false;
      std::string_view look = ahead;
      for (int k = 0; k < 2 && !level_near; ++k) {
        const std::string_view next = word_of(look);
        level_near = header_level(next) != Level::unknown;
        look.remove_prefix(next.size());
        skip_spaces(look);
      }
      if (!level_near) return;
      if (!bracket.empty() || all_digits(word))
        line.pid = bracket.empty() ? word : bracket.substr(1, bracket.size() - 2);
      else
        line.component = word;
      s = ahead;
      continue;
    }
    if (const std::string_view bracket = bracketed(s); !bracket.empty() && line.pid.empty()) {
      line.pid = bracket.substr(1, bracket.size() - 2);
      s.remove_prefix(bracket.size());
      strip_dash(s);
      continue;
    }
    if (line.component.empty() && component_word(word)) {
      line.component = word.substr(0, word.size() - 1);
      s.remove_prefix(word.size());
      strip_dash(s);
      continue;
    }
    return;
  }
}

void set_time(LogLine& line, const ParsedTime& time, const LineContext& context) {
  line.time_ms = time.year_known ? time.ms : with_year(time.ms, context.changed_ms);
  line.zoned = time.zoned;
}

// --- structured lines ---

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

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
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

}  // namespace

Level level_named(std::string_view word) {
  while (!word.empty() && (word.back() == ':' || word.back() == ']')) word.remove_suffix(1);
  while (!word.empty() && word.front() == '[') word.remove_prefix(1);
  for (const Named& named : kLevels) {
    if (named.word.size() != word.size()) continue;
    if (std::equal(word.begin(), word.end(), named.word.begin(),
                   [](char a, char b) { return fold(a) == b; }))
      return named.level;
  }
  return Level::unknown;
}

LogLine parse_line(std::string_view line, const LineContext& context) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  LogLine out;
  out.content = line;
  std::string_view s = line;
  if (s.size() < 8) return out;

  if (s[0] == '<') {  // syslog priority: facility * 8 + severity
    const std::size_t close = s.substr(0, 6).find('>');
    if (close != std::string_view::npos && all_digits(s.substr(1, close - 1))) {
      static constexpr std::array kSeverities{Level::critical, Level::critical, Level::critical,
                                              Level::error,    Level::warning,  Level::notice,
                                              Level::info,     Level::debug};
      unsigned priority = 0;
      for (const char c : s.substr(1, close - 1))
        priority = priority * 10 + static_cast<unsigned>(c - '0');
      out.level = kSeverities[priority % 8];
      s.remove_prefix(close + 1);
      if (s.substr(0, 2) == "1 ") {
        s.remove_prefix(2);
        if (syslog5424(s, out, context)) return out;
      }
    }
  }
  if (s[0] == '{' && json_line(s, out, context)) return out;
  if (klog_line(s, out, context)) return out;

  ParsedTime time;
  const bool bracket = s[0] == '[';
  std::string_view rest = s;
  if (bracket) rest.remove_prefix(1);
  if (rest.size() >= 10 && take_time(&rest, &time, context.day_first, true)) {
    if (bracket) {
      const std::size_t close = rest.find(']');
      if (close == std::string_view::npos || close > 8) return out;
      rest.remove_prefix(close + 1);
    } else if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t' && rest[0] != ',' &&
               rest[0] != ':') {
      return out;
    }
    set_time(out, time, context);
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == ',' || rest[0] == ':'))
      rest.remove_prefix(1);
    const char first = s[0];
    const bool named = letter(first);
    out.format = bracket ? LineFormat::bracketed : LineFormat::log4j;
    if (!bracket && s[6] == ' ' && digit(first)) out.format = LineFormat::hdfs;
    if (named && take_program(rest, out, true)) {
      out.format = LineFormat::syslog;
    } else {
      take_items(rest, out);
      if (out.level == Level::unknown && !bracket && take_program(rest, out, named))
        out.format = LineFormat::syslog;
      if (bracket && out.level == Level::unknown) {
        // "[time] program - text"
        const std::string_view program = word_of(rest);
        std::string_view after = rest.substr(program.size());
        std::size_t extra = 0;  // "program *64 - text"
        if (after.size() > 1 && after.substr(0, 2) == " *")
          extra = 1 + word_of(after.substr(1)).size();
        if (after.substr(extra, 3) == " - ") {
          out.component = program;
          rest = after.substr(extra + 3);
        }
      }
    }
    if (s.size() > 5 && s[4] == '/' && out.level != Level::unknown) out.format = LineFormat::nginx;
    out.content = rest;
    return out;
  }
  if (clf_line(s, out, context)) return out;
  if (digit(s[0]) && epoch_line(s, out)) return out;
  if (letter(s[0]) && s.find('=') < 32 && logfmt_line(s, out, context)) return out;
  // "ERROR:root:text", "[error] text", "WARN text"
  std::string_view items = s;
  if (header_level(word_of(items)) != Level::unknown) {
    take_items(items, out);
    out.content = items;
  }
  return out;
}

bool continues_record(std::string_view line) {
  if (line.empty()) return false;
  if (line[0] == ' ' || line[0] == '\t') return true;
  for (const std::string_view start :
       {"at ", "Caused by:", "Traceback ", "File \"", "goroutine ", "...", "}"})
    if (line.substr(0, start.size()) == start) return true;
  return false;
}

}  // namespace remit::diagnostics
