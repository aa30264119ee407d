// remit export: the files and command lines that make a client's agent use Remit's tools and
// nothing else. A persona as its authors wrote it gives the client's own tools, outside every check
// of ours, and no tool of Remit; so the exported agent names each `mcp__remit__*` tool it may use.
//
// export_client() only computes; write_export() writes beneath one project directory, never a
// user-level file, and refuses to replace what it did not write itself.
// Source of what each client needs: docs/protocol.md, "What real clients do".
// Threads: reentrant. Errors: `unavailable` for a known client that cannot be exported yet,
// `invalid_argument` for an unknown one, `conflict` for a file of somebody else's in the way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/remit.h"

namespace remit::server {

// The name under which every export registers the server: tools are then mcp__remit__NAME.
inline constexpr std::string_view kServerName = "remit";
inline constexpr std::string_view kToolPrefix = "mcp__remit__";

// The client's own tools that reach files and processes past Remit (Claude Code 2.1 and the older
// names that it still accepts in rules).
const std::vector<std::string>& claude_bypass_tools();

struct ExportOptions {
  std::string client;                   // "claude"
  std::string binary;                   // absolute path of build/remit or /usr/bin/remit
  std::vector<std::string> serve_args;  // what follows `serve`: --agent FILE --workspace DIR ...
  std::vector<std::string> tools;       // what tools/list answers for this agent, in its order
  bool interactive = false;             // leave Bash to the client's own prompt
  // Which of serve's flags this build has: a tool BashApproved that the client's own dialog always
  // guards, and the permission-prompt tool `approve`. A flag it lacks is never written.
  bool native_approval = false;
  bool serve_approver = false;
};

struct ExportedFile {
  enum class Kind {
    agent,       // whole file, ours
    mcp_config,  // JSON: mcpServers.remit is ours, the rest stays
    settings,    // JSON: entries are added to permissions.allow and .deny
  };
  Kind kind = Kind::agent;
  std::string path;  // relative to the project directory
  std::string content;
};

struct Export {
  std::vector<ExportedFile> files;
  std::vector<std::string> notes;  // what a person must know, one sentence each
  std::string headless;            // shell line that runs the agent without a person
  std::string check;               // shell line that proves the set-up
};

Result<Export> export_client(const policy::Remit& remit, const ExportOptions& options);

// For a terminal: each file under a heading, then notes, headless line and check line.
std::string to_text(const Export& exported);

// Writes the files beneath `project`, each whole or not at all, and returns their paths. JSON files
// that exist are merged into. conflict: an agent file that no export wrote (it may be the persona
// itself), or a server "remit" that serves another agent; nothing is written then.
Result<std::vector<std::string>> write_export(const Export& exported, const policy::Remit& remit,
                                              const std::string& project);

// 'it'\''s' when needed: one word for a POSIX shell.
std::string shell_word(std::string_view word);

}  // namespace remit::server
