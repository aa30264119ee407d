#include "tools/diagnostics/log_line.h"

#include <algorithm>
#include <array>

#include "tools/diagnostics/log_header.h"
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
