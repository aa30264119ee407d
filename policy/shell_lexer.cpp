#include "policy/shell_lexer.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace remit::policy {
namespace {

bool ends_word(char c) {
  return is_blank(c) || std::string_view("\n;&|()<>").find(c) != std::string_view::npos;
}

void add_text(ShellWord& word, std::string_view text) {
  add_piece(word, ShellPieceKind::text, text);
}

}  // namespace

void add_piece(ShellWord& word, ShellPieceKind kind, std::string_view text) {
  const bool joins = kind == ShellPieceKind::text || kind == ShellPieceKind::glob;
  if (joins && !word.pieces.empty() && word.pieces.back().kind == kind) {
    word.pieces.back().text += text;
    return;
  }
  word.pieces.push_back({kind, std::string(text)});
}

bool is_shell_name(std::string_view name) {
  return !name.empty() && is_name_start(name.front()) &&
         std::all_of(name.begin(), name.end(), is_name);
}

void ShellLexer::fail(std::string why) {
  if (!failed_) script_.unparsed.push_back({std::min(pos_, text_.size()), std::move(why)});
  failed_ = true;
  pos_ = text_.size();
}

void ShellLexer::refuse(std::string why) {
  if (budget_.refused.empty()) budget_.refused = std::move(why);
  pos_ = text_.size();
}

bool ShellLexer::enter() {
  if (++budget_.depth <= limits::kShellNesting) return true;
  refuse("nested deeper than " + std::to_string(limits::kShellNesting) + " levels");
  return false;
}

// A newline inside a word while a here-document waits: shells differ in where its body then begins.
void ShellLexer::note_newline() {
  if (!pending_.empty()) fail("a newline inside a word before a here-document's text");
}

void ShellLexer::skip_blanks() {
  while (!at_end()) {
    const char c = peek();
    if (is_blank(c)) {
      ++pos_;
    } else if (c == '\\' && peek(1) == '\n') {
      // Elsewhere the shell joins what stands on both sides into one word or operator.
      const bool apart = pos_ == 0 || is_blank(text_[pos_ - 1]) || text_[pos_ - 1] == '\n';
      if (!apart) return fail("a line continuation inside a word or operator");
      if (!pending_.empty()) return fail("a line continuation before a here-document's text");
      pos_ += 2;
    } else if (c == '#') {
      const std::size_t start = pos_;
      pos_ = std::min(text_.find('\n', pos_), text_.size());
      script_.comments.push_back({start, pos_ - start, false});
    } else {
      return;
    }
  }
}

ShellWord ShellLexer::read_word() {
  ShellWord word;
  const std::size_t start = pos_;
  while (!at_end()) {
    const char c = peek();
    if ((c == '<' || c == '>') && peek(1) == '(') {
      if (pos_ != start) {
        fail("a process substitution inside a word");
        break;
      }
      read_process(word);
      continue;
    }
    if (ends_word(c)) break;
    unquoted_character(word);
  }
  finish_word(word, start);
  return word;
}

void ShellLexer::unquoted_character(ShellWord& word) {
  const char c = peek();
  switch (c) {
    case '\\':
      return escaped_character(word);
    case '\'': {
      const std::size_t end = text_.find('\'', pos_ + 1);
      if (end == std::string_view::npos) return fail("unterminated single quote");
      const std::string_view inner = text_.substr(pos_ + 1, end - pos_ - 1);
      word.quoted = true;
      add_text(word, inner);
      pos_ = end + 1;
      if (inner.find('\n') != std::string_view::npos) note_newline();
      return;
    }
    case '"':
      return read_double_quotes(word);
    case '`':
      return read_backticks(word, Quote::none);
    case '$':
      return read_dollar(word, Quote::none);
    case '*':
    case '?':
    case '[':
      ++pos_;
      return add_piece(word, ShellPieceKind::glob, {&c, 1});
    case '~': {
      const bool starts = word.pieces.empty() && !word.quoted;
      const char before = pos_ == 0 ? ' ' : text_[pos_ - 1];
      ++pos_;
      if (starts || before == '=' || before == ':') {
        return add_piece(word, ShellPieceKind::tilde, "~");
      }
      return add_text(word, "~");
    }
    default:
      ++pos_;
      return add_text(word, {&c, 1});
  }
}

void ShellLexer::escaped_character(ShellWord& word) {
  if (pos_ + 1 >= text_.size()) return fail("a backslash at the end");
  if (peek(1) == '\n') return fail("a line continuation inside a word");
  word.quoted = true;
  const char c = peek(1);
  add_text(word, {&c, 1});
  pos_ += 2;
}

void ShellLexer::finish_word(ShellWord& word, std::size_t start) {
  word.offset = start;
  word.raw = std::string(since(start));
  // The command [ is no pattern.
  if (word.raw == "[") word.pieces = {{ShellPieceKind::text, "["}};
  // Brace expansion needs a brace and a comma or two dots; whether quotes disarm it is not worth
  // following: such a word only counts as unknown.
  const std::size_t brace = word.raw.find('{');
  if (brace != std::string::npos && word.raw.find('}', brace) != std::string::npos) {
    bool open = false;
    for (const ShellPiece& piece : word.pieces) {
      open =
          open || (piece.kind == ShellPieceKind::text && piece.text.find('{') != std::string::npos);
    }
    const bool lists = word.raw.find(',', brace) != std::string::npos ||
                       word.raw.find("..", brace) != std::string::npos;
    // A word that is one quoted string has no brace outside it.
    const bool one_quote = word.raw.size() >= 2 && word.raw.front() == '\'' &&
                           word.raw.find('\'', 1) == word.raw.size() - 1;
    const bool one_double = word.raw.size() >= 2 && word.raw.front() == '"' &&
                            word.raw.find('"', 1) == word.raw.size() - 1;
    word.brace = open && lists && !one_quote && !one_double;
  }
}

void ShellLexer::read_double_quotes(ShellWord& word) {
  word.quoted = true;
  add_text(word, "");
  ++pos_;
  while (!at_end()) {
    const char c = peek();
    if (c == '"') {
      ++pos_;
      return;
    }
    if (c == '$') {
      read_dollar(word, Quote::doubled);
    } else if (c == '`') {
      read_backticks(word, Quote::doubled);
    } else if (c == '\\') {
      const char next = peek(1);
      if (next == '\n') {
        note_newline();
      } else if (next == '$' || next == '`' || next == '"' || next == '\\') {
        add_text(word, {&next, 1});
      } else {
        add_text(word, "\\");
        ++pos_;
        continue;
      }
      pos_ = std::min(pos_ + 2, text_.size());
    } else {
      ++pos_;
      add_text(word, {&c, 1});
      if (c == '\n') note_newline();
    }
  }
  fail("unterminated double quote");
}

}  // namespace remit::policy
