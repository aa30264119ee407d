// The part of the lexer that reads what the shell expands: parameters, substitutions, arithmetic,
// here-documents. The plain part is in shell_lexer.cpp.
#include <algorithm>
#include <iterator>
#include <utility>

#include "policy/shell_lexer.h"

namespace remit::policy {
namespace {

ShellPieceKind expansion_kind(bool quoted) {
  return quoted ? ShellPieceKind::quoted_expansion : ShellPieceKind::expansion;
}

}  // namespace

void ShellLexer::read_dollar(ShellWord& word, Quote quote) {
  const char next = peek(1);
  const ShellPieceKind kind = expansion_kind(quote == Quote::doubled);
  if (next == '(') {
    if (peek(2) != '(') return read_substitution(word, quote);
    const std::size_t start = pos_;
    pos_ += 3;
    scan_arithmetic(word, false);
    return add_piece(word, kind, since(start));
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
    return add_piece(word, ShellPieceKind::text, "$");
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
  add_piece(word, expansion_kind(quote == Quote::doubled), since(start));
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
  add_piece(word, expansion_kind(quote == Quote::doubled), since(start));
}

void ShellLexer::read_process(ShellWord& word) {
  const std::size_t start = pos_;
  ShellWord inner;
  read_substitution(inner, Quote::none);
  std::move(inner.commands.begin(), inner.commands.end(), std::back_inserter(word.commands));
  if (stopped()) return;
  add_piece(word, ShellPieceKind::process, since(start));
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
  add_piece(word, expansion_kind(quote == Quote::doubled), since(start));
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
  add_piece(word, ShellPieceKind::ansi_c, since(start));
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
  word.offset = start;
  word.raw = std::string(since(start));
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
        add_piece(word, ShellPieceKind::text, word.raw);
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
      add_piece(word, ShellPieceKind::text, {&next, 1});
      pos_ += 2;
    } else {
      add_piece(word, ShellPieceKind::text, {&c, 1});
      ++pos_;
    }
  }
  text_ = whole;
}

}  // namespace remit::policy
