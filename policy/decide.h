// decide(): the one decision. A pure function from what is granted, who calls and what is about to
// be done to Allow, Ask or Deny, each with the rule and the line it came from. No I/O, no clock, no
// state: the same question has the same answer, in `remit explain`, in Access and in the starter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/remit.h"

namespace remit::policy {

enum class Verb { open, list, replace, spawn, connect, send };
const char* to_string(Verb verb);

// Where a path lies. `outside` is any path beneath no granted root.
enum class Space { workspace, root, memory, output, inbox, outside };
const char* to_string(Space space);

// Which side of a handoff the caller is on.
enum class HandoffPart { none, target, sender };

// A delegation that holds the task whose document is about to be changed: its target writes what
// its sender may write, and the sender does not, until it has ended.
struct TaskHold {
  bool is_target = false;  // else the caller is its sender
  std::string handoff, to;
  Origin origin;  // the sender's edge
};

// What a replace does to its target. entry and set are typed edits of a YAML document.
enum class ReplaceOp { create, replace, append, remove, rename, mkdir, mode, symlink, entry, set };
const char* to_string(ReplaceOp op);

enum class Risk { low, high };
const char* to_string(Risk risk);

// What the shell policy found out about a command (policy/shell.h): verdict, class, reasons.
struct ShellFinding {
  std::string reason;  // code: interpreter, unparsed, hidden_text, write_redirection, ...
  std::string what;    // the words concerned, escaped
  std::string rule;    // id of the rule that decided, or ""
  std::string hint;    // a typed tool that does the job, or ""
};
enum class ShellVerdict { allow, ask, deny };
struct ShellAssessment {
  ShellVerdict verdict = ShellVerdict::ask;
  Risk risk = Risk::high;
  std::vector<ShellFinding> findings;
  std::vector<std::vector<std::string>> commands;  // argv of each simple command seen
};

// One thing about to be done.
struct Action {
  Verb verb = Verb::open;
  std::string tool;  // the tool that asks; "Bash" for applied changes
  // open, list, replace
  Space space = Space::outside;
  std::string path;  // workspace: relative; memory: document path; root: absolute; as resolved
  ReplaceOp op = ReplaceOp::create;
  bool exists = false;          // replace: the target is there
  bool own_version = false;     // replace of a document: its current version is the persona's own
  bool symlink_leaves = false;  // op symlink: the target leaves the workspace
  // spawn
  const ShellAssessment* shell = nullptr;
  Tier tier = Tier::t1;  // of the sandbox it would run in
  // connect
  std::string target;
  // send
  HandoffKind kind = HandoffKind::consult;
  std::string to;
  // open of Space::inbox (path: the handoff's id, or SLUG/FILE of a file that is no handoff's), and
  // send of an act on a handoff that is there (`to`: the other side)
  HandoffPart part = HandoffPart::none;
  std::string act;         // "answer", "withdraw", ...; empty: a new handoff
  std::string handoff;     // its id
  bool same_user = false;  // act of the target: its user also sent it
  // replace of a document of a task that a delegation holds
  std::optional<TaskHold> task;
};

enum class Verdict { allow, ask, deny };
const char* to_string(Verdict verdict);

struct Decision {
  Verdict verdict = Verdict::deny;
  std::string rule;  // short id: "tool.Read", "memory.read", "no_edge", "protected"
  Origin origin;     // the line that grants, or that would have to
  std::string
      reason;  // for a person and a model: "technical-support-engineer.md:406 grants only ..."
  std::string code;  // not_allowed, no_edge, unresolved_target, ... (empty on allow)
  std::string hint;  // what to do instead, or ""
  Risk risk = Risk::low;
  bool allowed() const { return verdict == Verdict::allow; }
};

// The rule by which decide() lets a file be opened or listed; nullptr: it does not, or the path is
// no file's (Agent_Memory), and decide() says why. The same test without its words, for walks,
// which ask once a name; the tool must have been asked about before.
const RootRule* readable_root(const Remit& remit, Space space, std::string_view path);

Decision decide(const Remit& remit, const Principal& principal, const Action& action);

}  // namespace remit::policy
