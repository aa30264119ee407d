// Assembly: everything that one agent's process is made of, wired once by main. Order matters and
// is written here: compile the Remit, fork the starter (before any thread and before the database
// is open), then state, ledger, store, approvals, Access and tools, then lock ourselves in.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/redaction.h"
#include "base/result.h"
#include "memory/ledger.h"
#include "memory/postgres_url.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "memory/store.h"
#include "policy/access.h"
#include "policy/approvals.h"
#include "policy/check.h"
#include "policy/installation.h"
#include "policy/operator_files.h"
#include "policy/shell_assess.h"
#include "policy/shell_rules.h"
#include "server/handoff_timers.h"
#include "tools/registry.h"
#include "tools/tool.h"

namespace remit::sandbox {
class StarterSpawner;
}

namespace remit::server {

// The path options of serve, call and explain (docs/cli.md).
struct ServeOptions {
  std::string agent;  // FILE_OR_NAME
  std::string manifest, site;
  std::string workspace;    // default: the current directory
  std::string memory;       // a folder, default: WORKSPACE/Agent_Memory, made when missing; or a
                            // postgresql:// URL
  std::string state;        // default: $XDG_STATE_HOME/remit or ~/.local/state/remit
  std::string instruction;  // default: minted
};

struct AssemblyOptions {
  ServeOptions serve;
  bool dry = false;                   // explain: no starter, no server row, nothing made
  bool asks_sandbox = false;          // explain of Bash: dry, but for the starter and its canary
  bool operator_may_approve = false;  // remit call --yes
  bool native_approval = false;       // serve --native-approval
  bool serve_approver = false;        // serve --serve-approver
  std::string console;                // address of the console that this server started, or ""
  // A worker of many (docs/agents.md): the folder whose personas are its colleagues, and the
  // operator's files as they were when the front last read them, instead of those on the disk.
  std::string colleagues;
  std::optional<policy::OperatorFiles> files;
};

// What the operator's files grant, as they were when they were last read, and the hands for it. A
// call keeps the one that it began with.
struct Standing {
  policy::CheckedFile checked;  // compiled.remit: what is granted
  std::shared_ptr<const policy::Remit> remit;
  std::unique_ptr<policy::Approvals> approvals;
  std::unique_ptr<policy::Access> access;
  tools::ToolState tool_state;  // last: background shells end before what they use
};

class Assembly {
 public:
  // Errors: one clear line each; cli::exit_code gives the exit code.
  static Result<std::unique_ptr<Assembly>> build(const AssemblyOptions& options);
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  // What holds now. From any thread; the four below are for one that starts or does without
  // reloads.
  std::shared_ptr<const Standing> standing() const;
  const policy::Remit& remit() const { return *standing_->remit; }
  policy::Access& access() { return *standing_->access; }
  policy::Approvals& approvals() { return *standing_->approvals; }
  std::vector<tools::Tool> tools() const {
    return tools::granted_tools(remit(), standing_->tool_state);
  }
  const policy::Site& site() const { return source_->installation.site; }
  memory::State& state() { return *state_; }
  memory::Wake& wake() { return *wake_; }     // of a server that is not dry
  memory::Store& store() { return *store_; }  // of a process that is not dry
  memory::Ledger& ledger() { return *ledger_; }
  Redactor& redactor() { return *redactor_; }
  const policy::ChangeSets& change_sets() const { return *standing_->tool_state.change_sets; }
  // Where documents are rows: which server it is, for a person. "": they are files.
  std::string database_report() const;
  const std::string& server_id() const { return server_id_; }
  bool instruction_minted() const { return minted_; }
  const policy::Principal& principal() const { return principal_; }

  // What the shell policy says of a command, without any effect.
  policy::ShellAssessment assess(const std::string& command) const;
  std::string explain_shell(const std::string& command) const;

  // Locks this process to what it needs from now on (docs/security.md). Errors: unavailable if the
  // kernel has no Landlock; the caller says so and goes on.
  Result<void> confine();

  // The ledger's row of this start: which persona, manifest and site policy, by hash. Not synced by
  // itself, since a disk's sync would be most of a cold start: the chain makes it durable before
  // the first effect. Starts the ledger's thread, so after confine(), which binds one thread.
  Result<void> record_start();

  // Reads persona, manifest and site policy again (policy/narrow.h says what comes of it) and gives
  // what is to hold, for the caller to offer and then take(). One thread at a time; from any.
  // Errors: files that cannot be read or do not compile; all stays as it was.
  struct Reloaded {
    std::shared_ptr<const Standing> standing;  // the one before if the files are the same
    bool changed = false;
    std::vector<std::string> taken, waiting;  // as policy::Narrowed
  };
  Result<Reloaded> reload();
  // What was read holds from now on, and nobody can answer any more what was asked before it.
  void take(const Reloaded& reloaded);
  // The ledger's row of it, once it is offered: `remit reload` takes it for the answer.
  Result<void> record_reload(const Result<Reloaded>& done);

  // Keeps the deadlines of this Agent_Memory's handoffs until this goes. After confine().
  Result<void> keep_deadlines();

 private:
  Assembly();
  Result<void> compile(const AssemblyOptions& options);
  Result<void> wire(const AssemblyOptions& options);
  Result<void> open_store(bool dry);
  Result<void> start_starter();
  // Gives `standing` its hands. `before`: where there is one, what it keeps between calls.
  Result<void> furnish(Standing& standing, const Standing* before);

  bool operator_may_approve_ = false;
  bool native_approval_ = false, serve_approver_ = false;
  std::shared_ptr<const policy::Source> source_;
  mutable std::mutex standing_mutex_;
  std::shared_ptr<policy::ShellRules> shell_rules_;
  policy::Principal principal_;
  std::optional<memory::PostgresUrl> database_;  // where documents are, if not in a folder
  std::string state_directory_, server_id_, console_;
  bool minted_ = false;
  std::unique_ptr<sandbox::StarterSpawner> spawner_;
  std::unique_ptr<memory::State> state_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<memory::Store> store_;
  std::shared_ptr<Redactor> redactor_;
  std::unique_ptr<memory::ServerRegistration> registration_;
  std::unique_ptr<memory::Wake> wake_;
  std::shared_ptr<const Standing> standing_;  // uses the rest
  std::unique_ptr<HandoffTimers> timers_;
};

// An id for an instruction that nobody named: "inst_20260110_1f2e3d4c".
std::string mint_instruction(const Clock& clock);

// The state directory that `option` names, or the default. Absolute.
std::string state_directory(const std::string& option);

}  // namespace remit::server
