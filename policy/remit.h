// Remit: the compiled permission set of one agent for one instruction, each grant with its origin.
// Built once by policy/compile.cpp from persona, manifest, site and directory; immutable afterwards
// and safe to read from any thread. What no line grants is not in it, and so is denied.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/doc_path.h"
#include "memory/store_limits.h"
#include "policy/spawner.h"

namespace remit::policy {

// A place in a file: line and column from 1, column in bytes. Renders as "file:line:col".
struct Origin {
  std::string file;
  int line = 1;
  int col = 1;
  std::string text() const;        // file:line:col, file as given on the command line
  std::string short_text() const;  // base name:line, for messages to a model
};

struct ToolRule {
  std::string name;  // as an agent sees it: "Read", "memory_write", "log_patterns"
  Origin origin;
};

// One ownership line. Read does not follow from write; delete only from a manifest.
struct MemoryRule {
  memory::DocPattern pattern;
  bool read = false, list = false, create = false, replace = false, append = false;
  bool remove = false;  // also what a rename takes away: it is delete(source) + create(target)
  std::string source;   // as written in the persona
  Origin origin;
};

enum class HandoffKind { consult, delegate, escalate };
const char* to_string(HandoffKind kind);

enum class Resolution { agent, queue, human, external, unresolved, ambiguous, self };
const char* to_string(Resolution resolution);

// How long a target of an escalation has to acknowledge it, as directory.yaml says.
struct AckTime {
  std::int64_t ms = 0;  // for the severities that are not named
  std::map<std::string, std::int64_t> by_severity_ms;
  std::int64_t of(const std::string& severity) const;  // 0: by priority (memory/handoff.h)
};

// Who is told when nobody acknowledged an escalation in time.
struct LadderStep {
  std::string to;  // slug
  AckTime ack;
  Resolution resolution = Resolution::unresolved;  // in an edge: agent, queue or human
};

struct EdgeRule {
  HandoffKind kind = HandoffKind::consult;
  std::string target;  // slug
  std::string reason;  // the persona's words, "product bugs"
  Resolution resolution = Resolution::unresolved;
  bool requires_bug_report = false;
  std::string file_drop;           // queue: folder name below the drop root; empty: inbox only
  AckTime ack;                     // escalate: the time that `target` has
  std::vector<LadderStep> ladder;  // escalate: whoever comes after `target`
  Origin origin;
};

// A directory tree outside Agent_Memory. The workspace is the first; log roots follow, read-only.
struct RootRule {
  std::string path;  // absolute, the kernel's name of it
  bool read = true;
  bool write = false;
  Origin origin;
};

struct TargetRule {
  std::string alias;
  Origin origin;
};

enum class Apply { as_write, hold, never };
const char* to_string(Apply apply);

struct BashPolicy {
  Apply apply = Apply::as_write;
  std::string profile = "default";
  SpawnLimits limits;
  bool layer_on_disk = false;  // of the profile; fixed when the starter begins
  Tier minimum_tier = Tier::t2;
};

// What the persona or site says must not be touched in the workspace, as globs in ripgrep's -g
// dialect relative to the workspace (matched after ASCII case folding).
struct PathRule {
  std::string glob;
  Origin origin;
  memory::DocPattern pattern = {};  // of the folded glob; filled by make_path_rule()
};

// Compiles a glob ('*' within a name, '**' across directories). Errors: invalid_argument with the
// origin in `where`.
Result<PathRule> make_path_rule(std::string glob, Origin origin);
// The first rule that names `path` (relative to its root, any case), or nullptr.
const PathRule* match_path(const std::vector<PathRule>& rules, std::string_view path);

struct Remit {
  // Who.
  std::string name, slug, description, model, color;
  std::string persona_file;                    // as named by the operator
  std::string persona_sha256;                  // of the file's bytes
  std::string manifest_file, manifest_sha256;  // empty if there is none
  std::string site_file, site_sha256;
  std::string body;  // the markdown below the front matter, verbatim
  std::string instruction_id;

  // What. Order is the source's order.
  std::vector<ToolRule> tools;
  std::vector<std::string> tools_not_provided;
  std::vector<ToolRule> diagnostics;
  std::vector<MemoryRule> memory;
  std::vector<EdgeRule> edges;
  std::vector<RootRule> roots;  // [0] is the workspace
  std::vector<TargetRule> targets;
  BashPolicy bash;
  std::vector<PathRule> protected_paths;  // no tool replaces them
  std::vector<PathRule> read_denied;      // no tool reads them; masked in slots
  std::vector<PathRule> write_ask;        // a person is asked
  std::string memory_root;                // absolute path of Agent_Memory
  std::string memory_database;            // "": documents are files there; else where they are rows
  memory::StoreLimits memory_limits;
  int approval_timeout_s = 300;
  bool approvals_by_terminal = true;
  std::string file_drop_root;      // absolute
  bool same_user_answers = false;  // one user may answer, as another persona, what it sent
  bool operates = false;           // a person's own commands: stands for both sides of a handoff

  // What a denial cites when no line grants: the place that would have to.
  Origin tools_line, memory_heading, collaboration_heading;

  const ToolRule* tool(std::string_view tool_name) const;  // also diagnostics; nullptr: not granted
  std::string sha256() const;  // of the canonical JSON of what is granted (policy/show.h)
};

// Who calls. Comes from the process or the credential, never from an argument.
struct Principal {
  std::string user;         // "uid:1000"
  std::string agent;        // slug; "operator" for commands of a person
  std::string instruction;  // bound id
  std::string session;      // id of this server process or protocol session
};
// "uid:1000/technical-support-engineer/inst_x": how the ledger, approvals and seals name it.
std::string principal_text(const Principal& principal);

}  // namespace remit::policy
