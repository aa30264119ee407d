// Questions put to a person, and the answers: the state machine of approvals.
//
//   pending -> approved | denied | expired | cancelled
//   approved -> consumed | expired | cancelled (its server ended)
//
// Each transition is one transaction with its compare-and-set and its ledger record, on the disk
// before the function returns. Terminal states never change. Who may answer, and what a channel is
// worth, is decided above (policy/); this keeps the rows.
//
// Threads and processes: any. Times: milliseconds since 1970 from State's clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

enum class ApprovalState { pending, approved, denied, expired, cancelled, consumed };
const char* to_string(ApprovalState state);

enum class ApprovalScope {
  once,     // one execution
  session,  // the same grant key until the server ends, at most kSessionGrant
  rule,     // until it expires (at most kRuleGrantMax) or is revoked
};
const char* to_string(ApprovalScope scope);
Result<ApprovalScope> parse_approval_scope(std::string_view text);

struct NewApproval {
  std::string grant_key, principal, persona_sha256, instruction, server_id, tool;
  std::string command;       // raw bytes
  std::string title;         // one line
  std::string text;          // the full rendering, printable ASCII
  std::string risk;          // low, high
  std::int64_t life_ms = 0;  // of the question; 0 = kApprovalLife
  bool fresh = false;        // a row of its own, even if the same question is pending already
};

struct ApprovalRow : NewApproval {
  std::string id;     // 128 bits as hex; authorises nothing by itself
  std::string code4;  // four characters that a form shows and wants back
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;  // of the question; once approved, of the grant
  ApprovalState state = ApprovalState::pending;
  ApprovalScope scope = ApprovalScope::once;
  std::int64_t decided_ms = 0;
  std::string channel;      // terminal, console, elicitation, mrtr, client, call_yes
  std::string attestation;  // pin, passkey, session, client, operator
  std::string reason;       // what the person gave, or why it ended
  std::string signature;    // hex; empty if the decider had no approval key
  std::string credential;   // id of the passkey, if it was one; for the record, not signed
};

struct Answer {
  bool approve = false;
  ApprovalScope scope = ApprovalScope::once;
  std::int64_t rule_life_ms = 0;  // scope rule; 0 = kSessionGrant
  std::string channel, attestation, reason;
  std::string approval_key;  // State::key("approval") where the decider can read it, else empty
  std::string seen = {};     // shown_digest() of the row that the person read, or empty: a row that
                             // changed meanwhile is not answered
  std::string credential = {};  // of a passkey
};

// The signature covers what the grant allows and who gave it, so that a worker which can write
// state.db still cannot make one: it has State::public_key("approval") alone, which only proves.
bool signature_holds(const ApprovalRow& row, std::string_view public_key);

// Whether an answer given so shows that a person was there: "pin" and "passkey" do. A session that
// was opened with a PIN ("session"), a client's form and a command do not.
bool proves_presence(std::string_view attestation);

// Over all that a person is shown of a question and that an answer binds.
std::string shown_digest(const NewApproval& question);

// Whose grants a server may take. Those that an operator's own command gave (`remit call --yes`)
// always belong to that command's process alone.
struct GrantFilter {
  std::string server_id;  // of the taker; empty: any grant (listings)
  bool own_only = false;  // only rows that the taker itself asked
};

class ApprovalRows {
 public:
  explicit ApprovalRows(State& state) : state_(state) {}

  // Asks. A question with this principal and grant key that is still pending is given again instead
  // of a second one. unavailable (code "busy") beyond kPendingApprovals of a principal.
  Result<ApprovalRow> create(const NewApproval& question);

  Result<ApprovalRow> get(const std::string& id);
  // The row that matters for this question: an approved one, else a pending one, else the newest.
  // Its state takes the time into account.
  Result<std::optional<ApprovalRow>> find_by_grant_key(const std::string& principal,
                                                       const std::string& grant_key,
                                                       const GrantFilter& filter = {});
  Result<std::vector<ApprovalRow>> list_pending();
  // Approved with scope rule and not expired.
  Result<std::vector<ApprovalRow>> list_rules();

  // Errors: not_found; timeout (code "approval_timeout") if it had expired; conflict (code
  // "already_decided"; "question_changed" if it is not the one that was seen).
  Result<ApprovalRow> decide(const std::string& id, const Answer& answer);
  // Takes the grant, for exactly this principal and grant key: scope once can be taken once, by
  // whoever comes first. Errors: needs_approval (code = state: "pending", "denied", "consumed",
  // ...).
  Result<ApprovalRow> consume(const std::string& id, const std::string& principal,
                              const std::string& grant_key);
  Result<ApprovalRow> cancel(const std::string& id, const std::string& reason);
  Result<ApprovalRow> revoke(const std::string& id, const std::string& reason);
  // A server that ended or restarted: its questions and its once and session grants. How many.
  Result<std::int64_t> cancel_of_server(const std::string& server_id);
  // Everything open whose time is over. How many.
  Result<std::int64_t> expire_due();

 private:
  struct Change {
    ApprovalState to;
    ApprovalScope scope;
    std::int64_t expires_ms;
    std::string channel, attestation, reason, approval_key, credential = {};
  };
  Result<ApprovalRow> get_in(class Transaction& transaction, const std::string& id);
  Result<void> change(class Transaction& transaction, ApprovalRow& row, const Change& change);
  Result<std::int64_t> end_all(std::string_view where, std::string_view bound, ApprovalState to,
                               const std::string& reason);
  State& state_;
};

}  // namespace remit::memory
