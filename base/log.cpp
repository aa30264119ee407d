#include "base/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/text.h"

namespace remit::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

std::function<std::string(std::string_view)>& filter() {
  static std::function<std::string(std::string_view)> current;
  return current;
}

// A JSON string of printable ASCII: nothing that is quoted can end the line or move a cursor.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  const std::string shown = filter() ? filter()(text) : std::string(text);
  for (const char c : escape_ascii(shown)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

void start(Level minimum) {
  auto logger =
      std::make_shared<spdlog::logger>("remit", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(to_spdlog(minimum));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void set_filter(std::function<std::string(std::string_view)> filter_to_use) {
  filter() = std::move(filter_to_use);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  spdlog::logger* const logger = spdlog::default_logger_raw();
  if (logger == nullptr || !logger->should_log(to_spdlog(level))) return;
  std::string line = "{\"time\":\"" + rfc3339(system_clock().unix_ms()) + "\",\"level\":\"" +
                     name_of(level) + "\",\"message\":";
  append_string(line, message);
  for (const auto& [key, value] : fields) {
    line += ',';
    append_string(line, key);
    line += ':';
    append_string(line, value);
  }
  line += '}';
  logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace remit::log
