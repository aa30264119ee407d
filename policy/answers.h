// What a person sees and does, whatever the channel: the terminal's commands and the console show
// the same texts and act through the same functions.
//
// Threads: any.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "memory/approval_rows.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/apply_changes.h"
#include "policy/change_sets.h"

namespace remit::policy {

// How somebody showed that they are a person: "terminal" or "console"; "pin", "passkey", or
// "session" for one that a PIN opened a while ago.
struct Presence {
  std::string channel, attestation;
  std::string credential = {};  // the id of the passkey
};
// Who typed the PIN on a terminal.
inline const Presence kAtTerminal{"terminal", "pin"};
// Adds channel, attestation and, of a passkey, credential to the fields of a ledger row.
void add_presence(nlohmann::json& fields, const Presence& presence);
// Errors: denied, code "presence", unless the attestation is a person's own.
Result<void> need_person(const Presence& presence);

// A question as a person reads it, in printable ASCII, whole. The command is shown from the bytes
// that a yes binds; `as_described` is the word of the server that asks, and says so where it quotes
// the model.
struct ShownQuestion {
  std::string command, sha256, asked_by, tool, risk, expires, as_described;
  std::size_t bytes = 0;
};
ShownQuestion show_question(const memory::ApprovalRow& row);

struct GivenAnswer {
  bool approve = false;
  memory::ApprovalScope scope = memory::ApprovalScope::once;
  std::int64_t rule_life_ms = 0;  // scope rule; 0 = kSessionGrant
  std::string reason;
};
// Answers the question that was shown, signs a yes, and wakes the server that waits. Errors: denied
// (code "presence") for a yes without a person; denied (code "high_risk") for a rule over a command
// of high risk; those of ApprovalRows::decide.
Result<memory::ApprovalRow> answer_question(memory::State& state, const memory::ApprovalRow& shown,
                                            const GivenAnswer& answer, const Presence& presence);

// One change: what is done to which path, and the difference to what is there now. Larger files are
// named with their hash, not shown. Safe to print.
std::string show_change(const Change& change);

// Applies a set through an operator's Access, or throws it away; both are in the ledger with who
// did it before anything happens. Errors: denied (code "presence") without a person; those of
// apply_change_set() and ChangeSets::remove().
Result<ApplyReport> apply_held(memory::State& state, memory::Ledger& ledger, const ChangeSets& sets,
                               const ChangeSet& set, const Presence& presence);
Result<void> discard_held(memory::State& state, memory::Ledger& ledger, const ChangeSets& sets,
                          const ChangeSet& set, const Presence& presence);

}  // namespace remit::policy
