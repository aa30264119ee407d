// The shell policy on any bytes: it ends, what it shows is printable ASCII, what is not understood
// is never allowed, and a text is never judged more weakly for standing in a subshell.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/shell_assess.h"
#include "policy/shell_parser.h"
#include "policy/shell_render.h"
#include "tests/fuzz/require.h"

namespace {

const remit::policy::ShellRules& rules() {
  static const auto loaded = remit::policy::load_shell_rules(
      "version: 1\n"
      "wrappers: [env, timeout, nice, xargs, command, exec, time]\n"
      "rules:\n"
      "  - {id: show, argv0: [cat, ls], flags: {allow: ['-n', '-k:int', '--sort:any', '--']},\n"
      "     operands: [{role: read}], decision: allow, tests: {match: ['cat a']}}\n"
      "  - {id: print, argv0: [echo], operands: [text], decision: allow, tests: {match: [echo "
      "a]}}\n"
      "  - {id: never, argv0: [sudo], decision: deny, tests: {match: [sudo a]}}\n",
      "fuzz");
  REQUIRE_THAT(loaded.has_value());
  return *loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remit::policy;
  const std::string text(reinterpret_cast<const char*>(data), size);
  ShellScope scope;
  scope.workspace = scope.cwd = "/srv/app";
  const ShellJudgement judgement = judge_shell(text, rules(), scope);
  const ShellAssessment& found = judgement.assessment;
  const std::string shown = render_shell(text, judgement, rules());
  REQUIRE_THAT(std::all_of(shown.begin(), shown.end(),
                           [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  const ShellScript script = parse_shell(text);
  REQUIRE_THAT(script.unparsed.empty() || found.verdict != ShellVerdict::allow);
  REQUIRE_THAT(script.refused.empty() || found.verdict == ShellVerdict::deny);
  REQUIRE_THAT(found.verdict == ShellVerdict::allow || !found.findings.empty());
  if (found.verdict == ShellVerdict::allow) return 0;
  const ShellAssessment inner = assess("( " + text + "\n)", rules(), scope);
  REQUIRE_THAT(inner.verdict != ShellVerdict::allow);
  return 0;
}
