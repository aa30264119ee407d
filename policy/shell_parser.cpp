#include "policy/shell_parser.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "policy/shell_grammar.h"

namespace remit::policy {
namespace {

bool is_name_byte(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

}  // namespace

ShellNode ShellParser::parse() {
  ShellNode root = parse_list();
  if (!stopped() && !at_end()) fail("unexpected " + std::string(1, peek()));
  if (!stopped() && !pending_.empty()) fail("a here-document without its text");
  return root;
}

std::string_view ShellParser::reserved() const {
  static constexpr std::array<std::string_view, 22> words = {
      "if",   "then", "elif",   "else", "fi", "for", "while",    "until", "do",     "done", "case",
      "esac", "in",   "select", "{",    "}",  "[[",  "function", "time",  "coproc", "!",    "]]"};
  static constexpr std::size_t longest = 8;  // "function"
  std::size_t end = pos_;
  while (end < text_.size() && end - pos_ <= longest &&
         std::string_view(" \t\n;&|()<>").find(text_[end]) == std::string_view::npos) {
    ++end;
  }
  const std::string_view found = rest().substr(0, end - std::min(pos_, end));
  for (const std::string_view word : words) {
    if (found == word) return word;
  }
  return {};
}

bool ShellParser::take(std::string_view word) {
  if (stopped() || reserved() != word) return false;
  pos_ += word.size();
  return true;
}

void ShellParser::expect(std::string_view word) {
  skip_newlines();
  if (!stopped() && !take(word)) fail("`" + std::string(word) + "` is missing");
}

void ShellParser::newline() {
  if (outer_pending_ > 0) return fail("a here-document that a substitution interrupts");
  ++pos_;
  if (!pending_.empty()) read_bodies();
}

void ShellParser::skip_newlines() {
  skip_blanks();
  while (!stopped() && peek() == '\n') {
    newline();
    skip_blanks();
  }
}

bool ShellParser::list_ends() const {
  if (at_end() || peek() == ')' || looking_at(";;") || looking_at(";&")) return true;
  const std::string_view word = reserved();
  return word == "then" || word == "elif" || word == "else" || word == "fi" || word == "do" ||
         word == "done" || word == "esac" || word == "}";
}

ShellNode ShellParser::parse_list() {
  ShellNode list;
  list.kind = ShellKind::list;
  skip_newlines();
  list.offset = pos_;
  while (!stopped() && !list_ends()) {
    parse_and_or(list);
    skip_blanks();
    if (stopped() || at_end()) break;
    if (peek() == '\n') {
      skip_newlines();
    } else if ((peek() == ';' && peek(1) != ';' && peek(1) != '&') || peek() == '&') {
      ++pos_;
      skip_newlines();
    } else if (!list_ends() || looking_at("(")) {
      fail("unexpected " + std::string(1, peek()));
    } else {
      break;
    }
  }
  return list;
}

void ShellParser::parse_and_or(ShellNode& list) {
  list.children.push_back(parse_pipeline());
  skip_blanks();
  while (!stopped() && (looking_at("&&") || looking_at("||"))) {
    pos_ += 2;
    skip_newlines();
    list.children.push_back(parse_pipeline());
    skip_blanks();
  }
}

void ShellParser::skip_pipeline_prefix() {
  while (!stopped()) {
    if (take("!")) {
      skip_blanks();
    } else if (take("time")) {
      skip_blanks();
      // Each once, in this order; what else begins so is a command's name.
      for (const std::string_view option : {"-p ", "-- "}) {
        if (!looking_at(option)) continue;
        pos_ += option.size();
        skip_blanks();
      }
      // `time` alone reports on nothing; a further option would be GNU time's.
      if (peek() == '-') fail("an option of time");
      if (at_end() || peek() == '\n' || peek() == ';') fail("time without a command");
    } else {
      return;
    }
  }
}

ShellNode ShellParser::parse_pipeline() {
  ShellNode pipeline;
  pipeline.kind = ShellKind::pipeline;
  pipeline.offset = pos_;
  skip_pipeline_prefix();
  pipeline.children.push_back(parse_command());
  skip_blanks();
  while (!stopped() && peek() == '|' && peek(1) != '|') {
    pos_ += peek(1) == '&' ? 2U : 1U;
    skip_newlines();
    skip_pipeline_prefix();
    pipeline.children.push_back(parse_command());
    skip_blanks();
  }
  if (pipeline.children.size() == 1) return std::move(pipeline.children.front());
  return pipeline;
}

ShellNode ShellParser::parse_command() {
  ShellNode node;
  node.offset = pos_;
  if (stopped()) return node;
  const std::string_view word = reserved();
  if (peek() != '(' && (word.empty() || word == "in" || word == "]]")) {
    parse_simple(node);
    return node;
  }
  if (!enter()) return node;
  parse_compound(node, word);
  if (stopped()) return node;
  leave();
  parse_trailing_redirections(node);
  return node;
}

void ShellParser::parse_trailing_redirections(ShellNode& node) {
  while (!stopped()) {
    skip_blanks();
    if (!parse_redirection(node)) return;
  }
}

void ShellParser::parse_simple(ShellNode& node) {
  node.kind = ShellKind::simple;
  if (++budget_.commands > limits::kSimpleCommands) {
    return refuse("more than " + std::to_string(limits::kSimpleCommands) + " simple commands");
  }
  const std::size_t start = pos_;
  while (!stopped()) {
    skip_blanks();
    if (stopped() || at_end()) break;
    if (parse_redirection(node)) continue;
    const char c = peek();
    if (c == '(') {
      parse_paren_after_words(node);
      break;
    }
    if (c == '\n' || c == ';' || c == '&' || c == '|' || c == ')') break;
    if (node.words.empty() && parse_assignment(node)) continue;
    if (!read_list_word(node.words)) break;
    // {name}> opens a descriptor into a variable and is no argument.
    const bool redirects = peek() == '<' || peek() == '>';
    if (redirects && node.words.back().raw.starts_with('{')) fail("a redirection of unknown form");
  }
  if (!stopped() && pos_ == start) fail("unexpected " + std::string(1, peek()));
}

void ShellParser::parse_paren_after_words(ShellNode& node) {
  if (node.words.size() != 1 || !node.assignments.empty() || !node.redirections.empty()) {
    return fail("unexpected (");
  }
  ++pos_;
  skip_blanks();
  if (peek() != ')') return fail("unexpected (");
  ++pos_;
  const ShellWord name = std::move(node.words.front());
  node.words.clear();
  --budget_.commands;  // it was no command
  if (!enter()) return;
  parse_function_body(node, name);
  if (!stopped()) leave();
}

bool ShellParser::parse_assignment(ShellNode& node) {
  std::size_t end = pos_;
  while (end < text_.size() && is_name_byte(text_[end], end == pos_)) ++end;
  if (end == pos_ || end >= text_.size()) return false;
  if (text_[end] == '[') {
    fail("an array element or a command name with [");
    return true;
  }
  const bool appends = text_.substr(end).starts_with("+=");
  if (text_[end] != '=' && !appends) return false;
  ShellAssignment assignment;
  assignment.name = std::string(text_.substr(pos_, end - pos_));
  pos_ = end + (appends ? 2 : 1);
  if (peek() == '(') {
    fail("an array assignment");
    return true;
  }
  assignment.value = read_word();
  node.assignments.push_back(std::move(assignment));
  return true;
}

bool ShellParser::parse_redirection(ShellNode& node) {
  static constexpr std::array<std::string_view, 12> operators = {
      "&>>", "<<<", "<<-", "<<", "<&", "<>", ">>", ">&", ">|", "&>", "<", ">"};
  std::size_t digits = 0;
  while (peek(digits) >= '0' && peek(digits) <= '9') ++digits;
  const std::string_view rest = text_.substr(std::min(pos_ + digits, text_.size()));
  // <( and >( are words, as is a number that stands before them.
  if (rest.starts_with("<(") || rest.starts_with(">(")) return false;
  std::string_view op;
  for (const std::string_view candidate : operators) {
    if (!rest.starts_with(candidate)) continue;
    op = candidate;
    break;
  }
  if (op.empty() || (digits > 0 && op.front() == '&')) return false;
  ShellRedirection redirection;
  redirection.op = std::string(op);
  if (digits > 0)
    redirection.fd = digits > 3 ? 999 : std::stoi(std::string(text_.substr(pos_, digits)));
  pos_ += digits + op.size();
  skip_blanks();
  std::vector<ShellWord> target;
  if (!stopped() && read_list_word(target)) {
    redirection.target = std::move(target.front());
    if (op == "<<" || op == "<<-") announce(redirection);
  }
  node.redirections.push_back(std::move(redirection));
  return true;
}

void ShellParser::announce(ShellRedirection& redirection) {
  const std::optional<std::string> delimiter = redirection.target.literal();
  // Bash takes the delimiter's bytes without expanding them; plain ones leave no doubt.
  if (!delimiter || delimiter->find('\n') != std::string::npos ||
      redirection.target.raw.find('$') != std::string::npos) {
    return fail("a here-document delimiter of unknown form");
  }
  redirection.body = std::make_shared<ShellWord>();
  pending_.push_back(
      {*delimiter, redirection.op == "<<-", !redirection.target.quoted, redirection.body});
}

ShellScript parse_shell_within(std::string_view text, ShellBudget& budget) {
  ShellScript script;
  const int depth = budget.depth;
  if (text.size() > limits::kCommandBytes) {
    budget.refused = "more than " + std::to_string(limits::kCommandBytes) + " bytes";
  } else if (text.find('\0') != std::string_view::npos) {
    budget.refused = "a NUL byte";
  } else {
    ShellParser parser(text, budget, script);
    script.root = parser.parse();
  }
  // A failed reading leaves its levels open.
  budget.depth = depth;
  script.refused = budget.refused;
  for (ShellComment& comment : script.comments) {
    const std::size_t after = comment.offset + comment.length;
    comment.followed = text.find_first_not_of(" \t\n", after) != std::string_view::npos;
  }
  return script;
}

ShellScript parse_shell(std::string_view text) {
  ShellBudget budget;
  return parse_shell_within(text, budget);
}

}  // namespace remit::policy
