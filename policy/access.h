// Access: an agent's pair of hands. Six verbs — open, list, replace, spawn, connect, send — and
// nothing else in the product touches the world for an agent (tests/docs/access_only). Each verb
// resolves what is really there, asks decide(), writes the ledger, and only then acts. Where the
// decision is Ask, the verb consumes the matching approval or fails with needs_approval.
//
// Every refusal is the same `denied` whether the thing exists or not.
//
// Threads: safe from any thread; one Access serves all calls of one process. CallScope names the
// call that is being served, for the ledger and for cancellation.
#pragma once

#include <dirent.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/handoff.h"
#include "memory/store.h"
#include "policy/decide.h"
#include "policy/remit.h"
#include "policy/spawner.h"

namespace remit::policy {

class Approvals;  // policy/approvals.h

// The call on whose behalf a verb acts.
struct CallScope {
  std::string call_id;  // ULID
  std::string tool;     // name as the agent sees it
};

// A path after resolution: in which space it lies and its name there.
struct Location {
  Space space = Space::outside;
  std::size_t root = 0;  // index into Remit::roots for workspace and root
  std::string path;      // workspace: relative; memory: document path; root: absolute
  std::string shown;     // how answers print it: relative inside the workspace, else absolute
};

// A regular file opened for reading.
struct OpenFile {
  Fd fd;  // O_RDONLY | O_NONBLOCK | O_CLOEXEC, offset 0
  Location where;
  struct stat status{};
};

// One directory of a walk; names seen through Walk::entries only.
struct WalkDirectory {
  Fd fd;
  Location where;
};

// A regular file of a walk, opened for reading.
struct WalkedFile {
  Fd fd;                 // as OpenFile's
  struct stat status{};  // after it was opened
};

// One traversal for Grep, Glob and friends: directories and files are decided one by one, the
// ledger gets one record per rule and verdict (count, SHA-256 over the paths) at the end.
// Thread-safe.
class Walk {
 public:
  virtual ~Walk() = default;
  virtual const WalkDirectory& root() const = 0;
  // The entries of a directory that this persona may know of. Symlinks appear with DT_LNK;
  // DT_UNKNOWN is resolved before it is given.
  virtual Result<void> entries(
      const WalkDirectory& directory,
      const std::function<bool(std::string_view name, unsigned char type)>& visit) = 0;
  // Opens a child directory; symlinks are refused. not_found if it vanished.
  virtual Result<WalkDirectory> enter(const WalkDirectory& parent, std::string_view name) = 0;
  // Opens a regular file for reading; symlinks are refused. Never waits, whatever stands there by
  // now.
  virtual Result<WalkedFile> open(const WalkDirectory& parent, std::string_view name) = 0;
  // Of an entry of a directory, symlinks not followed. not_found if it vanished.
  virtual Result<struct stat> status_of(const WalkDirectory& directory, std::string_view name);
  // True if some names were left out by policy below this root (constant per persona and root, so
  // that it is no oracle).
  virtual bool filtered() const = 0;
  // Writes the ledger records; call it before answering. Fails closed.
  virtual Result<void> finish() = 0;
};

// What replace() is to do. Files and documents alike: Agent_Memory documents go through the Store
// with versions, schema and redaction, other files through the atomic replacement of base/fs.
struct ReplaceRequest {
  std::string path;       // as the agent wrote it, or a document path if `document`
  bool document = false;  // `path` is relative to Agent_Memory
  ReplaceOp op = ReplaceOp::create;
  std::string bytes;                      // new content; symlink: the target
  std::uint32_t mode = 0644;              // new files, op mode, and existing files unless keep_mode
  bool keep_mode = true;                  // an existing file keeps its permission bits
  std::optional<std::string> if_version;  // files: SHA-256 of the content that must be in place
  bool if_absent = false;                 // must not exist
  std::string if_match;                   // documents: etag
  std::string idempotency_key;            // documents
  std::string to;                         // documents, rename: the new path
  // documents, entry and set: computes the new body from the old inside the transaction
  std::function<Result<std::string>(const std::optional<std::string>&)> edit;
  // A change that a person saw and approved (`remit changes apply`): Ask counts as answered.
  bool approved_by_person = false;
};

// The version of a file as Read, Write and Edit name it: SHA-256 of the bytes for files up to
// kVersionHashBytes, "id:dev:inode:size:mtime_ns:ctime_ns" above. `fd` is open for reading.
Result<std::string> file_version(const Fd& fd, const struct stat& status);

struct Replaced {
  Location where;
  bool created = false;
  std::string version;  // SHA-256 (files) or etag (documents)
  std::uint64_t bytes = 0;
  std::string previous_version;
};

struct SpawnRequest {
  std::string command;
  std::string cwd;  // absolute; empty: the agent's current directory
  std::string description;
  std::optional<std::chrono::milliseconds> wall;
  bool background = false;
};

// A diagnostic's result that is cited: the call that made it, the hash of its body and, if a
// passage is quoted, that passage, which must occur in it.
struct Evidence {
  std::string call_id;
  std::string sha256;  // may be empty: filled in
  std::string quote;   // may be empty
};

// A result body kept for citing, 24 hours, for its own principal only.
struct KeptResult {
  std::string uri;  // remit://result/CALL
  std::string sha256;
};

// What a person is asked before something happens. `text` is complete and printable ASCII.
struct Question {
  std::string grant_key;           // SHA-256 over everything that, if changed, must be asked again
  std::string title;               // one line
  std::vector<std::string> lines;  // at most three lines of 100 characters for a form
  std::string text;                // the full rendering for a terminal or the console
  Risk risk = Risk::high;
  std::string tool;
  std::string command;  // raw bytes
};

struct HandoffDraft {
  HandoffKind kind = HandoffKind::consult;
  std::string to;
  std::string title;        // escalate: open ones with the same title are the same
  std::string fields_json;  // the kind's own fields, validated by the tool
  std::string priority = "normal";
  std::string severity;  // escalate
  std::string idempotency_key, thread_id, parent_id;
  std::int64_t deadline_unix_ms = 0;
  bool needs_acknowledgement = true;
  std::string task_id;             // delegate: whose document the target is to write
  bool has_bug_report = false;     // fields_json carries a valid one
  std::vector<Evidence> evidence;  // escalate needs at least one
};

struct Delivered {
  std::string id;     // ULID
  std::string state;  // delivered, offered, notified, or the first state if delivery waits
  std::string place;  // where it lies: document path of the inbox file, or the queue's name
  std::string thread_id;
  std::int64_t ack_deadline_unix_ms = 0;
  bool duplicate = false;
  std::string authorized_by;  // file:line:col
};

// A file of one's own inbox that no handoff wrote: shown, and nothing follows from it.
struct ExternalMessage {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t modified_unix_ms = 0;
};

struct Inbox {
  std::vector<memory::Handoff> handoffs;  // newest first
  std::vector<ExternalMessage> external;  // on the first page
  std::size_t external_left = 0;          // how many more there are
  bool more = false;
};
struct InboxQuery {
  bool closed = false;  // also those that have ended
  std::string before;   // ids below this one: the next page
};

struct HandoffRecord {
  memory::Handoff handoff;
  std::vector<memory::HandoffEvent> events;
  HandoffPart part = HandoffPart::none;
};

struct HandoffReply {
  std::string id;
  memory::HandoffAct act = memory::HandoffAct::ack;
  std::string text;      // what is said; ack, accept and withdraw need none
  std::string if_match;  // etag of the record that was seen; empty: whatever it is
};

// `document`: the one at `path`, or why it could not be read. False ends the walk.
using DocumentVisit =
    std::function<bool(const std::string& path, const Result<memory::Document>& document)>;

class Access {
 public:
  virtual ~Access() = default;

  virtual const Remit& remit() const = 0;
  virtual const Principal& principal() const = 0;

  // open: a regular file by the path an agent wrote (absolute, or relative to the workspace, or
  // remit://bash/CALL/stdout|stderr of one's own call).
  virtual Result<OpenFile> open(const CallScope& call, std::string_view path) = 0;
  // open, for a document of Agent_Memory by its document path.
  virtual Result<memory::Document> open_document(const CallScope& call, std::string_view path) = 0;

  // open, for every document below `prefix` ("": all) that this persona may read, in the order of
  // their paths, until `visit` returns false. One row of the ledger tells how many and which. A
  // document that cannot be read (gone meanwhile, too large, hard links) is given as its error.
  virtual Result<void> walk_documents(const CallScope& call, std::string_view prefix,
                                      const DocumentVisit& visit) = 0;

  // open, for the versions of a document, newest first, and one of them. Of a document this persona
  // may read: all, each whole. Of one it may only write: those it wrote itself (memory/store.h,
  // same_writer), each as it sent it: of an append the bytes it added, without the size and the
  // hash of what they were added to. Errors: not_found for a removal, for a version that is no
  // longer kept or another's, and for a typed edit of a document it may not read.
  virtual Result<std::vector<memory::VersionRow>> document_history(const CallScope& call,
                                                                   std::string_view path) = 0;
  virtual Result<std::string> document_version(const CallScope& call, std::string_view path,
                                               std::int64_t version) = 0;

  // list: a traversal that starts at a directory (empty path: the workspace).
  virtual Result<std::unique_ptr<Walk>> list(const CallScope& call, std::string_view path) = 0;
  // list, for documents: those below `prefix` that this persona may know of.
  virtual Result<std::vector<memory::DocumentEntry>> list_documents(const CallScope& call,
                                                                    std::string_view prefix) = 0;

  virtual Result<Replaced> replace(const CallScope& call, const ReplaceRequest& request) = 0;
  // replace, first half: the Question if decide() asks for this change of a file, else nothing. A
  // yes is bound to path, operation, content and version, and consumed by replace().
  virtual Result<std::optional<Question>> judge_replace(const CallScope& call,
                                                        const ReplaceRequest& request) = 0;

  // spawn, first half: what decide() says of this command, and the Question if it must be asked.
  // Denied: an error. Records nothing and runs nothing.
  struct SpawnJudgement {
    Decision decision;
    ShellAssessment shell;
    std::optional<Question> question;
  };
  virtual Result<SpawnJudgement> judge_spawn(const CallScope& call,
                                             const SpawnRequest& request) = 0;
  // spawn: runs it in a slot. At Ask it consumes the approval with the Question's grant key or
  // fails with needs_approval. Changes are not applied here (apply_changes).
  virtual Result<SpawnOutcome> spawn(const CallScope& call, const SpawnRequest& request,
                                     const OutputSink& sink, std::stop_token stop) = 0;
  virtual const SandboxReport& sandbox() const = 0;

  virtual Result<Fd> connect(const CallScope& call, std::string_view target) = 0;

  // send, first half: refuses, with its ledger row, a target that this persona may not hand to.
  // Whether somebody may be asked at all comes before how the request is worded.
  virtual Result<void> judge_send(const CallScope& call, HandoffKind kind,
                                  const std::string& to) = 0;
  // Errors: denied with code no_edge or unresolved_target; invalid_argument with code
  // evidence_required, evidence_not_found or bug_report_required; those of
  // memory::HandoffRows::send.
  virtual Result<Delivered> send(const CallScope& call, const HandoffDraft& draft) = 0;

  // list: the handoffs that this persona sent or that are addressed to it; an operator: all.
  virtual Result<Inbox> list_inbox(const CallScope& call, const InboxQuery& query) = 0;
  // open: one of them. Errors: denied, whether there is none or it is somebody else's.
  virtual Result<HandoffRecord> open_handoff(const CallScope& call, const std::string& id) = 0;
  // open: a file of one's own inbox that no handoff wrote.
  virtual Result<memory::Document> open_inbox_file(const CallScope& call,
                                                   const std::string& name) = 0;
  // send, on a handoff that is there. Errors: denied (also code own_handoff), invalid_argument for
  // an act of another kind or without its text, those of memory::HandoffRows::step.
  virtual Result<memory::Handoff> respond(const CallScope& call, const HandoffReply& reply) = 0;
  // open, once it is no longer in `state`, or at the deadline, as it is then.
  virtual Result<HandoffRecord> await_handoff(const CallScope& call, const std::string& id,
                                              const std::string& state,
                                              std::chrono::steady_clock::time_point deadline,
                                              std::stop_token stop) = 0;

  // Keeps what a diagnostic found, whole, so that a handoff can cite it. Own state, no decision.
  virtual Result<KeptResult> keep_result(const CallScope& call, std::string_view body) = 0;

  // The Action that a verb would put before decide() for this path, resolved as the verb resolves
  // it: what `remit explain` decides without acting.
  virtual Result<Action> describe(Verb verb, std::string_view tool, std::string_view path,
                                  ReplaceOp op) = 0;
  // The same for a handoff that is there: what open_handoff() or (with an act) respond() decides.
  virtual Result<Action> describe_handoff(std::string_view tool, const std::string& id,
                                          std::string_view act) = 0;

  // The agent's current directory for Bash, absolute; kept between calls.
  virtual std::string cwd() const = 0;
  virtual Approvals& approvals() = 0;
};

// The denial that an agent sees for a decision; data: {decision, rule, origin}.
Error denial(const Decision& decision);

}  // namespace remit::policy
