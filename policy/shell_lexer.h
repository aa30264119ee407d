// The word level of the shell parser, private to policy/shell_parser.cpp and shell_lexer.cpp:
// quotes, expansions, here-document bodies. The grammar above it is reached through
// parse_commands(), since a word can hold commands. One object reads one text once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/shell_ast.h"
#include "policy/shell_parser.h"

namespace remit::policy {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_name(char c) {
  return is_name_start(c) || is_digit(c);
}

// Adds known or unknown text to the end of a word.
void add_piece(ShellWord& word, ShellPieceKind kind, std::string_view text);

class ShellLexer {
 public:
  ShellLexer(std::string_view text, ShellBudget& budget, ShellScript& script)
      : text_(text), budget_(budget), script_(script) {}
  virtual ~ShellLexer() = default;
  ShellLexer(const ShellLexer&) = delete;
  ShellLexer& operator=(const ShellLexer&) = delete;

 protected:
  enum class Quote { none, doubled };

  // A list up to the `)` that ends a substitution, which is not consumed.
  virtual ShellNode parse_commands() = 0;

  bool at_end() const { return pos_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what) const { return rest().starts_with(what); }
  // What is left, and what was read since `start`. A step over the end, which a failure can make,
  // reads as the end.
  std::string_view rest() const { return text_.substr(std::min(pos_, text_.size())); }
  std::string_view since(std::size_t start) const {
    const std::size_t end = std::min(pos_, text_.size());
    return text_.substr(std::min(start, end), end - std::min(start, end));
  }
  bool stopped() const { return failed_ || !budget_.refused.empty(); }

  // Ends the reading of this text: nothing after it is looked at, what was read stays.
  void fail(std::string why);
  void refuse(std::string why);
  bool enter();  // one level of nesting deeper; false and refused beyond kShellNesting
  void leave() { --budget_.depth; }

  void skip_blanks();  // blanks, comments and line continuations between words
  ShellWord read_word();
  ShellWord read_arithmetic(bool semicolons);  // up to and over the closing ))
  void read_bodies();                          // the here-documents that wait, after a newline

  std::string_view text_;
  std::size_t pos_ = 0;
  ShellBudget& budget_;
  ShellScript& script_;
  bool failed_ = false;
  // Here-documents announced on the current line and not read yet.
  struct HereDocument {
    std::string delimiter;
    bool strip_tabs = false;
    bool expands = true;
    std::shared_ptr<ShellWord> body;
  };
  std::vector<HereDocument> pending_;
  std::size_t outer_pending_ = 0;  // of pending_, announced outside the current substitution

 private:
  void read_double_quotes(ShellWord& word);
  void read_dollar(ShellWord& word, Quote quote);
  void read_parameter(ShellWord& word, Quote quote);
  void read_parameter_operand(ShellWord& word, Quote quote);
  void read_substitution(ShellWord& word, Quote quote);
  void read_backticks(ShellWord& word, Quote quote);
  void read_process(ShellWord& word);
  void read_ansi_c(ShellWord& word);
  void read_one_body(HereDocument& document);
  void read_body_text(ShellWord& word, std::size_t end);
  void scan_arithmetic(ShellWord& word, bool semicolons);
  void unquoted_character(ShellWord& word);
  void escaped_character(ShellWord& word);
  void finish_word(ShellWord& word, std::size_t start);
  void note_newline();
};

}  // namespace remit::policy
