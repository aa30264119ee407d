// log_patterns: what a set of logs says, in one pass: templates with their counts, levels, bursts
// of errors, exhausted resources, silence, clocks that run backwards, secrets, attacks on sign-ins.
//
// Every statement carries the file and line it was read from. The pass is bounded in bytes and time
// (limits::kLogBytes, kLogDeadline); what was not read is in the coverage, and the verdict is then
// never "healthy". Memory: the miner's 48 MiB and about as much for places and counts, whatever the
// input.
//
// Threads: a call runs on one thread; calls share nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tools/diagnostics/finding.h"
#include "tools/diagnostics/log_files.h"
#include "tools/diagnostics/log_line.h"

namespace remit::diagnostics {

enum class GroupBy { template_text, level, field };
enum class LogField { host, component, pid };

// Half-open, unix milliseconds.
struct Window {
  std::optional<std::int64_t> from, to;
  bool contains(std::int64_t ms) const { return (!from || ms >= *from) && (!to || ms < *to); }
};

struct PatternsQuery {
  Window window;
  std::optional<Window> baseline;
  Level min_level = Level::unknown;
  GroupBy group_by = GroupBy::template_text;
  LogField field = LogField::component;
  bool auth = false;  // profile "auth"
  std::size_t top = 20;
};

struct PatternsAnswer {
  Draft draft;
  std::string facts;  // the facts as text, for people; not redacted yet
};

// `files` are read in their order. Errors: cancelled.
Result<PatternsAnswer> log_patterns(LogFiles files, const PatternsQuery& query,
                                    const Redactor& redactor, const Clock& clock,
                                    std::stop_token stop);

}  // namespace remit::diagnostics
