// Approvals: a person's yes, bound to the exact bytes that run.
//
// A Question becomes a row `pending`; a person answers by `remit approve` or at the console (PIN)
// or through the client's form (client-attested, low risk only); the yes is taken exactly once by
// Access.spawn. Rows are the truth, in state.db; several processes share them; a datagram wakes a
// parked call. Nothing that was asked by an earlier process runs: its rows are cancelled at start.
//
// Threads: safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "memory/approval_rows.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "policy/access.h"

namespace remit::policy {

using ApprovalStatus = memory::ApprovalState;

struct ApprovalParts {
  memory::State* state = nullptr;
  memory::Wake* wake = nullptr;  // of this server
  const Clock* clock = nullptr;
  std::string principal;  // text form: uid/agent/instruction
  std::string persona_sha256;
  std::string instruction;
  std::string server_id;
  std::chrono::seconds life{300};
  bool terminal = true;    // site policy lets `remit approve` count
  std::string console;     // its address, if this server started one, or ""
  bool own_only = false;   // `remit call --yes`: asks and takes rows of its own alone
  std::string public_key;  // memory::State::public_key("approval"): proves a person's yes
};

class Approvals {
 public:
  explicit Approvals(ApprovalParts parts);
  ~Approvals();

  // True if a person could answer with the PIN, which is set: with `remit approve`, if site policy
  // allows it, or at the console.
  bool person_available();
  // How: "with `remit approve ID` on a terminal", "at http://127.0.0.1:8812/console", or both.
  std::string how_to_answer(const std::string& id) const;
  // The console's page of this question, or "" if this server started no console.
  std::string page_of(const std::string& id) const;

  // Creates the pending row of a question, or finds the one that is pending for the same grant key.
  // Errors: unavailable, code "busy", beyond kPendingApprovals.
  Result<std::string> request(const Question& question, const CallScope& call);

  // Waits until the row is decided or expires, at most until `wait` has passed.
  Result<ApprovalStatus> wait(const std::string& id, std::chrono::milliseconds wait,
                              std::stop_token stop);

  // The reason a person gave with `remit deny`, or "".
  Result<std::string> reason(const std::string& id);

  // The client's form answered. Errors: denied, code "high_risk": a client's yes never suffices
  // there; conflict, code "already_decided".
  Result<void> answer_by_client(const std::string& id, bool approve, const std::string& channel);

  // `remit call --yes`: the operator's own command approves this call alone.
  Result<void> answer_by_operator(const std::string& id);

  // Nobody can answer any more: the question ends as cancelled. One that was decided stays so.
  Result<void> withdraw(const std::string& id, const std::string& why);

  // True if a yes for this grant key waits to be taken, and take() would take it.
  Result<bool> ready(const std::string& grant_key);

  // Consumes the yes for this grant key, if there is one. Atomic and single-use; the ledger record
  // is durable before it returns. Rows can be written by whoever can write state.db, so a yes
  // counts only with what no other process can make: a person's with their signature, once, given
  // to this server after it began (a stored rule excepted); a client's if it was given to this very
  // object; an operator's in the operator's own process.
  Result<std::optional<SpawnAuthority>> take(const std::string& grant_key, const CallScope& call);

 private:
  Result<std::optional<memory::ApprovalRow>> find(const std::string& grant_key);
  bool is_worth(const memory::ApprovalRow& yes) const;  // under mutex_

  ApprovalParts parts_;
  const std::int64_t began_ms_;
  std::mutex mutex_;
  std::set<std::string> by_client_;  // ids that the client of this process approved
  std::set<std::string> used_;       // ids of scope once that were taken here
};

}  // namespace remit::policy
