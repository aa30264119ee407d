// The tree that the shell parser makes of a bash command text. It keeps what a judgement needs and
// no more: every simple command wherever it stands, its words with what is literal and what only
// the running shell knows, assignments, redirections, and the commands inside substitutions.
//
// Plain values; built by parse_shell() (policy/shell_parser.h), immutable afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace remit::policy {

struct ShellNode;

enum class ShellPieceKind {
  text,              // known bytes, quotes and backslashes removed
  glob,              // unquoted * ? [
  tilde,             // unquoted ~ where the shell expands it
  expansion,         // $x, ${x}, $(x), `x`, $((x)) unquoted: may become any number of words
  quoted_expansion,  // the same inside double quotes: one word of unknown text
  ansi_c,            // $'...': never decoded
  process,           // <(x) or >(x): a path to a pipe
};

struct ShellPiece {
  ShellPieceKind kind = ShellPieceKind::text;
  std::string text;
};

struct ShellWord {
  std::string raw;         // as written
  std::size_t offset = 0;  // of `raw`, in the text it was parsed from
  std::vector<ShellPiece> pieces;
  bool quoted = false;              // some quote or backslash stood in it
  bool brace = false;               // an unquoted {a,b} or {1..3}: several words
  bool assigns = false;             // ${x=word}: changes a variable
  bool evaluates = false;           // arithmetic over something that is not a number: values of
                                    // variables can hold commands there (a[$(cmd)])
  std::vector<ShellNode> commands;  // of the substitutions inside, each a list

  // The word's one value, if the shell can give it no other.
  std::optional<std::string> literal() const;
  // The known text before anything unknown, and whether that is all.
  std::string prefix() const;
  // The value if every unknown expansion were empty; globs and tildes stay as written.
  std::string empty_reading() const;
  // May become no word, several words, or a word that begins otherwise than written.
  bool splits() const;
  bool has(ShellPieceKind kind) const;
};

struct ShellAssignment {
  std::string name;
  ShellWord value;
};

struct ShellRedirection {
  std::string op;    // < > >> >| <> << <<- <<< <& >& &> &>>
  int fd = -1;       // -1: the operator's own default
  ShellWord target;  // file, descriptor, here-string; of a here-document its delimiter
  std::shared_ptr<ShellWord> body;  // here-document: its text, read after the line's end
};

enum class ShellKind {
  simple,
  list,  // children in order, whatever joins them
  pipeline,
  subshell,    // ( )
  group,       // { }
  condition,   // if
  loop,        // while, until, for, select: `name` is the variable, `words` its values
  choice,      // case: `words` are subject and patterns
  function,    // `name`, body in children
  test,        // [[ ]]: `words`
  arithmetic,  // (( )): one word
};

struct ShellNode {
  ShellKind kind = ShellKind::list;
  std::size_t offset = 0;
  std::string name;
  std::vector<ShellAssignment> assignments;
  std::vector<ShellWord> words;
  std::vector<ShellRedirection> redirections;
  std::vector<ShellNode> children;
};

}  // namespace remit::policy
