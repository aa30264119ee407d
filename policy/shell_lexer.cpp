// Over 400 lines because it is one scanner: every kind of token reads and moves the same cursor.
#include "policy/shell_lexer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"

namespace remit::policy {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) {
  return is_name_start(c) || is_digit(c);
}
bool ends_word(char c) {
  return is_blank(c) || std::string_view("\n;&|()<>").find(c) != std::string_view::npos;
}

void add_piece(ShellWord& word, ShellPieceKind kind, std::string_view text) {
  const bool joins = kind == ShellPieceKind::text || kind == ShellPieceKind::glob;
  if (joins && !word.pieces.empty() && word.pieces.back().kind == kind) {
    word.pieces.back().text += text;
    return;
  }
  word.pieces.push_back({kind, std::string(text)});
}

void add_text(ShellWord& word, std::string_view text) {
  add_piece(word, ShellPieceKind::text, text);
}

}  // namespace

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
  const std::size_t end = std::min(pos_, text_.size());
  word.offset = start;
  word.raw = std::string(text_.substr(start, end - start));
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

void ShellLexer::read_dollar(ShellWord& word, Quote quote) {
  const char next = peek(1);
  const ShellPieceKind kind =
      quote == Quote::none ? ShellPieceKind::expansion : ShellPieceKind::quoted_expansion;
  if (next == '(') {
    if (peek(2) != '(') return read_substitution(word, quote);
    const std::size_t start = pos_;
    pos_ += 3;
    scan_arithmetic(word, false);
    return add_piece(word, kind, text_.substr(start, std::min(pos_, text_.size()) - start));
  }
  if (next == '{') return read_parameter(word, quote);
  if (next == '[') return fail("$[ ] arithmetic");
  if (next == '\\' && peek(2) == '\n') return fail("a line continuation inside an expansion");
  if (quote == Quote::none && next == '\'') return read_ansi_c(word);
  if (quote == Quote::none && next == '"') return fail("$\" \" translation");
  std::size_t length = 0;
  if (is_name_start(next)) {
    length = 1;
    while (is_name(peek(1 + length))) ++length;
  } else if (next != '\0' &&
             std::string_view("0123456789@*#?-$!").find(next) != std::string_view::npos) {
    length = 1;
  }
  if (length == 0) {
    ++pos_;
    return add_text(word, "$");
  }
  add_piece(word, kind, text_.substr(pos_, length + 1));
  pos_ += length + 1;
}

// ${...}. Only forms whose text cannot be evaluated as a command by itself; the others
// (indirection,
// @ operators, computed subscripts) end the reading.
void ShellLexer::read_parameter(ShellWord& word, Quote quote) {
  const std::size_t start = pos_;
  pos_ += 2;
  if (!enter()) return;
  const bool measures = peek() == '#' && peek(1) != '}';
  if (measures) ++pos_;
  if (is_name_start(peek())) {
    while (is_name(peek())) ++pos_;
  } else if (is_digit(peek())) {
    while (is_digit(peek())) ++pos_;
  } else if (peek() != '\0' && std::string_view("@*#?-$!").find(peek()) != std::string_view::npos) {
    if (peek() == '!' && peek(1) != '}') return fail("${! } indirection");
    ++pos_;
  } else {
    return fail("an expansion of unknown form");
  }
  if (peek() == '[') {
    ++pos_;
    const std::size_t subscript = pos_;
    while (is_digit(peek())) ++pos_;
    if (pos_ == subscript && (peek() == '@' || peek() == '*')) ++pos_;
    if (pos_ == subscript || peek() != ']') return fail("a computed subscript");
    ++pos_;
  }
  if (peek() != '}') {
    if (measures) return fail("an expansion of unknown form");
    read_parameter_operand(word, quote);
  }
  if (stopped()) return;
  ++pos_;
  leave();
  add_piece(word,
            quote == Quote::none ? ShellPieceKind::expansion : ShellPieceKind::quoted_expansion,
            text_.substr(start, pos_ - start));
}

void ShellLexer::read_parameter_operand(ShellWord& word, Quote quote) {
  if (peek() == ':' && std::string_view("-=?+").find(peek(1)) == std::string_view::npos) {
    // A slice: its bounds are arithmetic.
    ++pos_;
    while (is_digit(peek()) || peek() == ':' || (peek() == ' ' && peek(1) == '-') || peek() == '-')
      ++pos_;
    if (peek() != '}') fail("a computed slice");
    return;
  }
  if (peek() == ':') ++pos_;
  if (peek() == '\0' || std::string_view("-=?+#%/^,").find(peek()) == std::string_view::npos) {
    return fail("an expansion of unknown form");
  }
  word.assigns = word.assigns || peek() == '=';
  ++pos_;
  ShellWord operand;  // only its commands matter: the word's text is unknown anyway
  while (!at_end() && peek() != '}') {
    const char c = peek();
    if (c == '\'' && quote == Quote::doubled) return fail("a single quote inside \"${ }\"");
    if (c == '{' || c == '\n' || c == '(' || c == ')') return fail("an expansion of unknown form");
    if (c == '$' && quote == Quote::doubled && peek(1) == '\'') return fail("$' ' inside \"${ }\"");
    if (c == '$') {
      read_dollar(operand, quote);
    } else if (c == '`') {
      read_backticks(operand, quote);
    } else if (c == '"') {
      if (quote == Quote::doubled) return fail("a double quote inside \"${ }\"");
      read_double_quotes(operand);
    } else if (c == '\'') {
      unquoted_character(operand);
    } else if (c == '\\') {
      if (peek(1) == '\n' || peek(1) == '\0')
        return fail("a line continuation inside an expansion");
      pos_ += 2;
    } else {
      ++pos_;
    }
  }
  if (!stopped() && at_end()) return fail("unterminated ${ }");
  word.assigns = word.assigns || operand.assigns;
  word.evaluates = word.evaluates || operand.evaluates;
  std::move(operand.commands.begin(), operand.commands.end(), std::back_inserter(word.commands));
}

void ShellLexer::read_substitution(ShellWord& word, Quote quote) {
  const std::size_t start = pos_;
  pos_ += 2;
  if (!enter()) return;
  const std::size_t outer = std::exchange(outer_pending_, pending_.size());
  ShellNode node = parse_commands();
  if (!stopped() && pending_.size() != outer_pending_) fail("a here-document without its text");
  outer_pending_ = outer;
  node.offset = start;
  word.commands.push_back(std::move(node));
  if (!stopped() && peek() != ')') return fail("unterminated $( )");
  if (stopped()) return;
  ++pos_;
  leave();
  add_piece(word,
            quote == Quote::none ? ShellPieceKind::expansion : ShellPieceKind::quoted_expansion,
            text_.substr(start, pos_ - start));
}

void ShellLexer::read_process(ShellWord& word) {
  const std::size_t start = pos_;
  ShellWord inner;
  read_substitution(inner, Quote::none);
  std::move(inner.commands.begin(), inner.commands.end(), std::back_inserter(word.commands));
  if (stopped()) return;
  add_piece(word, ShellPieceKind::process, text_.substr(start, pos_ - start));
}

void ShellLexer::read_backticks(ShellWord& word, Quote quote) {
  const std::size_t start = pos_++;
  std::string inner;
  while (!at_end() && peek() != '`') {
    if (peek() == '\n') note_newline();
    if (peek() == '\\') {
      const char next = peek(1);
      if (quote == Quote::doubled && next == '"')
        return fail("\\\" inside backticks inside quotes");
      if (next == '`' || next == '$' || next == '\\') {
        inner += next;
      } else {
        inner += '\\';
        inner += next;
      }
      pos_ += 2;
      continue;
    }
    inner += peek();
    ++pos_;
  }
  if (at_end()) return fail("unterminated backtick");
  ++pos_;
  if (!enter()) return;
  ShellScript nested = parse_shell_within(inner, budget_);
  word.commands.push_back(std::move(nested.root));
  if (!nested.unparsed.empty()) return fail("inside backticks: " + nested.unparsed.front().why);
  if (!budget_.refused.empty()) return;
  leave();
  add_piece(word,
            quote == Quote::none ? ShellPieceKind::expansion : ShellPieceKind::quoted_expansion,
            text_.substr(start, pos_ - start));
}

void ShellLexer::read_ansi_c(ShellWord& word) {
  const std::size_t start = pos_;
  pos_ += 2;
  while (!at_end() && peek() != '\'') {
    if (peek() == '\n') note_newline();
    pos_ += peek() == '\\' ? 2U : 1U;
  }
  if (at_end()) return fail("unterminated $' '");
  ++pos_;
  word.quoted = true;
  add_piece(word, ShellPieceKind::ansi_c, text_.substr(start, pos_ - start));
}

// From behind the opening parentheses over the closing ones.
void ShellLexer::scan_arithmetic(ShellWord& word, bool semicolons) {
  if (!enter()) return;
  int open = 0;
  ShellWord inner;
  while (!at_end()) {
    const char c = peek();
    if (c == ')' && open == 0) {
      if (peek(1) != ')') return fail("(( that does not end as arithmetic");
      pos_ += 2;
      leave();
      word.evaluates = word.evaluates || inner.evaluates;
      word.assigns = word.assigns || inner.assigns;
      std::move(inner.commands.begin(), inner.commands.end(), std::back_inserter(word.commands));
      return;
    }
    if (c == '(') ++open;
    if (c == ')') --open;
    if (c == '$') {
      inner.evaluates = true;
      read_dollar(inner, Quote::doubled);
      continue;
    }
    const bool known = is_blank(c) || is_digit(c) || (c == ';' && semicolons) ||
                       std::string_view("+-*/%<>=!&|^~?:,()").find(c) != std::string_view::npos;
    const bool names = is_name_start(c);
    if (!known && !names) return fail("arithmetic of unknown form");
    inner.evaluates = inner.evaluates || names;
    ++pos_;
  }
  if (!stopped()) fail("unterminated arithmetic");
}

ShellWord ShellLexer::read_arithmetic(bool semicolons) {
  ShellWord word;
  const std::size_t start = pos_;
  scan_arithmetic(word, semicolons);
  const std::size_t end = std::min(pos_, text_.size());
  word.offset = start;
  word.raw = std::string(text_.substr(start, end - start));
  add_piece(word, ShellPieceKind::quoted_expansion, word.raw);
  return word;
}

void ShellLexer::read_bodies() {
  std::vector<HereDocument> documents = std::exchange(pending_, {});
  for (HereDocument& document : documents) {
    if (stopped()) return;
    read_one_body(document);
  }
}

void ShellLexer::read_one_body(HereDocument& document) {
  const std::size_t start = pos_;
  std::size_t line = pos_;
  while (line < text_.size()) {
    const std::size_t end = std::min(text_.find('\n', line), text_.size());
    std::string_view content = text_.substr(line, end - line);
    if (document.strip_tabs) {
      content.remove_prefix(std::min(content.find_first_not_of('\t'), content.size()));
    }
    if (content == document.delimiter) {
      ShellWord& word = *document.body;
      word.offset = start;
      word.raw = std::string(text_.substr(start, line - start));
      if (document.expands) {
        read_body_text(word, line);
      } else {
        add_text(word, word.raw);
      }
      if (!stopped()) pos_ = std::min(end + 1, text_.size());
      return;
    }
    // The shell would join this line with the next before it looks for the delimiter.
    if (document.expands && content.ends_with('\\'))
      return fail("a continued line in a here-document");
    line = end + 1;
  }
  fail("a here-document without its end");
}

// The expansions of a here-document's text, which is read as if between double quotes in which a
// double quote is an ordinary character.
void ShellLexer::read_body_text(ShellWord& word, std::size_t end) {
  const std::string_view whole = text_;
  text_ = whole.substr(0, end);
  while (!at_end()) {
    const char c = peek();
    if (c == '$') {
      read_dollar(word, Quote::doubled);
    } else if (c == '`') {
      read_backticks(word, Quote::doubled);
    } else if (c == '\\' && peek(1) != '\0' &&
               std::string_view("$`\\").find(peek(1)) != std::string_view::npos) {
      const char next = peek(1);
      add_text(word, {&next, 1});
      pos_ += 2;
    } else {
      add_text(word, {&c, 1});
      ++pos_;
    }
  }
  text_ = whole;
}

}  // namespace remit::policy
