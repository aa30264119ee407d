// The shell policy: what a command text is judged to be before anything runs. The strictest verdict
// over every simple command in it, wherever it stands, and over the text itself.
//
//   allow  every command is matched by an allow rule, and nothing in the text asks
//   ask    something is not allowed by a rule, or is not understood
//   deny   a deny rule, a built-in denial (wipe, setid, raw-device), or a bound (too_large)
//
// Risk is low only if every command is understood, none interprets or destroys, and files are
// written inside the workspace alone; a low risk may be answered through the client.
//
// Reason codes: too_large, denied_command, wipe, setid, raw_device; hidden_text, unparsed,
// dynamic_command, dynamic_arithmetic, interpreter, shell_state, function_shadows,
// unsafe_assignment, wrapper_options, exec_expression, network, redirection, protected_path,
// destructive, file_write, write_redirection, path_outside_role, glob_option, endless_read,
// asking_rule, unknown_command, unknown_subcommand, unknown_flag, unknown_operand.
//
// Pure: no file, clock or state, so that the same question has the same answer in `remit explain`,
// in Access and in the starter. Reentrant. The policy is convenience; the sandbox is the boundary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.h"
#include "policy/shell_paths.h"
#include "policy/shell_rules.h"

namespace remit::policy {

// One simple command as it was judged.
struct ShellLine {
  int depth = 0;     // of substitutions, bash -c and the like around it
  std::string text;  // escaped
  ShellVerdict verdict = ShellVerdict::allow;
  Risk risk = Risk::low;
  std::string allowed_by;  // rule id, or "builtin"; empty unless allowed
  std::vector<ShellFinding> findings;
};

struct ShellJudgement {
  ShellAssessment assessment;         // findings: the strictest first; on allow, what allowed it
  std::vector<ShellLine> lines;       // in the order of the text
  std::vector<ShellFinding> general;  // about the text itself: hidden_text, unparsed, too_large
};

ShellJudgement judge_shell(std::string_view command, const ShellRules& rules,
                           const ShellScope& scope);

// The judgement without its lines: what decide() is given.
ShellAssessment assess(std::string_view command, const ShellRules& rules, const ShellScope& scope);

const char* to_string(ShellVerdict verdict);

}  // namespace remit::policy
