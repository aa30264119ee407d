// The tool log_patterns: what a set of logs says (tools/diagnostics/log_patterns.h), for an agent.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/redaction.h"
#include "tools/tool.h"

namespace remit::tools {

// Keeps the whole body of a result and returns its URI; empty: nothing is kept.
using ResultSink = std::function<std::string(std::string body)>;

// `redactor` lives as long as the tool.
Tool make_log_patterns(const Redactor& redactor, ResultSink sink = {});

}  // namespace remit::tools
