// What the header of a log line is made of, and the formats that have one of their own. Private to
// log_line.h's .cpp files. Pure functions; a function that takes `std::string_view& s` moves it
// behind what it read, and leaves `s` and `line` alone if it gives false.
#pragma once

#include <string_view>

#include "tools/diagnostics/log_line.h"
#include "tools/diagnostics/log_time.h"

namespace remit::diagnostics {

constexpr bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool all_digits(std::string_view s);

void skip_spaces(std::string_view& s);
// Up to the next blank; `s` stays.
std::string_view word_of(std::string_view s);
// A bracketed item with its nested brackets; empty if there is none or it does not close.
std::string_view bracketed(std::string_view s);
// A level as a header writes it: bare, in brackets, with a colon. Headers use capitals, or
// brackets.
Level header_level(std::string_view word);
void strip_dash(std::string_view& s);
// "host prog[pid]: " behind a syslog time. `loose`: any name in front of the first ": ".
bool take_program(std::string_view& s, LogLine& line, bool loose);
// Level, thread, component in the orders that logging libraries write them, behind the time.
void take_items(std::string_view& s, LogLine& line);
void set_time(LogLine& line, const ParsedTime& time, const LineContext& context);

// The formats (log_formats.cpp): each takes a whole line, or says false.
bool json_line(std::string_view s, LogLine& line, const LineContext& context);
bool logfmt_line(std::string_view s, LogLine& line, const LineContext& context);
bool klog_line(std::string_view s, LogLine& line, const LineContext& context);
bool clf_line(std::string_view s, LogLine& line, const LineContext& context);
bool epoch_line(std::string_view s, LogLine& line);
bool syslog5424(std::string_view s, LogLine& line, const LineContext& context);

}  // namespace remit::diagnostics
