// The transitions of an approval, each a compare-and-set with its ledger record.
#include "memory/approval_rows.h"

#include <algorithm>
#include <chrono>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/approval_row.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

bool may_become(ApprovalState from, ApprovalState to) {
  switch (from) {
    case ApprovalState::pending:
      return to == ApprovalState::approved || to == ApprovalState::denied ||
             to == ApprovalState::expired || to == ApprovalState::cancelled;
    case ApprovalState::approved:
      return to == ApprovalState::consumed || to == ApprovalState::expired ||
             to == ApprovalState::cancelled;
    case ApprovalState::denied:
    case ApprovalState::expired:
    case ApprovalState::cancelled:
    case ApprovalState::consumed:
      return false;
  }
  return false;
}

void apply_time(ApprovalRow& row, std::int64_t now) {
  const bool open = row.state == ApprovalState::pending || row.state == ApprovalState::approved;
  if (open && now >= row.expires_ms) row.state = ApprovalState::expired;
}

Error no_such(const std::string& id) {
  return Error{ErrorKind::not_found,
               "no approval " + escape_ascii(id.substr(0, limits::kEchoedInput)) +
                   "; remit approvals lists those that wait",
               {},
               "not_found",
               nullptr};
}

// Without letters and digits that are mistaken for one another.
std::string new_code() {
  constexpr std::string_view kLetters = "23456789ABCDEFGHJKMNPQRSTVWXYZ45";  // 32: no modulo bias
  std::string code;
  for (const char byte : random_bytes(4)) code += kLetters[static_cast<unsigned char>(byte) % 32];
  return code;
}

}  // namespace

Result<ApprovalRow> ApprovalRows::create(const NewApproval& question) {
  const std::int64_t now = state_.clock().unix_ms();
  ApprovalRow row;
  static_cast<NewApproval&>(row) = question;
  TRY(Transaction transaction, state_.database().write());
  {
    Statement same = transaction.sql(select_approvals(
        "where principal = ? and grant_key = ? and server_id = ? and state = 'pending' and "
        "expires_ms > ? limit 1"));
    same.bind(row.principal).bind(row.grant_key).bind(row.server_id);
    TRY(const bool found, same.bind(now).step());
    if (found && !question.fresh) return approval_of(same);
    Statement open = transaction.sql(
        "select count(*) from approval where state = 'pending' and expires_ms > ? and principal = "
        "?");
    TRY_DO(open.bind(now).bind(row.principal).step());
    if (open.integer(0) >= static_cast<std::int64_t>(limits::kPendingApprovals)) {
      return fail(ErrorKind::unavailable,
                  "already " + std::to_string(limits::kPendingApprovals) +
                      " questions wait for an answer; wait until a person has answered one",
                  {}, "busy");
    }
  }
  row.id = random_hex(16);
  row.code4 = new_code();
  row.created_ms = now;
  row.expires_ms =
      now + (question.life_ms > 0 ? question.life_ms
                                  : std::chrono::milliseconds(limits::kApprovalLife).count());
  Statement insert =
      transaction.sql("insert into approval(" + std::string(kApprovalColumns) +
                      ") values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,'pending','once',0,'','',"
                      "'','','')");
  insert.bind(row.id).bind(row.grant_key).bind(row.principal).bind(row.persona_sha256);
  insert.bind(row.instruction).bind(row.server_id).bind(row.tool).bind_blob(row.command);
  insert.bind(row.title).bind(row.text).bind(row.risk).bind(row.code4);
  TRY_DO(insert.bind(row.created_ms).bind(row.expires_ms).run());
  TRY_DO(append_in(transaction, state_.clock(), record_of(row, "", "pending")));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<ApprovalRow> ApprovalRows::get_in(Transaction& transaction, const std::string& id) {
  Statement one = transaction.sql(select_approvals("where id = ?"));
  TRY(const bool found, one.bind(id).step());
  if (!found) return tl::unexpected<Error>(no_such(id));
  return approval_of(one);
}

Result<ApprovalRow> ApprovalRows::get(const std::string& id) {
  TRY(Snapshot snapshot, state_.database().read());
  Statement one = snapshot.sql(select_approvals("where id = ?"));
  TRY(const bool found, one.bind(id).step());
  if (!found) return tl::unexpected<Error>(no_such(id));
  ApprovalRow row = approval_of(one);
  apply_time(row, state_.clock().unix_ms());
  return row;
}

Result<std::optional<ApprovalRow>> ApprovalRows::find_by_grant_key(const std::string& principal,
                                                                   const std::string& grant_key,
                                                                   const GrantFilter& filter) {
  TRY(Snapshot snapshot, state_.database().read());
  const std::int64_t now = state_.clock().unix_ms();
  Statement best = snapshot.sql(select_approvals(
      "where principal = ?1 and grant_key = ?2 and (?4 = '' or server_id = ?4 or "
      "(?5 = 0 and scope = 'rule' and attestation <> 'operator')) order by (state = 'approved' and "
      "expires_ms > ?3) desc, "
      "(state = 'pending' and expires_ms > ?3) desc, created_ms desc limit 1"));
  TRY(const bool found, best.bind(principal)
                            .bind(grant_key)
                            .bind(now)
                            .bind(filter.server_id)
                            .bind(filter.own_only ? 1 : 0)
                            .step());
  if (!found) return std::optional<ApprovalRow>();
  ApprovalRow row = approval_of(best);
  apply_time(row, now);
  return std::optional<ApprovalRow>(std::move(row));
}

Result<std::vector<ApprovalRow>> ApprovalRows::list_pending() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement open = snapshot.sql(
      select_approvals("where state = 'pending' and expires_ms > ? order by created_ms, id"));
  open.bind(state_.clock().unix_ms());
  return approvals_of(open);
}

Result<std::vector<ApprovalRow>> ApprovalRows::list_rules() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement rules = snapshot.sql(select_approvals(
      "where state = 'approved' and scope = 'rule' and expires_ms > ? order by created_ms, id"));
  rules.bind(state_.clock().unix_ms());
  return approvals_of(rules);
}

// Compare-and-set: the write transaction excludes everybody else from the read to the commit.
Result<void> ApprovalRows::change(Transaction& transaction, ApprovalRow& row,
                                  const Change& change) {
  const ApprovalState from = row.state;
  if (!may_become(from, change.to)) {
    return fail(ErrorKind::conflict, "approval " + row.id + " is " + to_string(from) + " already",
                {}, "already_decided");
  }
  row.state = change.to;
  row.scope = change.scope;
  row.expires_ms = change.expires_ms;
  if (!change.reason.empty()) row.reason = change.reason;
  if (from == ApprovalState::pending) {
    row.decided_ms = state_.clock().unix_ms();
    row.channel = change.channel;
    row.attestation = change.attestation;
    row.credential = change.credential;
    if (!change.approval_key.empty()) row.signature = signature_of(row, change.approval_key);
  }
  Statement update = transaction.sql(
      "update approval set state = ?, scope = ?, expires_ms = ?, decided_ms = ?, channel = ?, "
      "attestation = ?, reason = ?, signature = ?, credential = ? where id = ? and state = ?");
  update.bind(to_string(row.state)).bind(to_string(row.scope)).bind(row.expires_ms);
  update.bind(row.decided_ms).bind(row.channel).bind(row.attestation).bind(row.reason);
  update.bind(row.signature).bind(row.credential);
  TRY_DO(update.bind(row.id).bind(to_string(from)).run());
  return append_in(transaction, state_.clock(),
                   record_of(row, to_string(from), to_string(row.state)));
}

Result<ApprovalRow> ApprovalRows::decide(const std::string& id, const Answer& answer) {
  const std::int64_t now = state_.clock().unix_ms();
  TRY(Transaction transaction, state_.database().write());
  TRY(ApprovalRow row, get_in(transaction, id));
  if (row.state == ApprovalState::pending && now >= row.expires_ms) {
    TRY_DO(change(
        transaction, row,
        {ApprovalState::expired, row.scope, row.expires_ms, "", "", "no answer in time", ""}));
    TRY_DO(transaction.commit(Sync::durable));
    return fail(ErrorKind::timeout, "approval " + row.id + " expired; the agent must ask again", {},
                "approval_timeout");
  }
  if (!answer.seen.empty() && answer.seen != shown_digest(row)) {
    return fail(ErrorKind::conflict,
                "approval " + row.id + " is no longer the question that was shown; read it again",
                {}, "question_changed");
  }
  std::chrono::milliseconds life = limits::kApprovalLife;
  switch (answer.scope) {
    case ApprovalScope::once:
      break;
    case ApprovalScope::session:
      life = limits::kSessionGrant;
      break;
    case ApprovalScope::rule:
      life = answer.rule_life_ms > 0 ? std::chrono::milliseconds(answer.rule_life_ms)
                                     : std::chrono::milliseconds(limits::kSessionGrant);
      life = std::min<std::chrono::milliseconds>(life, limits::kRuleGrantMax);
      break;
  }
  const std::int64_t expires = answer.approve ? now + life.count() : row.expires_ms;
  TRY_DO(change(
      transaction, row,
      {answer.approve ? ApprovalState::approved : ApprovalState::denied, answer.scope, expires,
       answer.channel, answer.attestation, answer.reason, answer.approval_key, answer.credential}));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<ApprovalRow> ApprovalRows::consume(const std::string& id, const std::string& principal,
                                          const std::string& grant_key) {
  const auto refuse = [](const char* state) {
    return fail(ErrorKind::needs_approval, std::string("the approval is ") + state, {}, state);
  };
  TRY(Transaction transaction, state_.database().write());
  TRY(ApprovalRow row, get_in(transaction, id));
  // Another principal or other bytes: as if there were none.
  if (row.principal != principal || !equal_constant_time(row.grant_key, grant_key)) {
    return tl::unexpected<Error>(no_such(id));
  }
  apply_time(row, state_.clock().unix_ms());
  if (row.state != ApprovalState::approved) return refuse(to_string(row.state));
  if (row.scope == ApprovalScope::once) {
    TRY_DO(change(transaction, row,
                  {ApprovalState::consumed, row.scope, row.expires_ms, "", "", "", ""}));
  } else {
    TRY_DO(append_in(transaction, state_.clock(), record_of(row, "approved", "consumed")));
  }
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<ApprovalRow> ApprovalRows::cancel(const std::string& id, const std::string& reason) {
  TRY(Transaction transaction, state_.database().write());
  TRY(ApprovalRow row, get_in(transaction, id));
  TRY_DO(change(transaction, row,
                {ApprovalState::cancelled, row.scope, row.expires_ms, "", "", reason, ""}));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<ApprovalRow> ApprovalRows::revoke(const std::string& id, const std::string& reason) {
  TRY(Transaction transaction, state_.database().write());
  TRY(ApprovalRow row, get_in(transaction, id));
  if (row.state != ApprovalState::approved) {
    return fail(ErrorKind::conflict,
                "approval " + row.id + " is " + to_string(row.state) +
                    "; only a grant that stands can be revoked",
                {}, "already_decided");
  }
  TRY_DO(change(
      transaction, row,
      {ApprovalState::expired, row.scope, row.expires_ms, "", "", "revoked: " + reason, ""}));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<std::int64_t> ApprovalRows::end_all(std::string_view where, std::string_view bound,
                                           ApprovalState to, const std::string& reason) {
  TRY(Transaction transaction, state_.database().write());
  std::vector<ApprovalRow> due;
  {
    Statement rows = transaction.sql(select_approvals(where));
    rows.bind(bound);
    TRY(due, approvals_of(rows));
  }
  for (ApprovalRow& row : due) {
    TRY_DO(change(transaction, row, {to, row.scope, row.expires_ms, "", "", reason, ""}));
  }
  if (!due.empty()) TRY_DO(transaction.commit(Sync::durable));
  return static_cast<std::int64_t>(due.size());
}

Result<std::int64_t> ApprovalRows::cancel_of_server(const std::string& server_id) {
  return end_all(
      "where server_id = ? and (state = 'pending' or (state = 'approved' and "
      "scope in ('once', 'session')))",
      server_id, ApprovalState::cancelled, "its server ended");
}

Result<std::int64_t> ApprovalRows::expire_due() {
  return end_all("where state in ('pending', 'approved') and expires_ms <= cast(? as integer)",
                 std::to_string(state_.clock().unix_ms()), ApprovalState::expired,
                 "no answer in time");
}

}  // namespace remit::memory
