// Commands that run another one: where their own options end and the inner command begins. An
// option that is not in the table leaves the command not understood; it then asks. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_match.h"

namespace remit::policy {

struct ShellUnwrapped {
  bool understood = false;
  bool lookup = false;                   // `command -v`: runs nothing
  std::size_t inner = 0;                 // index of the inner command's name; == size: none
  std::vector<std::size_t> assignments;  // NAME=VALUE arguments (env)
  std::vector<std::size_t> files;        // arguments that are files it reads (xargs -a)
  bool appends = false;                  // xargs: unknown words follow the inner command
  std::string replaces;                  // xargs -I: this text in it becomes unknown
};

bool is_shell_wrapper(std::string_view name);  // the table has its options
ShellUnwrapped unwrap_shell_command(std::string_view name, const ShellArguments& arguments);

}  // namespace remit::policy
