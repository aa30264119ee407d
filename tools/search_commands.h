// `remit grep` and `remit glob`: the search engine by itself, for a person. Flags are the subset of
// grep's and ripgrep's that has the same meaning here; files come newest first.
//
// Exit codes: 0 found, 1 nothing found, 2 usage, 3 a path could not be read, 4 the answer is
// partial (some parts could not be read; they are named on `err`).
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "policy/access.h"

namespace remit::tools {

extern const char* const kGrepUsage;
extern const char* const kGlobUsage;

// `arguments` without the verb. Data goes to `out`, everything else to `err`.
int grep_command(policy::Access& access, const std::vector<std::string>& arguments, std::FILE* out,
                 std::FILE* err);
int glob_command(policy::Access& access, const std::vector<std::string>& arguments, std::FILE* out,
                 std::FILE* err);

}  // namespace remit::tools
