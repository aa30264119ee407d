// remit export CLIENT: the files and command lines that make a client's agent use Remit's tools and
// nothing else. A persona as its authors wrote it gives the client's own tools, outside every check
// of ours, and no tool of Remit; so the exported agent names each tool of Remit that it may use,
// and the exported settings switch the client's own off, as far as that client lets a project do
// so.
//
// A client is a row of clients() (server/cli/clients.h) and a function that fills an Export: its
// files are entries (what must stand where) or whole texts, so that writing, merging and the doctor
// are done once for all of them.
//
// export_client() only computes; write_export() writes beneath one project directory, never a
// user-level file, and refuses to replace what no export wrote.
// What each client needs and what was seen to hold: docs/clients.md.
// Threads: reentrant. Errors: `invalid_argument` for an unknown client, or for a path that the
// client's files cannot carry (not UTF-8, or holding what the client would replace, like ${HOME});
// `conflict` for something of somebody else's in the way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "policy/remit.h"

namespace remit::server {

// The name under which every export registers the server: tools are then mcp__remit__NAME.
inline constexpr std::string_view kServerName = "remit";
inline constexpr std::string_view kToolPrefix = "mcp__remit__";

inline constexpr std::string_view kTokenVariable = "REMIT_TOKEN";

// The client's own tools that reach files, processes and the network past Remit (Claude Code 2.1;
// the client warns of names that it does not know).
const std::vector<std::string>& claude_bypass_tools();

struct ExportOptions {
  std::string client;                   // a name of client_names()
  std::string binary;                   // absolute path of build/remit or /usr/bin/remit
  std::vector<std::string> serve_args;  // what follows `serve`: --agent FILE --workspace DIR ...
  std::vector<std::string> tools;       // what tools/list answers for this agent, in its order
  // Where the agent is served over HTTP, instead of being started by the client; "" if it is not.
  // The token stands in no file: the client takes it from kTokenVariable.
  std::string url;
  bool interactive = false;  // leave Bash to the client's own prompt
  // Which of serve's flags this build has: a tool BashApproved that the client's own dialog always
  // guards, and the permission-prompt tool `approve`. A flag it lacks is never written.
  bool native_approval = false;
  bool serve_approver = false;
};

// bypass: the agent, or the session that starts it, can act past Remit. broken: the agent does not
// reach Remit at all, or reaches another one. limit: the client has no switch for it.
enum class DoctorSeverity { bypass, broken, limit };

// One thing that a client's file must say.
struct Entry {
  enum class How {
    server,  // the server's start: replaced if it serves the same agent, else a conflict
    list,    // each of `value` is in the list that stands there, and nothing else of kind `stem`
    fixed,   // exactly this; anything else that stands there is a conflict
    free,    // written like fixed, and nothing hangs on it: the doctor does not look
  };
  How how = How::fixed;
  std::string pointer;  // RFC 6901
  OrderedJson value;
  DoctorSeverity severity = DoctorSeverity::broken;
  std::string without;  // what follows where it does not stand there
  // What an export with the other --interactive writes there: replaced, and as good for the doctor.
  OrderedJson other_form = nullptr;
  std::string stem = {};  // list: what begins so is ours, and goes when it is not in `value`
};

struct ExportedFile {
  enum class Format {
    agent,     // markdown with front matter, whole and ours
    program,   // source text, whole and ours
    toml,      // whole and ours; `entries` say what is in it
    settings,  // JSON: `entries` are merged into what is there
  };
  Format format = Format::agent;
  std::string path;     // relative to the project directory
  std::string content;  // as it is written where there is nothing yet
  std::vector<Entry> entries;
};

// Something that no file can enforce in this client, and what a person does about it.
struct Limit {
  std::string message, remedy;
};

struct Export {
  std::vector<ExportedFile> files;
  std::vector<std::string> notes;  // what a person must know, one sentence each
  std::vector<Limit> limits;
  std::string headless;  // shell line that runs the agent without a person; may be ""
  std::string check;     // shell line that proves the set-up
};

// Names of the clients, in the order of the documentation.
std::vector<std::string> client_names();

Result<Export> export_client(const policy::Remit& remit, const ExportOptions& options);

// For a terminal: each file under a heading, then notes, limits, headless line and check line.
std::string to_text(const Export& exported);
// What is said after writing `written`; and the same for a machine, files included.
std::string to_summary(const Export& exported, const std::vector<std::string>& written);
std::string to_json(const Export& exported, const std::vector<std::string>& written);

// Writes the files beneath `project`, each whole or not at all, and returns their paths. JSON files
// that exist are merged into. conflict: a file that no export wrote (it may be the persona itself),
// a server "remit" that serves another agent, or a setting that says something else; nothing is
// written then.
Result<std::vector<std::string>> write_export(const Export& exported, const policy::Remit& remit,
                                              const std::string& project);

// What `server`, as a client's file declares it, starts: command and arguments in one list, empty
// if it starts nothing. The value after --agent, "" if there is none. The address of one over HTTP,
// "" if it is none.
std::vector<std::string> started_by(const OrderedJson& server);
std::string agent_of(const std::vector<std::string>& command);
std::string url_of(const OrderedJson& server);

// 'it'\''s' when needed: one word for a POSIX shell.
std::string shell_word(std::string_view word);
// Each of them after a blank.
std::string shell_words(const std::vector<std::string>& words);

}  // namespace remit::server
