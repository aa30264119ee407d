// remit doctor --client CLIENT: does this project's configuration of the client still let its
// built-in tools past Remit? Looks at the project's own files only; says which file and line, and
// what to do. What the client offers no switch for is a finding, too: it lets them past whatever
// the files say. Reads, never writes. Threads: reentrant.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/remit.h"
#include "server/cli/export.h"

namespace remit::server {

const char* to_string(DoctorSeverity severity);

// Any of them: not enforced, exit code 1.
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
  std::string not_looked_at;
  bool ok() const { return findings.empty(); }
};

struct DoctorOptions {
  std::string client;              // a name of client_names()
  std::string project;             // absolute
  std::string binary;              // absolute path of this remit
  std::vector<std::string> tools;  // what tools/list answers for this agent
  // What follows `serve`, as an export would write it; libraries' modules are compared with it.
  std::vector<std::string> serve_args;
  std::string url = {};  // where the agent is served over HTTP, if it is
};

// Errors: invalid_argument for an unknown client; unavailable if a file is there and cannot be read
// (a file that could not be looked at is no clean bill).
Result<DoctorReport> doctor_client(const policy::Remit& remit, const DoctorOptions& options);

// "FILE:LINE: bypass: MESSAGE" and its remedy per finding; then what was looked at.
std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

}  // namespace remit::server
