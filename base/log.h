// The server's log: JSON lines on stderr, never stdout (which is the protocol's), every message
// through redaction and escaped, so that a log line is one line whatever it quotes. spdlog stays
// behind log.cpp. Threads: safe from any thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace remit::log {

enum class Level { debug, info, warning, error };
using Field = std::pair<std::string_view, std::string>;

// Must be the first call of main(): from then on the process-wide default logger is stderr.
void start(Level minimum);
// Every message and field passes `filter` (the redactor's) before it is written. Call it once,
// before other threads exist.
void set_filter(std::function<std::string(std::string_view)> filter);
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::info, m, f);
}
inline void warning(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::warning, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::error, m, f);
}

}  // namespace remit::log
