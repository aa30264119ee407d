// The part of an Assembly that the operator's files decide: made at start, and again at a reload.
#include "base/json.h"
#include "base/log.h"
#include "memory/approval_rows.h"
#include "policy/access_factory.h"
#include "policy/spawn_gate.h"
#include "server/assembly.h"
#include "tools/sandbox/starter.h"

namespace remit::server {
namespace {

bool same_files(const policy::Remit& a, const policy::Remit& b) {
  return a.persona_sha256 == b.persona_sha256 && a.manifest_sha256 == b.manifest_sha256 &&
         a.site_sha256 == b.site_sha256;
}

}  // namespace

std::shared_ptr<const Standing> Assembly::standing() const {
  const std::lock_guard held(standing_mutex_);
  return standing_;
}

// Before any thread, and before the database is open: neither may cross the fork.
Result<void> Assembly::start_starter() {
  policy::GateParts gate;
  gate.remit = standing_->remit;
  gate.principal = principal_;
  gate.rules = shell_rules_;
  gate.approval_public_file = state_directory_ + "/keys/approval.pub";
  gate.operator_may_approve = operator_may_approve_;
  sandbox::StarterOptions starter;
  starter.gate = policy::make_spawn_gate(gate);
  starter.state_directory = state_directory_;
  starter.layer_on_disk = standing_->remit->bash.layer_on_disk;
  // Runs in the starter, with its own copies. Its gate narrows by itself: a worker cannot claim a
  // reload that was none.
  starter.reload = [source = source_, gate,
                    judging = starter.gate]() mutable -> Result<sandbox::Reloaded> {
    TRY(const policy::OperatorFiles files, policy::read_operator_files(*source));
    TRY(policy::Again again, policy::compile_again(*source, files, *gate.remit));
    policy::Remit& next = again.checked.compiled.remit;
    if (!same_files(next, *gate.remit)) {
      gate.remit = std::make_shared<const policy::Remit>(std::move(next));
      judging = policy::make_spawn_gate(gate);  // a yes from before is none any more
    }
    return sandbox::Reloaded{judging, policy::pack(files)};
  };
  TRY(spawner_, sandbox::start_starter(starter));
  return {};
}

Result<void> Assembly::furnish(Standing& standing, const Standing* before) {
  const Clock& clock = system_clock();
  const policy::Remit& remit = *standing.remit;
  policy::ApprovalParts approvals;
  approvals.state = state_.get();
  approvals.wake = wake_.get();
  approvals.clock = &clock;
  approvals.principal = policy::principal_text(principal_);
  approvals.persona_sha256 = remit.persona_sha256;
  approvals.instruction = remit.instruction_id;
  approvals.server_id = server_id_;
  approvals.life = std::chrono::seconds(remit.approval_timeout_s);
  approvals.terminal = remit.approvals_by_terminal;
  approvals.console = console_;
  approvals.own_only = operator_may_approve_;
  TRY(approvals.public_key, state_->public_key("approval"));
  standing.approvals = std::make_unique<policy::Approvals>(approvals);

  tools::ToolState& state = standing.tool_state;
  state.native_approval = native_approval_;
  state.serve_approver = serve_approver_;
  TRY(policy::DocumentSchemas schemas,
      policy::DocumentSchemas::load(source_->installation.manifests + "/schemas",
                                    standing.checked.compiled.bindings));
  state.schemas = std::make_shared<const policy::DocumentSchemas>(std::move(schemas));

  policy::AccessParts parts;
  parts.remit = &remit;
  parts.principal = principal_;
  parts.state = state_.get();
  parts.ledger = ledger_.get();
  parts.store = store_.get();
  parts.spawner = spawner_.get();
  parts.approvals = standing.approvals.get();
  parts.redactor = redactor_.get();
  parts.shell_rules = shell_rules_.get();
  parts.schemas = state.schemas.get();
  parts.wake = wake_.get();
  parts.clock = &clock;
  TRY(standing.access, policy::make_access(parts));

  if (before != nullptr) {
    state.change_sets = before->tool_state.change_sets;
    state.file_memory = before->tool_state.file_memory;
  } else {
    TRY(policy::ChangeSets sets, policy::ChangeSets::open(*state_));
    state.change_sets = std::make_shared<policy::ChangeSets>(std::move(sets));
    state.file_memory = std::make_shared<tools::FileMemory>();
  }
  state.shells = std::make_shared<tools::Shells>(*state.change_sets);
  state.redactor = redactor_;
  return {};
}

Result<Assembly::Reloaded> Assembly::reload() {
  if (!spawner_)
    return fail(ErrorKind::unavailable, "this process has no starter to read files with");
  const auto before = standing();
  TRY(const std::string bytes, spawner_->reload());
  TRY(const policy::OperatorFiles files, policy::unpack(bytes));
  TRY(policy::Again again, policy::compile_again(*source_, files, *before->remit));
  Reloaded out{before, false, std::move(again.taken), std::move(again.waiting)};
  if (same_files(again.checked.compiled.remit, *before->remit)) return out;
  auto next = std::make_shared<Standing>();
  next->checked = std::move(again.checked);
  next->remit = std::make_shared<const policy::Remit>(next->checked.compiled.remit);
  TRY_DO(furnish(*next, before.get()));
  out.standing = std::move(next);
  out.changed = true;
  return out;
}

Result<void> Assembly::record_reload(const Result<Reloaded>& done) {
  const policy::Remit& granted = done ? *done->standing->remit : *standing()->remit;
  Json fields{{"server_id", server_id_},
              {"persona", granted.persona_file},
              {"persona_sha256", granted.persona_sha256},
              {"manifest_sha256", granted.manifest_sha256},
              {"site_sha256", granted.site_sha256}};
  if (done) {
    fields["taken"] = done->taken;
    fields["waiting"] = done->waiting;
  } else {
    fields["why"] = redactor_->redact(done.error().message).text;
  }
  memory::LedgerRecord row;
  row.kind = "server";
  row.principal = policy::principal_text(principal_);
  row.rule = !done           ? "server.reload_refused"
             : done->changed ? "server.reloaded"
                             : "server.unchanged";
  row.fields = dump(fields);
  return ledger_->append(std::move(row), memory::Durability::effect);
}

void Assembly::take(const Reloaded& reloaded) {
  {
    const std::lock_guard held(standing_mutex_);
    standing_ = reloaded.standing;
  }
  if (const auto ended = memory::ApprovalRows(*state_).cancel_of_server(server_id_); !ended)
    log::warning("questions from before the reload stay", {{"error", ended.error().message}});
}

}  // namespace remit::server
