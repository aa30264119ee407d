// The shell verbs about personas: check, show, diff. Each takes the words behind the verb and
// returns the exit code: 0 done, 1 errors found, 2 usage, 3 unreadable. Data go to stdout, all else
// to stderr.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "policy/remit.h"

namespace remit::server {

// SHA-256 of the tools/list that a persona is served, for `show --json`.
using ToolsListHash = std::function<std::string(const policy::Remit&)>;

int check_command(std::span<const std::string> args);
int show_command(std::span<const std::string> args, const ToolsListHash& tools_list_hash = {});
int diff_command(std::span<const std::string> args);

}  // namespace remit::server
