// parse_shell(): bash text to a tree, conservatively. What it does not fully understand is reported
// in `unparsed`, and the caller asks a person; it never guesses. The promise that the tests hold it
// to: every command that bash would run from this text is in the tree, or `unparsed` is set, or the
// text is refused as too large.
//
// Understood: lists, pipelines, subshells, groups, if, while, until, for, select, case, functions,
// [[ ]], (( )), $( ) and backticks wherever the shell expands them (words, double quotes,
// ${x:-...}, arithmetic, here-documents), <( ) and >( ), assignments, redirections, here-documents
// and here-strings. Left to a person on purpose: array assignments, coproc, ${!x}, ${x@P}, $"...",
// $[...], extended globs, line continuations inside a word, and whatever bash itself would refuse.
//
// Bounds (base/limits.h): kCommandBytes, kSimpleCommands, kShellNesting, and no NUL. Beyond them
// `refused` is set and the tree is not to be used. Pure, reentrant, no I/O, time linear in the
// text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_ast.h"

namespace remit::policy {

struct ShellUnparsed {
  std::size_t offset = 0;
  std::string why;  // "unterminated quote"
};

struct ShellComment {
  std::size_t offset = 0;
  std::size_t length = 0;
  bool followed = false;  // by text that runs
};

// What one whole command text may still use; shared by the texts nested in it (backticks, bash -c).
struct ShellBudget {
  std::size_t commands = 0;
  int depth = 0;
  std::string refused;  // "more than 256 simple commands"; empty: within the bounds
};

struct ShellScript {
  ShellNode root;
  std::vector<ShellUnparsed> unparsed;  // at most one per nested text
  std::vector<ShellComment> comments;   // of the outermost text
  std::string refused;                  // why the text is beyond a bound, or empty
};

ShellScript parse_shell(std::string_view text);

// The same for a text found inside another, within what is left of its budget.
ShellScript parse_shell_within(std::string_view text, ShellBudget& budget);

// True if `name` can be a shell variable's name.
bool is_shell_name(std::string_view name);

}  // namespace remit::policy
