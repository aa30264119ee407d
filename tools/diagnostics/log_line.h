// One line of a log, taken apart: time, level, host, component, process, and the content that is
// the program's own message.
//
// Known headers: syslog (RFC 3164 with or without priority, RFC 5424, ISO time), log4j and its kin
// (logback, Python logging, PostgreSQL stderr, ZooKeeper, Hadoop), HDFS, Apache and nginx error
// logs, CLF/combined, klog, "[date] [level]", epoch prefixes with columns before them
// (supercomputer logs), JSON lines (Docker's wrapper too), logfmt. A line is judged by itself, so
// mixed files work; a line without a header is content as a whole.
//
// Time: an offset or zone in the line is used; without one the time is taken as UTC and `zoned` is
// false, so that a caller can say so. A time without a year gets the latest year that does not lie
// after the file's last change.
//
// Threads: pure functions. Input is bytes; views point into the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remit::diagnostics {

enum class Level : std::uint8_t { unknown, trace, debug, info, notice, warning, error, critical };
const char* to_string(Level level);
// "warn", "WARNING", "E", "err:" ... -> Level; unknown if it is none.
Level level_named(std::string_view word);

enum class LineFormat : std::uint8_t {
  plain,
  syslog,
  syslog5424,
  log4j,
  hdfs,
  bracketed,
  clf,
  nginx,
  klog,
  epoch,
  json,
  logfmt
};
const char* to_string(LineFormat format);
inline constexpr std::size_t kLineFormats = 12;

struct LogLine {
  LineFormat format = LineFormat::plain;
  std::optional<std::int64_t> time_ms;  // unix time
  bool zoned = false;                   // an offset or zone was in the line
  Level level = Level::unknown;
  std::string_view host, component, pid;
  std::string_view content;  // whole line if there is no header
};

// What a line alone does not say.
struct LineContext {
  std::int64_t changed_ms = 0;  // the file's modification time: no line is younger (plus a day)
  bool day_first = false;       // 03/04/2024 is the third of April
};

// `line` without its LF; one CR at the end is stripped.
LogLine parse_line(std::string_view line, const LineContext& context);

// Does this line, which has no header, continue the record above it (stack frames, wrapped text)?
bool continues_record(std::string_view line);

}  // namespace remit::diagnostics
