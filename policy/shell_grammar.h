// The shell's grammar over ShellLexer's words: recursive descent, one function per construct, each
// leaving pos_ behind what it read. After fail() or refuse() the position is the end, so every loop
// ends. Private to policy/shell_*.cpp:
//   shell_parser.cpp     lists, pipelines, simple commands, redirections
//   shell_compound.cpp   what a reserved word or a brace opens, and functions
#pragma once

#include <string_view>
#include <vector>

#include "policy/shell_lexer.h"

namespace remit::policy {

class ShellParser final : public ShellLexer {
 public:
  using ShellLexer::ShellLexer;

  ShellNode parse();

 protected:
  ShellNode parse_commands() override { return parse_list(); }

 private:
  // The reserved word or brace that stands here unquoted, or "". Not consumed.
  std::string_view reserved() const;
  bool take(std::string_view word);
  void expect(std::string_view word);
  void newline();
  void skip_newlines();
  // True where a list ends: the caller knows what must stand there.
  bool list_ends() const;

  ShellNode parse_list();
  void parse_and_or(ShellNode& list);
  void skip_pipeline_prefix();
  ShellNode parse_pipeline();
  ShellNode parse_command();
  void parse_trailing_redirections(ShellNode& node);
  void parse_simple(ShellNode& node);
  // `name ()` is a function; any other parenthesis behind a word is not bash as we know it.
  void parse_paren_after_words(ShellNode& node);
  bool parse_assignment(ShellNode& node);
  // A redirection if one stands here; false and nothing consumed otherwise.
  bool parse_redirection(ShellNode& node);
  void announce(ShellRedirection& redirection);

  void parse_compound(ShellNode& node, std::string_view word);
  void parse_condition(ShellNode& node);
  void parse_do(ShellNode& node);
  void parse_for(ShellNode& node);
  // One more word, or false after a failure: what stands here is no word.
  bool read_list_word(std::vector<ShellWord>& words);
  void parse_case(ShellNode& node);
  void parse_patterns(ShellNode& node);
  void parse_test(ShellNode& node);
  void parse_function_word(ShellNode& node);
  void parse_function_body(ShellNode& node, const ShellWord& name);
};

}  // namespace remit::policy
