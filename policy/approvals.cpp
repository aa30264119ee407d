#include "policy/approvals.h"

#include "base/limits.h"
#include "base/log.h"
#include "memory/approval_rows.h"
#include "memory/pin_rows.h"
#include "memory/server_rows.h"

namespace remit::policy {
Approvals::Approvals(ApprovalParts parts)
    : parts_(std::move(parts)), began_ms_(parts_.clock->unix_ms()) {}
Approvals::~Approvals() = default;

bool Approvals::person_available() {
  if (!parts_.terminal && parts_.console.empty()) return false;
  const auto set = memory::PinRows(*parts_.state).is_set();
  return set && *set;
}

std::string Approvals::how_to_answer(const std::string& id) const {
  const std::string there = parts_.console.empty() ? "" : "at " + parts_.console;
  if (!parts_.terminal) return there;
  return "with `remit approve " + id + "` on a terminal" + (there.empty() ? "" : ", or " + there);
}

std::string Approvals::page_of(const std::string& id) const {
  return parts_.console.empty() ? "" : parts_.console + "/approvals/" + id;
}

Result<std::string> Approvals::request(const Question& question, const CallScope&) {
  memory::NewApproval row;
  row.grant_key = question.grant_key;
  row.principal = parts_.principal;
  row.persona_sha256 = parts_.persona_sha256;
  row.instruction = parts_.instruction;
  row.server_id = parts_.server_id;
  row.tool = question.tool;
  row.command = question.command;
  row.title = question.title;
  row.text = question.text;
  row.risk = to_string(question.risk);
  row.life_ms = std::chrono::milliseconds(parts_.life).count();
  row.fresh = parts_.own_only;
  TRY(const memory::ApprovalRow made, memory::ApprovalRows(*parts_.state).create(row));
  // Whoever watches (`remit approvals --watch`) learns of it; a lost hint costs nothing.
  TRY_DO(memory::notify(*parts_.state, "", "approvals"));
  return made.id;
}

Result<ApprovalStatus> Approvals::wait(const std::string& id, std::chrono::milliseconds wait,
                                       std::stop_token stop) {
  memory::ApprovalRows rows(*parts_.state);
  const std::int64_t deadline = parts_.clock->monotonic_ms() + wait.count();
  memory::Wake::Watch watch(*parts_.wake, "approval:" + id);
  for (;;) {
    TRY(const memory::ApprovalRow row, rows.get(id));
    if (row.state != ApprovalStatus::pending) return row.state;
    if (row.expires_ms <= parts_.clock->unix_ms()) {
      TRY_DO(rows.expire_due());
      return ApprovalStatus::expired;
    }
    if (stop.stop_requested()) {
      return fail(ErrorKind::cancelled, "the call was cancelled while it waited for a person");
    }
    const std::int64_t left =
        std::min(deadline - parts_.clock->monotonic_ms(), row.expires_ms - parts_.clock->unix_ms());
    if (left <= 0) return ApprovalStatus::pending;
    watch.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(left), stop);
  }
}

Result<std::string> Approvals::reason(const std::string& id) {
  TRY(const memory::ApprovalRow row, memory::ApprovalRows(*parts_.state).get(id));
  return row.reason;
}

Result<void> Approvals::answer_by_client(const std::string& id, bool approve,
                                         const std::string& channel) {
  memory::ApprovalRows rows(*parts_.state);
  TRY(const memory::ApprovalRow row, rows.get(id));
  if (approve && row.risk != to_string(Risk::low)) {
    return fail(ErrorKind::denied,
                "a command of high risk needs a person's PIN or passkey, not a client's answer", {},
                "high_risk");
  }
  memory::Answer answer;
  answer.approve = approve;
  answer.channel = channel;
  answer.attestation = "client";
  answer.seen = memory::shown_digest(row);
  TRY_DO(rows.decide(id, answer));
  if (!approve) return {};
  const std::lock_guard held(mutex_);
  by_client_.insert(id);
  return {};
}

Result<void> Approvals::answer_by_operator(const std::string& id) {
  memory::Answer answer;
  answer.approve = true;
  answer.channel = "call_yes";
  answer.attestation = "operator";
  TRY_DO(memory::ApprovalRows(*parts_.state).decide(id, answer));
  return {};
}

Result<void> Approvals::withdraw(const std::string& id, const std::string& why) {
  memory::ApprovalRows rows(*parts_.state);
  TRY(const memory::ApprovalRow row, rows.get(id));
  if (row.state != ApprovalStatus::pending) return {};
  const auto done = rows.cancel(id, why);
  if (!done && done.error().code != "already_decided") return tl::unexpected<Error>(done.error());
  return {};
}

Result<std::optional<memory::ApprovalRow>> Approvals::find(const std::string& grant_key) {
  return memory::ApprovalRows(*parts_.state)
      .find_by_grant_key(parts_.principal, grant_key, {parts_.server_id, parts_.own_only});
}

Result<bool> Approvals::ready(const std::string& grant_key) {
  TRY(const std::optional<memory::ApprovalRow> row, find(grant_key));
  if (!row || row->state != ApprovalStatus::approved) return false;
  const std::lock_guard held(mutex_);
  return is_worth(*row);
}

bool Approvals::is_worth(const memory::ApprovalRow& yes) const {
  if (yes.scope == memory::ApprovalScope::once && used_.contains(yes.id)) return false;
  // A rule outlives its server; everything else was given to this one or to nobody here.
  if (yes.scope != memory::ApprovalScope::rule && yes.server_id != parts_.server_id) return false;
  if (yes.attestation == "operator") return parts_.own_only;
  if (yes.attestation == "client") return by_client_.contains(yes.id);
  // Of an earlier process, or of a time that the clock, set back since, has not reached.
  if (yes.scope != memory::ApprovalScope::rule && yes.decided_ms < began_ms_) return false;
  if (yes.decided_ms > parts_.clock->unix_ms()) return false;
  return memory::proves_presence(yes.attestation) &&
         memory::signature_holds(yes, parts_.public_key);
}

Result<std::optional<SpawnAuthority>> Approvals::take(const std::string& grant_key,
                                                      const CallScope&) {
  memory::ApprovalRows rows(*parts_.state);
  TRY(const std::optional<memory::ApprovalRow> found, find(grant_key));
  // On the disk, too: a clock that is set back gives it no second life.
  if (found && found->state == ApprovalStatus::expired) TRY_DO(rows.expire_due());
  if (!found || found->state != ApprovalStatus::approved) return std::optional<SpawnAuthority>();
  const auto taken = rows.consume(found->id, parts_.principal, grant_key);
  if (!taken) {
    // Another call with the same arguments was first: this one must be asked anew.
    if (taken.error().kind == ErrorKind::needs_approval) return std::optional<SpawnAuthority>();
    return tl::unexpected<Error>(taken.error());
  }
  {
    const std::lock_guard held(mutex_);
    const bool worth = is_worth(*taken);
    if (taken->scope == memory::ApprovalScope::once) used_.insert(taken->id);
    if (!worth) {
      log::warning(
          "an approval is void: given to another server, used before, or without proof that a "
          "person gave it",
          {{"approval", taken->id}});
      return std::optional<SpawnAuthority>();
    }
  }
  SpawnAuthority out;
  out.decision = "approval";
  out.approval_id = taken->id;
  out.grant_key = taken->grant_key;
  out.server_id = taken->server_id;
  out.channel = taken->channel;
  out.attestation = taken->attestation;
  out.scope = memory::to_string(taken->scope);
  out.decided_unix_ms = taken->decided_ms;
  out.expires_unix_ms = taken->expires_ms;
  out.signature = taken->signature;
  return std::optional<SpawnAuthority>(std::move(out));
}

}  // namespace remit::policy
