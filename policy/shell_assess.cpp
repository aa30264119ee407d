#include "policy/shell_assess.h"

#include <algorithm>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "policy/shell_assessor.h"
#include "policy/shell_hidden.h"

namespace remit::policy {
namespace {

bool is_signed_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("+-0123456789") == std::string_view::npos;
}

// A loop variable is set without an assignment's syntax; upper-case names can mean something to
// programs and to the shell (PATH, IFS).
bool ordinary_variable(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

const char* to_string(ShellVerdict verdict) {
  switch (verdict) {
    case ShellVerdict::allow:
      return "allow";
    case ShellVerdict::ask:
      return "ask";
    case ShellVerdict::deny:
      return "deny";
  }
  return "deny";
}

void ShellAssessor::add(ShellVerdict verdict, Risk risk, std::string reason, std::string_view what,
                        std::string rule, std::string hint) {
  ShellFinding finding{std::move(reason), escape_ascii(what), std::move(rule), std::move(hint)};
  if (line_) {
    ShellLine& line = judgement_.lines[*line_];
    line.verdict = std::max(line.verdict, verdict);
    line.risk = std::max(line.risk, risk);
    line.allowed_by.clear();
    line.findings.push_back(finding);
  } else {
    judgement_.general.push_back(finding);
  }
  found_.push_back({verdict, risk, std::move(finding)});
}

void ShellAssessor::allowed(std::string by) {
  if (!line_) return;
  ShellLine& line = judgement_.lines[*line_];
  if (line.verdict == ShellVerdict::allow) line.allowed_by = std::move(by);
}

const ShellWord* ShellAssessor::unknown_word(std::string raw) {
  ShellWord made;
  made.pieces.push_back({ShellPieceKind::expansion, raw});
  made.raw = std::move(raw);
  made_.push_back(std::move(made));
  return &made_.back();
}

ShellJudgement ShellAssessor::run(std::string_view command) {
  const ShellScript script = parse_shell_within(command, budget_);
  if (script.refused.empty()) {
    for (const ShellHidden& hidden : find_hidden_text(command, script.comments)) {
      ask(Risk::high, "hidden_text", hidden.why + " at byte " + std::to_string(hidden.offset));
    }
    for (const ShellUnparsed& unparsed : script.unparsed) {
      ask(Risk::high, "unparsed", unparsed.why + " at byte " + std::to_string(unparsed.offset));
    }
    walk(script.root);
  }
  if (!budget_.refused.empty()) {
    judgement_ = {};
    found_.clear();
    line_.reset();
    deny("too_large", budget_.refused, "too_large");
  }
  finish();
  return std::move(judgement_);
}

void ShellAssessor::text(std::string_view nested) {
  ++depth_;
  ++budget_.depth;
  const ShellScript script = parse_shell_within(nested, budget_);
  for (const ShellUnparsed& unparsed : script.unparsed) ask(Risk::high, "unparsed", unparsed.why);
  if (script.refused.empty()) {
    for (const ShellHidden& hidden : find_hidden_text(nested, script.comments)) {
      ask(Risk::high, "hidden_text", hidden.why);
    }
  }
  // The nested words die with this call, the outer command goes on afterwards.
  const ShellNode* outer_node = std::exchange(node_, nullptr);
  const std::optional<std::size_t> outer_line = line_;
  if (script.refused.empty()) walk(script.root);
  node_ = outer_node;
  line_ = outer_line;
  --budget_.depth;
  --depth_;
}

void ShellAssessor::walk(const ShellNode& node) {
  if (node.kind == ShellKind::simple) return simple(node);
  for (const ShellRedirection& target : node.redirections) redirection(target);
  switch (node.kind) {
    case ShellKind::simple:
      return;
    case ShellKind::loop:
      return loop(node);
    case ShellKind::function:
      return function(node);
    case ShellKind::test:
      return condition_words(node);
    case ShellKind::list:
    case ShellKind::pipeline:
    case ShellKind::subshell:
    case ShellKind::group:
    case ShellKind::condition:
    case ShellKind::choice:
    case ShellKind::arithmetic:
      break;
  }
  for (const ShellWord& each : node.words) word(each);
  for (const ShellNode& child : node.children) walk(child);
}

void ShellAssessor::loop(const ShellNode& node) {
  if (!node.name.empty() && !ordinary_variable(node.name)) {
    ask(Risk::high, "unsafe_assignment", node.name);
  }
  for (const ShellWord& each : node.words) word(each);
  ++repeated_;
  for (const ShellNode& child : node.children) walk(child);
  --repeated_;
}

void ShellAssessor::function(const ShellNode& node) {
  static const std::vector<std::string> builtins = {"cd",   "test",   "[",    "eval", "command",
                                                    "exec", "export", "exit", "set",  "return"};
  const bool shadows = rules_.knows(node.name) || rules_.wraps(node.name) ||
                       std::find(builtins.begin(), builtins.end(), node.name) != builtins.end();
  if (shadows) ask(Risk::high, "function_shadows", node.name);
  ++repeated_;
  for (const ShellNode& child : node.children) walk(child);
  --repeated_;
}

// [[ ]]: its arithmetic operators evaluate text, in which a[$(cmd)] runs cmd; so does -v.
void ShellAssessor::condition_words(const ShellNode& node) {
  bool numeric = false;
  for (const ShellWord& each : node.words) {
    const std::string raw = each.raw;
    for (const std::string_view op : {"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"}) {
      numeric = numeric || raw == op;
    }
  }
  for (const ShellWord& each : node.words) {
    word(each);
    const std::optional<std::string> value = each.literal();
    const bool evaluated =
        numeric && !(value && (is_signed_number(*value) || value->starts_with('-')));
    if (evaluated) ask(Risk::high, "dynamic_arithmetic", each.raw);
  }
}

void ShellAssessor::inner_commands(const ShellWord& word) {
  const std::optional<std::size_t> outer_line = std::exchange(line_, std::nullopt);
  const ShellNode* outer_node = std::exchange(node_, nullptr);
  ++depth_;
  for (const ShellNode& inner : word.commands) walk(inner);
  --depth_;
  node_ = outer_node;
  line_ = outer_line;
}

void ShellAssessor::word(const ShellWord& each) {
  if (each.assigns) ask(Risk::high, "unsafe_assignment", each.raw);
  if (each.evaluates) ask(Risk::high, "dynamic_arithmetic", each.raw);
  if (!each.commands.empty()) inner_commands(each);
  protected_path(each);
}

void ShellAssessor::protected_path(const ShellWord& each) {
  if (scope_.protected_paths == nullptr || scope_.protected_paths->empty()) return;
  const std::string text = each.empty_reading();
  std::vector<std::string> candidates = {text};
  for (const char separator : {'=', ':'}) {
    const std::size_t at = text.find(separator);
    if (at != std::string::npos) candidates.push_back(text.substr(at + 1));
  }
  for (const std::string& candidate : candidates) {
    if (candidate.empty()) continue;
    for (const std::string& path : paths_.readings(candidate)) {
      if (!fs::is_beneath(path, scope_.workspace) || path == scope_.workspace) continue;
      const std::string relative = path.substr(scope_.workspace.size() + 1);
      const PathRule* rule = match_path(*scope_.protected_paths, relative);
      if (rule == nullptr) continue;
      return add(ShellVerdict::ask, Risk::high, "protected_path", each.raw, rule->glob);
    }
  }
}

void ShellAssessor::assignment(const std::string& name, const std::optional<std::string>& value,
                               const std::string& shown) {
  // The C library reads these as file names when they hold a slash; zone names hold one inside.
  const bool path = value && (value->starts_with('/') || value->starts_with(':') ||
                              value->find("..") != std::string::npos ||
                              (name != "TZ" && value->find('/') != std::string::npos));
  if (rules_.safe_assignment(name) && value && !path) return;
  ask(Risk::high, "unsafe_assignment", shown);
}

void ShellAssessor::redirection(const ShellRedirection& redirected) {
  word(redirected.target);
  if (redirected.body) word(*redirected.body);
  const std::string& op = redirected.op;
  if (op == "<<" || op == "<<-" || op == "<<<") {
    if (redirected.fd > 2) ask(Risk::high, "redirection", std::to_string(redirected.fd) + op);
    return;
  }
  const std::optional<std::string> target = redirected.target.literal();
  const std::string shown = op + " " + redirected.target.raw;
  if (redirected.fd > 2)
    return ask(Risk::high, "redirection", std::to_string(redirected.fd) + shown);
  const std::string known = redirected.target.empty_reading();
  if (known.find("/dev/tcp") != std::string::npos || known.find("/dev/udp") != std::string::npos) {
    return ask(Risk::high, "network", shown,
               "no tool of this version reaches the network; ask a person for what it would show");
  }
  if (op == "<&" || op == ">&") {
    if (target && (*target == "-" || *target == "0" || *target == "1" || *target == "2")) return;
    if (op == "<&" || (target && is_signed_number(*target)))
      return ask(Risk::high, "redirection", shown);
  }
  if (op == "<") {
    const ShellPlace place = paths_.place(redirected.target);
    if (place <= ShellPlace::read_root) return;
    return ask(place == ShellPlace::outside ? Risk::low : Risk::high, "path_outside_role", shown);
  }
  write_target(redirected);
}

void ShellAssessor::write_target(const ShellRedirection& redirected) {
  const ShellPlace place = paths_.place(redirected.target);
  if (place == ShellPlace::null || place == ShellPlace::pipe) return;
  const bool inside = place == ShellPlace::workspace && redirected.target.literal().has_value();
  ask(inside ? Risk::low : Risk::high, "write_redirection",
      redirected.op + " " + redirected.target.raw);
}

void ShellAssessor::simple(const ShellNode& node) {
  std::string shown;
  const auto show = [&shown](const std::string& part) {
    shown += (shown.empty() ? "" : " ") + part;
  };
  for (const ShellAssignment& each : node.assignments) show(each.name + "=" + each.value.raw);
  for (const ShellWord& each : node.words) show(each.raw);
  for (const ShellRedirection& each : node.redirections) {
    show((each.fd >= 0 ? std::to_string(each.fd) : "") + each.op + each.target.raw);
  }
  judgement_.lines.push_back({depth_, escape_ascii(shown), ShellVerdict::allow, Risk::low, {}, {}});
  line_ = judgement_.lines.size() - 1;
  node_ = &node;
  for (const ShellAssignment& each : node.assignments) {
    word(each.value);
    assignment(each.name, each.value.literal(), each.name + "=" + each.value.raw);
  }
  for (const ShellWord& each : node.words) word(each);
  for (const ShellRedirection& each : node.redirections) redirection(each);
  ShellArguments words;
  std::vector<std::string> argv;
  for (const ShellWord& each : node.words) {
    words.push_back(&each);
    argv.push_back(each.literal().value_or(each.raw));
  }
  if (!words.empty()) {
    judgement_.assessment.commands.push_back(std::move(argv));
    invoke(words);
  } else {
    allowed("builtin");
  }
  node_ = nullptr;
  line_.reset();
}

void ShellAssessor::finish() {
  ShellAssessment& result = judgement_.assessment;
  result.verdict = ShellVerdict::allow;
  result.risk = Risk::low;
  for (const Found& each : found_) {
    result.verdict = std::max(result.verdict, each.verdict);
    result.risk = std::max(result.risk, each.risk);
  }
  // The gravest first, equals as they were found.
  std::vector<Found*> order;
  for (Found& each : found_) order.push_back(&each);
  std::sort(order.begin(), order.end(), [](const Found* a, const Found* b) {
    const std::pair left(a->verdict, a->risk), right(b->verdict, b->risk);
    return left != right ? left > right : a < b;
  });
  for (Found* each : order) result.findings.push_back(std::move(each->finding));
  if (result.verdict != ShellVerdict::allow) return;
  for (const ShellLine& line : judgement_.lines) {
    result.findings.push_back({"allowed", line.text, line.allowed_by, {}});
  }
}

ShellJudgement judge_shell(std::string_view command, const ShellRules& rules,
                           const ShellScope& scope) {
  return ShellAssessor(rules, scope).run(command);
}

ShellAssessment assess(std::string_view command, const ShellRules& rules, const ShellScope& scope) {
  return judge_shell(command, rules, scope).assessment;
}

}  // namespace remit::policy
