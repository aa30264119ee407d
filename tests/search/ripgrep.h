// Runs the installed ripgrep as the reference: its binary, its answers as sorted text.
#pragma once

#include <string>
#include <vector>

namespace remit::test {

// First line of `rg --version`, or "" if there is none.
std::string ripgrep_version();

struct RipgrepRun {
  int exit_code = -1;
  std::string out;
};
// Runs rg with these arguments in `directory`, stdin from /dev/null, stderr dropped.
RipgrepRun ripgrep(const std::string& directory, const std::vector<std::string>& arguments);

// The arguments that switch off what differs by design: configuration, global and parent ignore
// files, mmap; hidden files are searched, version control is not.
std::vector<std::string> ripgrep_common();

// "path:line" of each matching line from `rg --json`, sorted; the line text follows after another
// ':'. Lines at or after the first NUL of a file are left out: Remit stops there, while --text goes
// on.
std::vector<std::string> ripgrep_lines(const std::string& directory,
                                       const std::vector<std::string>& arguments);

}  // namespace remit::test
