// The tool log_patterns: what a set of logs says (tools/diagnostics/log_patterns.h), for an agent.
#pragma once

#include <memory>
#include <string>

#include "base/redaction.h"
#include "tools/tool.h"

namespace remit::tools {

// `redactor` lives as long as the tool.
Tool make_log_patterns(const Redactor& redactor);

}  // namespace remit::tools
