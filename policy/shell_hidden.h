// Text in a command that a reviewer would not see as it runs: control and direction characters,
// zero-width and invisible ones, odd spaces, and long runs of blanks or a long comment that push
// what follows out of sight. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_parser.h"

namespace remit::policy {

struct ShellHidden {
  std::size_t offset = 0;
  std::string why;  // "zero-width or invisible character"
};

// At most one finding of each kind.
std::vector<ShellHidden> find_hidden_text(std::string_view text,
                                          const std::vector<ShellComment>& comments);

}  // namespace remit::policy
