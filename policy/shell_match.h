// Whether one rule applies to one simple command: flags with their values, subcommand, operands.
// Pure, reentrant, no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_paths.h"
#include "policy/shell_rules.h"

namespace remit::policy {

// Arguments of a command, without its name.
using ShellArguments = std::vector<const ShellWord*>;

// Why a rule does not apply, from far to near: the nearest miss is what a person is told.
enum class ShellMiss {
  command,            // another command
  subcommand,         // another subcommand
  unknown_flag,       // a flag that the rule does not list
  unknown_operand,    // an operand where it takes none
  glob_option,        // a word that can turn into a flag
  path_outside_role,  // a path that may not be read
  none,               // it applies
};

struct ShellMatch {
  ShellMiss miss = ShellMiss::none;
  std::string what;   // the word concerned, as written
  bool known = true;  // its value is known
  bool applies() const { return miss == ShellMiss::none; }
};

ShellMatch match_shell_rule(const ShellRule& rule, std::string_view command,
                            const ShellArguments& arguments, const ShellPaths& paths);

}  // namespace remit::policy
