// Judging one command: its name, the rules, and the command behind a wrapper.
#include <algorithm>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/shell_assessor.h"
#include "policy/shell_wrappers.h"

namespace remit::policy {
namespace {

bool has_foreign_letters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

bool beneath_any(std::string_view path, const std::vector<std::string>& roots) {
  return std::any_of(roots.begin(), roots.end(),
                     [&](const std::string& root) { return fs::is_beneath(path, root); });
}

ShellArguments behind(const ShellArguments& words, std::size_t first) {
  return {words.begin() + static_cast<std::ptrdiff_t>(std::min(first, words.size())), words.end()};
}

}  // namespace

std::string shell_base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

void ShellAssessor::invoke(const ShellArguments& words) {
  const ShellWord& first = *words.front();
  const ShellArguments arguments = behind(words, 1);
  const std::optional<std::string> literal = first.literal();
  const std::string known = literal.value_or(first.empty_reading());
  const std::string name = shell_base_name(known);
  if (has_foreign_letters(first.raw)) ask(Risk::high, "hidden_text", "command name " + first.raw);
  if (!literal) {
    // Never decoded to allow, but what is certain can still deny.
    ask(Risk::high, "dynamic_command", first.raw);
    denied_by_rule(name, arguments);
    if (known.empty()) denied_behind(arguments);
    destruction(name, arguments);
    return;
  }
  if (name.empty()) return ask(Risk::high, "unknown_command", first.raw);
  const bool denied = denied_by_rule(name, arguments);
  destruction(name, arguments);
  const bool placed = known.find('/') != std::string::npos;
  const bool installed = placed && known.front() == '/' &&
                         known.find("/../") == std::string::npos &&
                         beneath_any(shell_path_normal(known), scope_.system_dirs);
  if (placed && !installed) {
    ask(Risk::high, "interpreter", "script " + first.raw);
    return denied_behind(arguments);
  }
  if (rules_.wraps(name)) return wrapper(name, arguments);
  if (denied || builtin(name, arguments)) return;
  by_rules(name, arguments);
}

bool ShellAssessor::denied_by_rule(const std::string& name, const ShellArguments& arguments) {
  bool denied = false;
  for (const ShellRule& rule : rules_.rules) {
    if (rule.decision == ShellVerdict::allow) continue;
    if (!match_shell_rule(rule, name, arguments, paths_).applies()) continue;
    const bool denies = rule.decision == ShellVerdict::deny;
    const std::string why = rule.reason.empty() ? "" : ": " + rule.reason;
    add(rule.decision, Risk::high, denies ? "denied_command" : "asking_rule", name + why, rule.id,
        rule.hint);
    denied = denied || denies;
  }
  return denied;
}

// A command whose own options are not understood: any of its words could be the inner command.
void ShellAssessor::denied_behind(const ShellArguments& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string name = shell_base_name(words[i]->empty_reading());
    if (name.empty() || !rules_.knows(name)) continue;
    const ShellArguments arguments = behind(words, i + 1);
    for (const ShellRule& rule : rules_.rules) {
      if (rule.decision != ShellVerdict::deny) continue;
      if (!match_shell_rule(rule, name, arguments, paths_).applies()) continue;
      const std::string why = rule.reason.empty() ? "" : ": " + rule.reason;
      return add(ShellVerdict::deny, Risk::high, "denied_command", name + why, rule.id, rule.hint);
    }
  }
}

void ShellAssessor::wrapper(const std::string& name, const ShellArguments& arguments) {
  const ShellUnwrapped unwrapped = unwrap_shell_command(name, arguments);
  if (!unwrapped.understood) {
    ask(Risk::high, "wrapper_options", name);
    return denied_behind(arguments);
  }
  for (const std::size_t at : unwrapped.assignments) {
    const std::string text = arguments[at]->literal().value_or(arguments[at]->prefix());
    const std::size_t equals = text.find('=');
    std::optional<std::string> value;
    if (arguments[at]->literal()) value = text.substr(equals + 1);
    assignment(text.substr(0, equals), value, arguments[at]->raw);
  }
  for (const std::size_t at : unwrapped.files) {
    if (paths_.place(*arguments[at]) > ShellPlace::read_root) {
      ask(Risk::high, "path_outside_role", arguments[at]->raw);
    }
  }
  if (unwrapped.lookup) return allowed("builtin");
  if (unwrapped.inner >= arguments.size()) {
    // `env` alone prints the environment, `exec > file` redirects, `xargs` alone echoes.
    if (name == "env") return ask(Risk::low, "unknown_command", name);
    return allowed("builtin");
  }
  inner_of(arguments, unwrapped.inner, unwrapped.appends, unwrapped.replaces);
}

void ShellAssessor::inner_of(const ShellArguments& words, std::size_t first, bool appends,
                             const std::string& replaces) {
  if (budget_.depth >= limits::kShellNesting || ++budget_.commands > limits::kSimpleCommands) {
    budget_.refused = "too many commands behind wrappers";
    return;
  }
  ShellArguments inner = behind(words, first);
  for (const ShellWord*& each : inner) {
    const bool replaced =
        !replaces.empty() && each->empty_reading().find(replaces) != std::string::npos;
    if (replaced) each = unknown_word(each->raw);
  }
  if (appends) inner.push_back(unknown_word("(words from standard input)"));
  ++budget_.depth;
  invoke(inner);
  --budget_.depth;
}

void ShellAssessor::by_rules(const std::string& name, const ShellArguments& arguments) {
  ShellMatch nearest{ShellMiss::command, {}, true};
  for (const ShellRule& rule : rules_.rules) {
    if (rule.decision != ShellVerdict::allow) continue;
    const ShellMatch match = match_shell_rule(rule, name, arguments, paths_);
    if (match.applies()) return allowed(rule.id);
    if (match.miss > nearest.miss) nearest = match;
  }
  missed(name, arguments, nearest);
}

void ShellAssessor::missed(const std::string& name, const ShellArguments& arguments,
                           const ShellMatch& nearest) {
  const ShellVerdict verdict = rules_.fallback;
  switch (nearest.miss) {
    case ShellMiss::command:
      if (writes_files(name, arguments)) return;
      return add(verdict, Risk::high, "unknown_command", name);
    case ShellMiss::subcommand:
      return add(verdict, Risk::high, "unknown_subcommand", name + " " + nearest.what);
    case ShellMiss::unknown_flag: {
      const bool follows =
          (name == "tail" || name == "journalctl") &&
          (nearest.what == "-f" || nearest.what == "-F" || nearest.what.starts_with("--follow"));
      if (follows)
        return add(verdict, Risk::low, "endless_read", name + " " + nearest.what, {},
                   "Bash run_in_background");
      return add(verdict, Risk::high, "unknown_flag", name + " " + nearest.what);
    }
    case ShellMiss::unknown_operand:
      return add(verdict, Risk::high, "unknown_operand", name + " " + nearest.what);
    case ShellMiss::glob_option:
      return add(verdict, Risk::high, "glob_option", name + " " + nearest.what);
    case ShellMiss::path_outside_role:
      return add(verdict, nearest.known ? Risk::low : Risk::high, "path_outside_role",
                 name + " " + nearest.what);
    case ShellMiss::none:
      return;
  }
}

}  // namespace remit::policy
