// Which tools a persona's `tools`, `disallowedTools` and `capabilities` lines amount to. Memory and
// handoff tools come from their sections (policy/compile.cpp). Pure; safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/capabilities.h"
#include "policy/lint/diagnostics.h"
#include "policy/manifest.h"
#include "policy/persona.h"
#include "policy/site.h"

namespace remit::policy {

struct GrantedTools {
  std::vector<ToolRule> tools;                        // generic ones, and what comes with Bash
  std::vector<ToolRule> diagnostics;                  // of capabilities
  std::vector<std::string> names;                     // generic ones alone
  std::vector<std::string> not_provided;              // declared, unknown to this server
  std::vector<std::string> diagnostics_not_provided;  // mapped, unknown to this server
};

GrantedTools grant_tools(const Persona& persona, const Manifest& manifest, const Site& site,
                         const Capabilities& capabilities,
                         std::span<const std::string_view> provided, Diagnostics& notes);

}  // namespace remit::policy
