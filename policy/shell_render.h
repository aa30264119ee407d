// A judged command as text for the person who is asked: the raw command escaped to one line of
// printable ASCII, then one line for each command found in it with its verdict and reason, deeper
// ones indented, then what is wrong with the text itself. Nothing is cut: the caller decides
// whether the whole fits where it is shown. Pure.
//
//   $ wc -l *.log
//   ask   wc -l *.log
//         glob_option (high risk): wc *.log
//   verdict: ask, high risk
#pragma once

#include <string>
#include <string_view>

#include "policy/shell_assess.h"

namespace remit::policy {

std::string render_shell(std::string_view command, const ShellJudgement& judgement,
                         const ShellRules& rules);

}  // namespace remit::policy
