// What a person approves: escaping can be undone, so no two commands look the same, and the first
// line of a question is the whole command and nothing else.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/shell_assess.h"
#include "policy/shell_render.h"
#include "tests/fuzz/require.h"

namespace {

void append_utf8(std::string& out, unsigned long point) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80 | ((point >> shift) & 0x3F));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | (point >> 18));
    tail(12), tail(6), tail(0);
  }
}

// The inverse of remit::escape_ascii, written apart from it; nullopt: not something it writes.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < ' ' || text[i] > '~') return std::nullopt;
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    std::size_t digits = 0;
    switch (text[i]) {
      case '\\':
        out += '\\';
        continue;
      case 'n':
        out += '\n';
        continue;
      case 't':
        out += '\t';
        continue;
      case 'x':
        digits = 2;
        break;
      case 'u':
        digits = 4;
        break;
      case 'U':
        digits = 8;
        break;
      default:
        return std::nullopt;
    }
    const std::string hex(text.substr(i + 1, digits));
    if (hex.size() != digits || hex.find_first_not_of("0123456789abcdef") != hex.npos) {
      return std::nullopt;
    }
    const unsigned long value = std::stoul(hex, nullptr, 16);
    if (digits == 2) {
      out += static_cast<char>(value);
    } else {
      append_utf8(out, value);
    }
    i += digits;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remit::policy;
  const std::string command(reinterpret_cast<const char*>(data), size);
  REQUIRE_THAT(unescape(remit::escape_ascii(command)) == command);
  static const ShellRules kNoRules;
  ShellScope scope;
  scope.workspace = scope.cwd = "/srv/app";
  const std::string shown = render_shell(command, judge_shell(command, kNoRules, scope), kNoRules);
  REQUIRE_THAT(shown.starts_with("$ ") && shown.ends_with("\n"));
  REQUIRE_THAT(unescape(shown.substr(2, shown.find('\n') - 2)) == command);
  // Every other line is the product's own: none can be taken for a second command or a verdict.
  std::size_t verdicts = 0;
  for (const std::string_view line : remit::split(shown, '\n')) {
    if (line.starts_with("verdict: ")) ++verdicts;
  }
  REQUIRE_THAT(verdicts == 1);
  return 0;
}
