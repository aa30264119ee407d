#include "policy/remit.h"

#include <algorithm>

#include "base/fs.h"

namespace remit::policy {

std::string Origin::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(col);
}

std::string Origin::short_text() const {
  return std::string(fs::base_name(file)) + ":" + std::to_string(line);
}

std::int64_t AckTime::of(const std::string& severity) const {
  const auto named = by_severity_ms.find(severity);
  return named != by_severity_ms.end() ? named->second : ms;
}

const char* to_string(HandoffKind kind) {
  switch (kind) {
    case HandoffKind::consult:
      return "consult";
    case HandoffKind::delegate:
      return "delegate";
    case HandoffKind::escalate:
      return "escalate";
  }
  return "consult";
}

const char* to_string(Resolution resolution) {
  switch (resolution) {
    case Resolution::agent:
      return "agent";
    case Resolution::queue:
      return "queue";
    case Resolution::human:
      return "human";
    case Resolution::external:
      return "external";
    case Resolution::unresolved:
      return "unresolved";
    case Resolution::ambiguous:
      return "ambiguous";
    case Resolution::self:
      return "self";
  }
  return "unresolved";
}

const char* to_string(Apply apply) {
  switch (apply) {
    case Apply::as_write:
      return "as_write";
    case Apply::hold:
      return "hold";
    case Apply::never:
      return "never";
  }
  return "never";
}

const ToolRule* Remit::tool(std::string_view tool_name) const {
  const auto named = [&](const ToolRule& rule) { return rule.name == tool_name; };
  const auto in_tools = std::find_if(tools.begin(), tools.end(), named);
  if (in_tools != tools.end()) return &*in_tools;
  const auto in_diagnostics = std::find_if(diagnostics.begin(), diagnostics.end(), named);
  return in_diagnostics != diagnostics.end() ? &*in_diagnostics : nullptr;
}

}  // namespace remit::policy
