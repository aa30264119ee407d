#include "policy/shell_render.h"

#include "base/text.h"

namespace remit::policy {
namespace {

constexpr std::size_t kVerdictWidth = 6;

std::string padded(std::string text) {
  if (text.size() < kVerdictWidth) text.resize(kVerdictWidth, ' ');
  return text;
}

// "git-read, default.yaml:120"; ids of rules come from an operator's file and are escaped too.
std::string rule_text(const std::string& id, const ShellRules& rules) {
  const ShellRule* rule = rules.find(id);
  if (rule == nullptr) return escape_ascii(id);
  return escape_ascii(id) + ", " + escape_ascii(rule->origin.short_text());
}

std::string finding_text(const ShellFinding& finding, const ShellRules& rules) {
  std::string text = escape_ascii(finding.reason) + ": " + finding.what;
  if (!finding.rule.empty()) text += " [" + rule_text(finding.rule, rules) + "]";
  if (!finding.hint.empty()) text += "; " + escape_ascii(finding.hint);
  return text;
}

}  // namespace

std::string render_shell(std::string_view command, const ShellJudgement& judgement,
                         const ShellRules& rules) {
  std::string out = "$ " + escape_ascii(command) + "\n";
  for (const ShellLine& line : judgement.lines) {
    const std::string indent(static_cast<std::size_t>(line.depth) * 2, ' ');
    out += padded(to_string(line.verdict)) + indent + line.text;
    if (!line.allowed_by.empty()) out += " [" + rule_text(line.allowed_by, rules) + "]";
    out += "\n";
    for (const ShellFinding& finding : line.findings) {
      out += std::string(kVerdictWidth, ' ') + indent + "- " + finding_text(finding, rules) + "\n";
    }
  }
  for (const ShellFinding& finding : judgement.general) {
    out += "text  - " + finding_text(finding, rules) + "\n";
  }
  out += std::string("verdict: ") + to_string(judgement.assessment.verdict);
  if (judgement.assessment.verdict == ShellVerdict::ask) {
    out += judgement.assessment.risk == Risk::low ? ", low risk" : ", high risk";
  }
  return out + "\n";
}

}  // namespace remit::policy
