// The shipped rules and a workspace that the tests of the shell policy judge commands against.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "policy/shell_assess.h"

namespace remit::policy_test {

inline std::string shipped_rules_file() {
  const char* source = std::getenv("REMIT_SOURCE");
  return std::string(source == nullptr ? "." : source) + "/manifests/exec/default.yaml";
}

inline std::string shipped_rules_text() {
  std::ifstream in(shipped_rules_file());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline const policy::ShellRules& shipped_rules() {
  static const auto rules =
      policy::load_shell_rules(shipped_rules_text(), "manifests/exec/default.yaml");
  if (!rules) {
    std::fputs((rules.error().where + ": " + rules.error().message + "\n").c_str(), stderr);
    std::abort();
  }
  return *rules;
}

inline policy::ShellScope workspace_scope() {
  policy::ShellScope scope;
  scope.workspace = "/srv/app";
  scope.cwd = "/srv/app";
  scope.read_roots = {"/var/log"};
  return scope;
}

inline policy::ShellAssessment judged(std::string_view command) {
  static const policy::ShellScope scope = workspace_scope();
  return policy::assess(command, shipped_rules(), scope);
}

inline bool has_reason(const policy::ShellAssessment& assessment, std::string_view reason) {
  for (const policy::ShellFinding& finding : assessment.findings) {
    if (finding.reason == reason) return true;
  }
  return false;
}

}  // namespace remit::policy_test
