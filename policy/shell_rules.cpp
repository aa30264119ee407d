#include "policy/shell_rules.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

#include "base/text.h"
#include "base/yaml.h"
#include "policy/shell_match.h"
#include "policy/shell_parser.h"
#include "policy/shell_wrappers.h"

namespace remit::policy {
namespace {

using Node = yaml::Node;

class Loader {
 public:
  explicit Loader(std::string file) : file_(std::move(file)) {}

  Result<ShellRules> load(std::string_view text) {
    const yaml::Parsed parsed = yaml::parse(text, {});
    if (!parsed.ok()) {
      return error(parsed.problems.front().at, parsed.problems.front().message);
    }
    TRY_DO(keys(parsed.root, {"version", "wrappers", "assignments", "rules", "default"}));
    const Node* version = parsed.root.find("version");
    if (version == nullptr || version->text != "1") {
      return error(parsed.root.at, "version must be 1");
    }
    TRY_DO(read_wrappers(parsed.root.find("wrappers")));
    TRY_DO(read_assignments(parsed.root.find("assignments")));
    TRY_DO(read_default(parsed.root));
    const Node* list = parsed.root.find("rules");
    if (list == nullptr || list->kind != yaml::Kind::sequence) {
      return error(parsed.root.at, "rules must be a list");
    }
    for (const Node& node : list->items) TRY_DO(read_rule(node));
    for (const Node& node : list->items) TRY_DO(run_tests(node));
    return std::move(rules_);
  }

 private:
  tl::unexpected<Error> error(yaml::Position at, const std::string& message) const {
    return fail(ErrorKind::invalid_argument, "shell rules: " + message,
                Origin{file_, at.line, at.col}.text(), "bad_shell_rules");
  }

  Result<void> keys(const Node& node, std::initializer_list<std::string_view> allowed) const {
    if (node.kind != yaml::Kind::mapping) return error(node.at, "must be a mapping");
    for (const yaml::Entry& entry : node.entries) {
      if (std::find(allowed.begin(), allowed.end(), entry.key) == allowed.end()) {
        return error(entry.key_at, "unknown key " + escape_ascii(entry.key));
      }
    }
    return {};
  }

  Result<std::vector<std::string>> words(const Node* node) const {
    std::vector<std::string> out;
    if (node == nullptr) return out;
    if (node->kind != yaml::Kind::sequence) return error(node->at, "must be a list of words");
    for (const Node& item : node->items) {
      if (item.kind != yaml::Kind::scalar || item.text.empty()) {
        return error(item.at, "must be a word");
      }
      out.push_back(item.text);
    }
    return out;
  }

  Result<void> read_wrappers(const Node* node) {
    TRY(rules_.wrappers, words(node));
    for (const std::string& name : rules_.wrappers) {
      if (!is_shell_wrapper(name)) {
        return error(node->at, "the options of wrapper " + escape_ascii(name) + " are not known");
      }
    }
    return {};
  }

  Result<void> read_assignments(const Node* node) {
    if (node == nullptr) return {};
    TRY_DO(keys(*node, {"safe"}));
    TRY(rules_.safe_assignments, words(node->find("safe")));
    return {};
  }

  Result<void> read_default(const Node& root) {
    const Node* node = root.find("default");
    if (node == nullptr || node->text == "ask") return {};
    if (node->text != "deny") return error(node->at, "default must be ask or deny");
    rules_.fallback = ShellVerdict::deny;
    return {};
  }

  Result<void> read_rule(const Node& node) {
    TRY_DO(keys(node, {"id", "argv0", "subcommand", "flags", "operands", "decision", "reason",
                       "hint", "tests"}));
    ShellRule rule;
    rule.origin = Origin{file_, node.at.line, node.at.col};
    const Node* id = node.find("id");
    if (id == nullptr || id->text.empty()) return error(node.at, "a rule without an id");
    rule.id = id->text;
    if (rules_.find(rule.id) != nullptr)
      return error(id->at, "duplicate id " + escape_ascii(rule.id));
    TRY(rule.argv0, words(node.find("argv0")));
    if (rule.argv0.empty()) return error(node.at, "rule " + rule.id + " names no command in argv0");
    for (const std::string& name : rule.argv0) {
      if (name.find('/') != std::string::npos) {
        return error(node.at, "argv0 holds base names, not " + escape_ascii(name));
      }
    }
    TRY(rule.subcommand, words(node.find("subcommand")));
    TRY_DO(read_flags(node.find("flags"), rule));
    TRY_DO(read_operands(node.find("operands"), rule));
    TRY_DO(read_decision(node, rule));
    if (const Node* reason = node.find("reason")) rule.reason = reason->text;
    if (const Node* hint = node.find("hint")) rule.hint = hint->text;
    rules_.rules.push_back(std::move(rule));
    return {};
  }

  Result<void> read_decision(const Node& node, ShellRule& rule) const {
    const Node* decision = node.find("decision");
    const std::string text = decision == nullptr ? "" : decision->text;
    if (text == "allow") {
      rule.decision = ShellVerdict::allow;
    } else if (text == "deny") {
      rule.decision = ShellVerdict::deny;
    } else if (text != "ask") {
      return error(node.at, "rule " + rule.id + ": decision must be allow, ask or deny");
    }
    return {};
  }

  Result<void> read_flags(const Node* node, ShellRule& rule) const {
    if (node == nullptr) return {};
    TRY_DO(keys(*node, {"allow"}));
    TRY(const std::vector<std::string> listed, words(node->find("allow")));
    rule.has_flags = true;
    for (const std::string& text : listed) {
      if (text == "-<int>") {
        rule.counts = true;
        continue;
      }
      ShellFlag flag;
      const std::size_t colon = text.find(':');
      flag.name = text.substr(0, colon);
      const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
      if (value == "int") {
        flag.value = ShellFlagValue::integer;
      } else if (value == "any") {
        flag.value = ShellFlagValue::any;
      } else if (value == "read") {
        flag.value = ShellFlagValue::read;
      } else if (colon != std::string::npos) {
        return error(node->at, "flag " + escape_ascii(text) + ": a value is int, any or read");
      }
      if (!flag.name.starts_with('-') || flag.name.size() < 2) {
        return error(node->at, "a flag begins with -, unlike " + escape_ascii(text));
      }
      rule.flags.push_back(std::move(flag));
    }
    return {};
  }

  Result<void> read_operands(const Node* node, ShellRule& rule) const {
    if (node == nullptr) return {};
    if (node->kind != yaml::Kind::sequence) return error(node->at, "operands must be a list");
    rule.has_operands = true;
    for (const Node& item : node->items) {
      if (item.kind == yaml::Kind::mapping) {
        TRY_DO(keys(item, {"role"}));
        if (item.entries.size() != 1 || item.entries.front().value.text != "read") {
          return error(item.at, "the only role is read");
        }
        rule.operands.push_back(ShellOperand::read);
      } else if (item.text == "revision") {
        rule.operands.push_back(ShellOperand::revision);
      } else if (item.text == "pattern") {
        rule.operands.push_back(ShellOperand::pattern);
      } else if (item.text == "text") {
        rule.operands.push_back(ShellOperand::text);
      } else {
        return error(item.at, "an operand is {role: read}, revision, pattern or text");
      }
    }
    return {};
  }

  // Every rule proves on its own examples that it means what its author meant.
  Result<void> run_tests(const Node& node) const {
    const ShellRule& rule = *rules_.find(node.find("id")->text);
    const Node* tests = node.find("tests");
    if (tests == nullptr) return error(node.at, "rule " + rule.id + " has no tests");
    TRY_DO(keys(*tests, {"match", "not_match"}));
    TRY(const std::vector<std::string> match, words(tests->find("match")));
    TRY(const std::vector<std::string> not_match, words(tests->find("not_match")));
    if (match.empty()) return error(tests->at, "rule " + rule.id + " has no match test");
    for (const std::string& text : match) {
      if (!applies(rule, text)) {
        return error(tests->at,
                     "self-test failed: " + rule.id + " does not match " + escape_ascii(text));
      }
    }
    for (const std::string& text : not_match) {
      if (applies(rule, text)) {
        return error(tests->at, "self-test failed: " + rule.id + " matches " + escape_ascii(text));
      }
    }
    return {};
  }

  static bool applies(const ShellRule& rule, const std::string& text) {
    ShellScope scope;
    scope.workspace = "/workspace";
    scope.cwd = scope.workspace;
    const ShellPaths paths(scope);
    const ShellScript script = parse_shell(text);
    return script.unparsed.empty() && script.refused.empty() && applies(rule, script.root, paths);
  }

  static bool applies(const ShellRule& rule, const ShellNode& node, const ShellPaths& paths) {
    if (node.kind == ShellKind::simple && !node.words.empty()) {
      ShellArguments arguments;
      for (std::size_t i = 1; i < node.words.size(); ++i) arguments.push_back(&node.words[i]);
      const std::optional<std::string> name = node.words.front().literal();
      if (name && match_shell_rule(rule, *name, arguments, paths).applies()) return true;
    }
    return std::any_of(node.children.begin(), node.children.end(),
                       [&](const ShellNode& child) { return applies(rule, child, paths); });
  }

  std::string file_;
  ShellRules rules_;
};

}  // namespace

bool ShellRule::names(std::string_view command) const {
  return one_of(command, argv0);
}

const ShellRule* ShellRules::find(std::string_view id) const {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const ShellRule& rule) { return rule.id == id; });
  return found == rules.end() ? nullptr : &*found;
}

bool ShellRules::knows(std::string_view command) const {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const ShellRule& rule) { return rule.names(command); });
}

bool ShellRules::wraps(std::string_view command) const {
  return one_of(command, wrappers);
}

bool ShellRules::safe_assignment(std::string_view name) const {
  return std::any_of(safe_assignments.begin(), safe_assignments.end(), [&](std::string_view safe) {
    if (safe.ends_with('*')) return name.starts_with(safe.substr(0, safe.size() - 1));
    return name == safe;
  });
}

Result<ShellRules> load_shell_rules(std::string_view text, const std::string& file) {
  return Loader(file).load(text);
}

Result<ShellRules> tighten_shell_rules(ShellRules base, const ShellRules& layer) {
  for (const ShellRule& rule : layer.rules) {
    if (rule.decision == ShellVerdict::allow) {
      return fail(ErrorKind::invalid_argument,
                  "shell rule " + escape_ascii(rule.id) + " allows; a later layer may only tighten",
                  rule.origin.text(), "bad_shell_rules");
    }
    if (base.find(rule.id) != nullptr) {
      return fail(ErrorKind::invalid_argument, "duplicate shell rule id " + escape_ascii(rule.id),
                  rule.origin.text(), "bad_shell_rules");
    }
    base.rules.push_back(rule);
  }
  if (layer.fallback == ShellVerdict::deny) base.fallback = ShellVerdict::deny;
  return base;
}

}  // namespace remit::policy
