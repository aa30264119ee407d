// remit doctor --client claude: does this project's configuration of the client still let its
// built-in tools past Remit? Looks at the project's own files only (.claude/settings.json,
// .claude/settings.local.json, .mcp.json, .claude/agents/SLUG.md); says which file and line, and
// what to do. Reads, never writes. Threads: reentrant.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/remit.h"

namespace remit::server {

// bypass: the agent, or the session that starts it, can act past Remit. broken: the agent does not
// reach Remit at all, or reaches another one. Either way nothing is enforced: exit code 1.
enum class DoctorSeverity { bypass, broken };
const char* to_string(DoctorSeverity severity);

struct DoctorFinding {
  DoctorSeverity severity = DoctorSeverity::bypass;
  std::string file;  // relative to the project
  int line = 1;
  std::string message;
  std::string remedy;
};

struct DoctorReport {
  std::string client;
  std::vector<std::string> looked_at;   // files that were there
  std::vector<std::string> not_there;   // files that were not
  std::vector<DoctorFinding> findings;  // in the order of the files
  bool ok() const { return findings.empty(); }
};

struct DoctorOptions {
  std::string client;              // "claude"
  std::string project;             // absolute
  std::string binary;              // absolute path of this remit
  std::vector<std::string> tools;  // what tools/list answers for this agent
};

// Errors: unavailable for a client that doctor does not know yet; unavailable if a file is there
// and cannot be read (a file that could not be looked at is no clean bill).
Result<DoctorReport> doctor_client(const policy::Remit& remit, const DoctorOptions& options);

// "FILE:LINE: bypass: MESSAGE" and its remedy per finding; then what was looked at.
std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

}  // namespace remit::server
