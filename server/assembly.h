// Assembly: everything that one agent's process is made of, wired once by main. Order matters and is
// written here: compile the Remit, fork the starter (before any thread and before the database is
// open), then state, ledger, store, approvals, Access and tools, then lock ourselves in.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/redaction.h"
#include "base/result.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "memory/store.h"
#include "policy/access.h"
#include "policy/approvals.h"
#include "policy/check.h"
#include "policy/installation.h"
#include "policy/shell_assess.h"
#include "policy/shell_rules.h"
#include "tools/registry.h"
#include "tools/tool.h"

namespace remit::server {

// The path options of serve, call and explain (docs/cli.md).
struct ServeOptions {
  std::string agent;        // FILE_OR_NAME
  std::string manifest, site;
  std::string workspace;    // default: the current directory
  std::string memory;       // default: WORKSPACE/Agent_Memory, made when missing
  std::string state;        // default: $XDG_STATE_HOME/remit or ~/.local/state/remit
  std::string instruction;  // default: minted
};

struct AssemblyOptions {
  ServeOptions serve;
  bool dry = false;                // explain: no starter, no server row, nothing made
  bool operator_may_approve = false;  // remit call --yes
};

class Assembly {
 public:
  // Errors: one clear line each; cli::exit_code gives the exit code.
  static Result<std::unique_ptr<Assembly>> build(const AssemblyOptions& options);
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  const policy::Remit& remit() const { return *remit_; }
  const policy::CheckedFile& checked() const { return checked_; }
  const policy::Site& site() const { return installation_.site; }
  policy::Access& access() { return *access_; }
  policy::Approvals& approvals() { return *approvals_; }
  memory::State& state() { return *state_; }
  memory::Wake& wake() { return *wake_; }  // of a server that is not dry
  memory::Ledger& ledger() { return *ledger_; }
  Redactor& redactor() { return *redactor_; }
  const policy::ChangeSets& change_sets() const { return *tool_state_.change_sets; }
  std::vector<tools::Tool> tools() const { return tools::granted_tools(*remit_, tool_state_); }
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
  // itself, since a disk's sync would be most of a cold start: the chain makes it durable before the
  // first effect. Starts the ledger's thread, so after confine(), which binds one thread.
  Result<void> record_start();

 private:
  Assembly() = default;
  Result<void> compile(const AssemblyOptions& options);
  Result<void> wire(const AssemblyOptions& options);

  policy::Installation installation_;
  policy::CheckedFile checked_;
  std::shared_ptr<policy::Remit> remit_;
  std::shared_ptr<policy::ShellRules> shell_rules_;
  policy::Principal principal_;
  std::string state_directory_, server_id_;
  bool minted_ = false;
  std::unique_ptr<policy::Spawner> spawner_;
  std::unique_ptr<memory::State> state_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<memory::Store> store_;
  std::shared_ptr<Redactor> redactor_;
  std::unique_ptr<memory::ServerRegistration> registration_;
  std::unique_ptr<memory::Wake> wake_;
  std::unique_ptr<policy::Approvals> approvals_;
  std::unique_ptr<policy::Access> access_;
  tools::ToolState tool_state_;  // last: background shells end before what they use
};

// The state directory that `option` names, or the default. Absolute.
std::string state_directory(const std::string& option);

}  // namespace remit::server
