// Compound commands and functions: if, while, for, case, [[ ]], (( )), { }, ( ).
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "policy/shell_grammar.h"

namespace remit::policy {

void ShellParser::parse_compound(ShellNode& node, std::string_view word) {
  if (looking_at("((")) {
    pos_ += 2;
    node.kind = ShellKind::arithmetic;
    node.words.push_back(read_arithmetic(false));
  } else if (peek() == '(') {
    ++pos_;
    node.kind = ShellKind::subshell;
    node.children.push_back(parse_list());
    if (!stopped() && peek() != ')') return fail("unterminated ( )");
    ++pos_;
  } else if (take("{")) {
    node.kind = ShellKind::group;
    node.children.push_back(parse_list());
    expect("}");
  } else if (take("if")) {
    parse_condition(node);
  } else if (word == "while" || word == "until") {
    pos_ += word.size();
    node.kind = ShellKind::loop;
    node.children.push_back(parse_list());
    parse_do(node);
  } else if (word == "for" || word == "select") {
    pos_ += word.size();
    parse_for(node);
  } else if (take("case")) {
    parse_case(node);
  } else if (take("[[")) {
    parse_test(node);
  } else if (take("function")) {
    parse_function_word(node);
  } else {
    fail("unexpected `" + std::string(word) + "`");
  }
}

void ShellParser::parse_condition(ShellNode& node) {
  node.kind = ShellKind::condition;
  node.children.push_back(parse_list());
  expect("then");
  node.children.push_back(parse_list());
  while (take("elif")) {
    node.children.push_back(parse_list());
    expect("then");
    node.children.push_back(parse_list());
  }
  if (take("else")) node.children.push_back(parse_list());
  expect("fi");
}

void ShellParser::parse_do(ShellNode& node) {
  expect("do");
  node.children.push_back(parse_list());
  expect("done");
}

void ShellParser::parse_for(ShellNode& node) {
  node.kind = ShellKind::loop;
  skip_blanks();
  if (looking_at("((")) {
    pos_ += 2;
    node.words.push_back(read_arithmetic(true));
    skip_blanks();
    if (peek() == ';') ++pos_;
    return parse_do(node);
  }
  const ShellWord name = read_word();
  if (stopped()) return;
  if (name.quoted || !is_shell_name(name.raw)) return fail("a loop variable of unknown form");
  node.name = name.raw;
  skip_newlines();
  if (take("in")) {
    skip_blanks();
    while (!stopped() && !at_end() && peek() != ';' && peek() != '\n') {
      if (!read_list_word(node.words)) return;
      skip_blanks();
    }
    if (!stopped() && peek() == ';') ++pos_;
  } else if (peek() == ';') {
    ++pos_;
  }
  parse_do(node);
}

bool ShellParser::read_list_word(std::vector<ShellWord>& words) {
  const std::size_t before = pos_;
  ShellWord word = read_word();
  if (!stopped() && pos_ == before) fail("unexpected " + std::string(1, peek()));
  words.push_back(std::move(word));
  return !stopped();
}

void ShellParser::parse_case(ShellNode& node) {
  node.kind = ShellKind::choice;
  skip_blanks();
  if (!read_list_word(node.words)) return;
  expect("in");
  skip_newlines();
  while (!stopped() && !take("esac")) {
    if (peek() == '(') {
      ++pos_;
      skip_blanks();
    }
    parse_patterns(node);
    node.children.push_back(parse_list());
    skip_newlines();
    if (looking_at(";;&")) {
      pos_ += 3;
    } else if (looking_at(";;") || looking_at(";&")) {
      pos_ += 2;
    } else if (!stopped() && reserved() != "esac") {
      return fail("`;;` is missing");
    }
    skip_newlines();
  }
}

void ShellParser::parse_patterns(ShellNode& node) {
  while (read_list_word(node.words)) {
    skip_blanks();
    if (peek() == '|') {
      ++pos_;
      skip_blanks();
      continue;
    }
    if (peek() != ')') return fail("a case pattern of unknown form");
    ++pos_;
    return;
  }
}

void ShellParser::parse_test(ShellNode& node) {
  node.kind = ShellKind::test;
  while (!stopped()) {
    skip_newlines();
    if (stopped()) return;
    if (at_end()) return fail("unterminated [[ ]]");
    if (take("]]")) return;
    if (looking_at("&&") || looking_at("||")) {
      pos_ += 2;
    } else if (looking_at("<(") || looking_at(">(")) {
      return fail("a process substitution inside [[ ]]");
    } else if (std::string_view("()<>").find(peek()) != std::string_view::npos) {
      ++pos_;
    } else if (!read_list_word(node.words)) {
      return;
    } else if (node.words.back().raw == "=~") {
      return fail("a regular expression in [[ ]]");
    } else if (peek() == '(' || peek() == '|') {
      return fail("a pattern of unknown form in [[ ]]");
    }
  }
}

void ShellParser::parse_function_word(ShellNode& node) {
  skip_blanks();
  const ShellWord name = read_word();
  if (stopped()) return;
  skip_blanks();
  if (peek() == '(') {
    ++pos_;
    skip_blanks();
    if (peek() != ')') return fail("a function of unknown form");
    ++pos_;
  }
  parse_function_body(node, name);
}

void ShellParser::parse_function_body(ShellNode& node, const ShellWord& name) {
  node.kind = ShellKind::function;
  if (!name.literal() || name.raw.empty()) return fail("a function name of unknown form");
  node.name = *name.literal();
  skip_newlines();
  if (stopped()) return;
  if (peek() != '(' && reserved().empty()) return fail("a function of unknown form");
  node.children.push_back(parse_command());
  if (!stopped() && node.children.back().kind == ShellKind::simple) {
    fail("a function of unknown form");
  }
}

}  // namespace remit::policy
