// The roster: which personas of a folder are served, as the operator's files said when they were
// last read. A worker is started from these bytes, so that what an agent may do changes by a reload
// alone, whenever its worker happens to start.
//
// Reads files; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/operator_files.h"
#include "server/front/table.h"

namespace remit::front {

struct RosterOptions {
  std::string folder;       // of personas, absolute
  std::string site;         // site policy; "" = the installed one
  policy::Binding binding;  // without an instruction
};

struct Persona {
  std::string file;                // absolute
  std::string refused;             // why it is not served, or ""
  std::string packed;              // policy::pack of its files, if it is served
  std::vector<std::string> reach;  // the directories that it reaches, if it is served
};

using Roster = std::map<std::string, Persona, std::less<>>;  // by slug

// A file that is no persona has its file's name for a slug; two of one slug are both
// refused. Errors: unavailable for a folder that cannot be read or holds more than kAgents.
Result<Roster> read_roster(const RosterOptions& options);

// The lines of a credentials file that may be used. Errors: its own; those of
// server::read_credential_file(); invalid_argument for an id that is none.
Result<std::vector<transport::Credential>> read_credentials(const std::string& file,
                                                            const std::vector<std::string>& reach);

}  // namespace remit::front
