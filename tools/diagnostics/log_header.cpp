#include "tools/diagnostics/log_header.h"

#include <algorithm>
#include <array>

namespace remit::diagnostics {
namespace {

char fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
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

}  // namespace

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), digit);
}

void skip_spaces(std::string_view& s) {
  while (!s.empty() && (s[0] == ' ' || s[0] == '\t')) s.remove_prefix(1);
}
std::string_view word_of(std::string_view s) {
  std::size_t e = 0;
  while (e < s.size() && s[e] != ' ' && s[e] != '\t') ++e;
  return s.substr(0, e);
}

std::string_view bracketed(std::string_view s) {
  if (s.empty() || s[0] != '[') return {};
  int depth = 0;
  for (std::size_t i = 0; i < s.size() && i < 256; ++i) {
    if (s[i] == '[') ++depth;
    if (s[i] == ']' && --depth == 0) return s.substr(0, i + 1);
  }
  return {};
}

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

void strip_dash(std::string_view& s) {
  skip_spaces(s);
  if (s.size() > 1 && (s[0] == '-' || s[0] == '|' || s[0] == ':') && s[1] == ' ') {
    s.remove_prefix(1);
    skip_spaces(s);
  }
}

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

}  // namespace remit::diagnostics
