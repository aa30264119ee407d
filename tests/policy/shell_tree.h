// What the tests of the shell policy share: the commands of a parsed tree, as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_parser.h"

namespace remit::policy_test {

// The words of every simple command, innermost substitutions after the command that holds them;
// a word of unknown value as written.
inline void collect(const policy::ShellNode& node, std::vector<std::string>& out);

inline void collect(const policy::ShellWord& word, std::vector<std::string>& out) {
  for (const policy::ShellNode& inner : word.commands) collect(inner, out);
}

inline void collect(const policy::ShellNode& node, std::vector<std::string>& out) {
  if (node.kind == policy::ShellKind::simple && !node.words.empty()) {
    std::string line;
    for (const policy::ShellWord& word : node.words) {
      line += (line.empty() ? "" : " ") + word.literal().value_or("?" + word.raw);
    }
    out.push_back(line);
  }
  for (const policy::ShellAssignment& assignment : node.assignments) collect(assignment.value, out);
  for (const policy::ShellWord& word : node.words) collect(word, out);
  for (const policy::ShellRedirection& redirection : node.redirections) {
    collect(redirection.target, out);
    if (redirection.body) collect(*redirection.body, out);
  }
  for (const policy::ShellNode& child : node.children) collect(child, out);
}

inline std::vector<std::string> commands_of(const policy::ShellScript& script) {
  std::vector<std::string> out;
  collect(script.root, out);
  return out;
}

}  // namespace remit::policy_test
