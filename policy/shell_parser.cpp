// Over 400 lines because it is one grammar by recursive descent: each rule calls the others.
#include "policy/shell_parser.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "policy/shell_lexer.h"

namespace remit::policy {
namespace {

bool is_name_byte(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

// The grammar over ShellLexer's words: recursive descent, one function per construct, each leaving
// pos_ behind what it read. After fail() or refuse() the position is the end, so every loop ends.
class ShellParser final : public ShellLexer {
 public:
  using ShellLexer::ShellLexer;

  ShellNode parse() {
    ShellNode root = parse_list();
    if (!stopped() && !at_end()) fail("unexpected " + std::string(1, peek()));
    if (!stopped() && !pending_.empty()) fail("a here-document without its text");
    return root;
  }

 protected:
  ShellNode parse_commands() override { return parse_list(); }

 private:
  // The reserved word or brace that stands here unquoted, or "". Not consumed.
  std::string_view reserved() const {
    static constexpr std::array<std::string_view, 22> words = {
        "if", "then",     "elif", "else",   "fi", "for",    "while", "until",
        "do", "done",     "case", "esac",   "in", "select", "{",     "}",
        "[[", "function", "time", "coproc", "!",  "]]"};
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

  bool take(std::string_view word) {
    if (stopped() || reserved() != word) return false;
    pos_ += word.size();
    return true;
  }

  void expect(std::string_view word) {
    skip_newlines();
    if (!stopped() && !take(word)) fail("`" + std::string(word) + "` is missing");
  }

  void newline() {
    if (outer_pending_ > 0) return fail("a here-document that a substitution interrupts");
    ++pos_;
    if (!pending_.empty()) read_bodies();
  }

  void skip_newlines() {
    skip_blanks();
    while (!stopped() && peek() == '\n') {
      newline();
      skip_blanks();
    }
  }

  // True where a list ends: the caller knows what must stand there.
  bool list_ends() const {
    if (at_end() || peek() == ')' || looking_at(";;") || looking_at(";&")) return true;
    const std::string_view word = reserved();
    return word == "then" || word == "elif" || word == "else" || word == "fi" || word == "do" ||
           word == "done" || word == "esac" || word == "}";
  }

  ShellNode parse_list() {
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

  void parse_and_or(ShellNode& list) {
    list.children.push_back(parse_pipeline());
    skip_blanks();
    while (!stopped() && (looking_at("&&") || looking_at("||"))) {
      pos_ += 2;
      skip_newlines();
      list.children.push_back(parse_pipeline());
      skip_blanks();
    }
  }

  void skip_pipeline_prefix() {
    while (!stopped()) {
      if (take("!")) {
        skip_blanks();
      } else if (take("time")) {
        skip_blanks();
        while (looking_at("-p ") || looking_at("-- ")) {
          pos_ += 3;
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

  ShellNode parse_pipeline() {
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

  ShellNode parse_command() {
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

  void parse_compound(ShellNode& node, std::string_view word) {
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

  void parse_condition(ShellNode& node) {
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

  void parse_do(ShellNode& node) {
    expect("do");
    node.children.push_back(parse_list());
    expect("done");
  }

  void parse_for(ShellNode& node) {
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

  // One more word, or false after a failure: what stands here is no word.
  bool read_list_word(std::vector<ShellWord>& words) {
    const std::size_t before = pos_;
    ShellWord word = read_word();
    if (!stopped() && pos_ == before) fail("unexpected " + std::string(1, peek()));
    words.push_back(std::move(word));
    return !stopped();
  }

  void parse_case(ShellNode& node) {
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

  void parse_patterns(ShellNode& node) {
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

  void parse_test(ShellNode& node) {
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

  void parse_function_word(ShellNode& node) {
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

  void parse_function_body(ShellNode& node, const ShellWord& name) {
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

  void parse_trailing_redirections(ShellNode& node) {
    while (!stopped()) {
      skip_blanks();
      if (!parse_redirection(node)) return;
    }
  }

  void parse_simple(ShellNode& node) {
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
      if (redirects && node.words.back().raw.starts_with('{'))
        fail("a redirection of unknown form");
    }
    if (!stopped() && pos_ == start) fail("unexpected " + std::string(1, peek()));
  }

  // `name ()` is a function; any other parenthesis behind a word is not bash as we know it.
  void parse_paren_after_words(ShellNode& node) {
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

  bool parse_assignment(ShellNode& node) {
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

  // A redirection if one stands here; false and nothing consumed otherwise.
  bool parse_redirection(ShellNode& node) {
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

  void announce(ShellRedirection& redirection) {
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
};

}  // namespace

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
