// The rules of manifests/exec/*.yaml, compiled: which simple commands run without a question and
// which never run. The language is described at the head of manifests/exec/default.yaml. Beside its
// keys a file may hold `assignments: {safe: [TZ, LC_*]}`: variables that may be set for a command.
//
// A file with an unknown key, a repeated id, a rule that can match nothing, or a self-test that
// fails is refused as a whole, with file:line:col in Error.where. Pure: the caller reads the file.
// Values, immutable once loaded; safe to share between threads.
//
//   TRY(ShellRules rules, load_shell_rules(text, "manifests/exec/default.yaml"));
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/decide.h"
#include "policy/remit.h"

namespace remit::policy {

enum class ShellFlagValue { none, integer, any, read };

struct ShellFlag {
  std::string name;  // "-n", "--since"
  ShellFlagValue value = ShellFlagValue::none;
};

enum class ShellOperand { read, revision, pattern, text };

struct ShellRule {
  std::string id;
  Origin origin;
  std::vector<std::string> argv0;
  std::vector<std::string> subcommand;
  bool has_flags = false;
  std::vector<ShellFlag> flags;
  bool counts = false;  // "-<int>": -20
  bool has_operands = false;
  std::vector<ShellOperand> operands;
  ShellVerdict decision = ShellVerdict::ask;
  std::string reason;
  std::string hint;

  bool names(std::string_view command) const;
};

struct ShellRules {
  std::vector<ShellRule> rules;
  std::vector<std::string> wrappers;
  std::vector<std::string> safe_assignments = {"LANG", "LC_*", "TZ", "NO_COLOR", "COLUMNS"};
  ShellVerdict fallback = ShellVerdict::ask;

  const ShellRule* find(std::string_view id) const;
  bool knows(std::string_view command) const;  // some rule names it
  bool wraps(std::string_view command) const;
  bool safe_assignment(std::string_view name) const;
};

// `file` is the name used in origins and errors.
Result<ShellRules> load_shell_rules(std::string_view text, const std::string& file);

// The rules of a later layer (site, persona) on top of `base`: they may only tighten, so a layer
// that allows anything is refused (invalid_argument, its rule's origin in `where`).
Result<ShellRules> tighten_shell_rules(ShellRules base, const ShellRules& layer);

}  // namespace remit::policy
