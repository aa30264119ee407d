// AgentAccess: the Access of one agent and one instruction, over real files, the Store, the Spawner
// and the ledger. Private to policy/ (make_access in access_factory.h is what others call).
//
// Each verb: resolve -> decide() -> ledger -> act. The files are one per verb.
// Threads: safe; the only mutable state is the current directory and the spools, under one mutex.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "memory/ledger.h"
#include "policy/access.h"
#include "policy/access_factory.h"
#include "policy/approvals.h"

namespace remit::policy {

class AgentAccess : public Access {
 public:
  AgentAccess(AccessParts parts, std::vector<Fd> roots, Fd memory_root);

  const Remit& remit() const override { return *parts_.remit; }
  const Principal& principal() const override { return parts_.principal; }
  Result<OpenFile> open(const CallScope& call, std::string_view path) override;
  Result<memory::Document> open_document(const CallScope& call, std::string_view path) override;
  Result<void> walk_documents(const CallScope& call, std::string_view prefix,
                              const DocumentVisit& visit) override;
  Result<std::vector<memory::VersionRow>> document_history(const CallScope& call,
                                                           std::string_view path) override;
  Result<std::string> document_version(const CallScope& call, std::string_view path,
                                       std::int64_t version) override;
  Result<std::unique_ptr<Walk>> list(const CallScope& call, std::string_view path) override;
  Result<std::vector<memory::DocumentEntry>> list_documents(const CallScope& call,
                                                            std::string_view prefix) override;
  Result<Replaced> replace(const CallScope& call, const ReplaceRequest& request) override;
  Result<std::optional<Question>> judge_replace(const CallScope& call,
                                                const ReplaceRequest& request) override;
  Result<SpawnJudgement> judge_spawn(const CallScope& call, const SpawnRequest& request) override;
  Result<SpawnOutcome> spawn(const CallScope& call, const SpawnRequest& request,
                             const OutputSink& sink, std::stop_token stop) override;
  const SandboxReport& sandbox() const override;
  Result<Fd> connect(const CallScope& call, std::string_view target) override;
  Result<void> judge_send(const CallScope& call, HandoffKind kind, const std::string& to) override;
  Result<Delivered> send(const CallScope& call, const HandoffDraft& draft) override;
  Result<Inbox> list_inbox(const CallScope& call, const InboxQuery& query) override;
  Result<HandoffRecord> open_handoff(const CallScope& call, const std::string& id) override;
  Result<memory::Document> open_inbox_file(const CallScope& call, const std::string& name) override;
  Result<memory::Handoff> respond(const CallScope& call, const HandoffReply& reply) override;
  Result<HandoffRecord> await_handoff(const CallScope& call, const std::string& id,
                                      const std::string& state,
                                      std::chrono::steady_clock::time_point deadline,
                                      std::stop_token stop) override;
  Result<KeptResult> keep_result(const CallScope& call, std::string_view body) override;
  Result<Action> describe(Verb verb, std::string_view tool, std::string_view path,
                          ReplaceOp op) override;
  Result<Action> describe_handoff(std::string_view tool, const std::string& id,
                                  std::string_view act) override;
  std::string cwd() const override;
  Approvals& approvals() override { return *parts_.approvals; }

 private:
  friend class AgentWalk;

  // A path resolved for reading: what is there, and where it really lies. `fd` is O_PATH.
  struct Seen {
    Fd fd;
    bool exists = false;
    Location where;
    struct stat status{};
  };
  // The directory that holds (or will hold) a name, for writing.
  struct Slot {
    Fd directory;         // deepest directory that exists
    std::string missing;  // directories still to be made below it, "" if none
    std::string name;     // last component
    bool exists = false;
    struct stat status{};  // of the name itself, symlinks not followed
    Location where;
    bool blocked = false;  // what should be its directory is something else
  };

  Result<Seen> look(std::string_view path) const;
  // The short way to a file that is called what the agent calls it: decided by that name, then
  // opened by it with no link on the way, as a walk does. nullopt: look() at it.
  Result<std::optional<OpenFile>> open_plain(const CallScope& call, std::string_view path);
  Result<Slot> look_for_write(std::string_view path) const;
  // Where an absolute name of the kernel lies. Pure.
  Location place(std::string_view absolute) const;
  // Agent_Memory has no folder: what lies below its name is reached through the Store alone.
  bool documents_are_rows() const { return !parts_.remit->memory_database.empty(); }
  bool is_row(const Location& where) const {
    return where.space == Space::memory && documents_are_rows();
  }
  // Such a document (or folder of some), by the path as it was written; nullopt: it is none.
  std::optional<Location> stored_place(std::string_view path) const;
  // Its content as an open file.
  Result<OpenFile> open_stored(const Location& where) const;
  Result<bool> is_stored_folder(const std::string& path) const;
  // The root a written path starts from, and the rest. `absolute` is its lexical absolute form.
  struct Start {
    const Fd* root = nullptr;
    std::string root_path, relative;
  };
  Result<Start> start_of(std::string_view path) const;
  // What a missing path would be named: real name of its deepest existing directory + the rest.
  Result<Location> place_missing(const Start& start) const;

  Action action_of(const CallScope& call, Verb verb, const Location& where) const;
  // Delete there, create here, in one commit.
  Result<Replaced> rename_document(const CallScope& call, const ReplaceRequest& request,
                                   const memory::DocPath& from);
  // `advice`: what to do instead.
  Result<void> refuse_secrets(std::string_view text, std::string_view advice) const;
  Replaced replaced_document(const memory::DocPath& path, const memory::Committed& done) const;
  // A change of a document as things stand: whose words it holds, and who holds its task.
  Result<Action> action_on_document(const CallScope& call, ReplaceOp op,
                                    const memory::DocPath& path, bool exists) const;
  // The verb open for remit://bash/CALL/stdout of a call of this process.
  Result<OpenFile> open_output(const CallScope& call, std::string_view path);
  Result<Replaced> replace_document(const CallScope& call, const ReplaceRequest& request,
                                    const memory::DocPath& path);
  // Refuses a new body of a known document that does not fit its schema.
  Result<void> check_document(const std::string& path, ReplaceOp op, std::string_view body) const;
  Result<Replaced> replace_file(const CallScope& call, const ReplaceRequest& request, Slot slot);
  Action action_of_change(const CallScope& call, const ReplaceRequest& request,
                          const Slot& slot) const;
  std::string key_of_change(const CallScope& call, const ReplaceRequest& request,
                            const Slot& slot) const;
  // True if a person said yes to exactly this change; consumes it.
  Result<bool> take_change(const CallScope& call, const ReplaceRequest& request, const Slot& slot,
                           Risk risk);
  Result<void> act_on_file(const ReplaceRequest& request, const Slot& slot, const Fd& directory);
  memory::Author author(const CallScope& call) const;

  // Writes the decision; denied and ask come back as the error the verb returns.
  Result<void> record(const CallScope& call, const Action& action, const Decision& decision,
                      memory::Durability durability, std::string_view more = {});
  Result<void> record_decision(const CallScope& call, const Action& action,
                               const Decision& decision, memory::Durability durability,
                               std::string_view more);
  std::string principal_text() const;

  // Name in spill/ of an own result; bound to principal and instruction, so that it can be found by
  // a later process of the same agent and by nobody else.
  std::string result_name(std::string_view call_id) const;
  Result<std::string> result_body(std::string_view call_id) const;
  Result<std::string> checked_evidence(const HandoffDraft& draft) const;
  // What the sender may write of a task: the patterns that go along with its delegation.
  Result<std::vector<std::string>> task_paths(const std::string& task_id) const;
  // The delegation that holds the task of this document, if the caller has a part in it.
  Result<std::optional<TaskHold>> task_hold(const std::string& path) const;
  // What this persona may see of a document's versions: all, or only what it sent itself.
  struct Sight {
    memory::DocPath document;
    bool whole = true;
  };
  // Decides and records it.
  Result<Sight> sight_of_versions(const CallScope& call, std::string_view path);
  bool may_lead_to_documents(std::string_view directory) const;
  // Those below `prefix` for which decide() allows `verb`; one row of the ledger for all.
  Result<std::vector<memory::DocumentEntry>> known_documents(const CallScope& call,
                                                             std::string_view prefix, Verb verb);
  HandoffPart part_in(const memory::Handoff& handoff) const;
  // nullopt: there is none.
  Result<std::optional<memory::Handoff>> find_handoff(const std::string& id) const;
  Action action_on(std::string_view tool, const std::string& id, std::string_view act,
                   const std::optional<memory::Handoff>& found) const;
  // Delivers the files of a handoff now and tells other processes; those that cannot be written are
  // tried again later.
  Result<Fd> drop_root() const;
  void deliver(const std::string& id, Fd drop) const;

  Result<SpawnPlan> plan_of(const CallScope& call, const SpawnRequest& request);
  Result<SpawnView> view_of();
  std::string key_of(const SpawnPlan& plan) const;
  // The persona, the first digits of its hash and the instruction, as a question shows them.
  std::string agent_shown() const;
  Question question_of(const CallScope& call, const SpawnRequest& request, const SpawnPlan& plan,
                       const Decision& decision) const;
  // The files of its own that a command executes, read now; none if it executes none.
  Result<std::vector<Executed>> executed_files(const ShellAssessment& shell,
                                               const std::string& cwd) const;
  // What the canary found, once, before the first command.
  Result<void> record_sandbox();
  bool may_stand_in(const std::string& directory) const;
  std::string standing_cwd();
  void keep_cwd(const SpawnOutcome& outcome);

  AccessParts parts_;
  std::vector<Fd> roots_;  // same order as Remit::roots
  Fd memory_root_;
  mutable std::mutex mutex_;
  std::string cwd_;
  bool cwd_reset_ = false;  // not told yet
  bool sandbox_recorded_ = false;
  std::set<std::string> spooled_;  // names in spill/ that this agent's own calls made
};

}  // namespace remit::policy
