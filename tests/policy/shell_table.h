// Commands with the verdict that the shipped rules give them.
#pragma once

#include <vector>

namespace remit::policy_test {

struct ShellRow {
  char verdict;  // a: allow, l: ask at low risk, h: ask at high risk, d: deny
  const char* command;
  const char* reason;  // among those found; "" for allow
};

const std::vector<ShellRow>& shell_table();

}  // namespace remit::policy_test
