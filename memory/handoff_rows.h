// Handoffs as rows: sent, led through their states, timed. Every transition is one transaction with
// its compare-and-set, its event, its ledger record and the files it causes (outbox), on the disk
// before the function returns. Whether an edge allows it was decided above.
//
// The files are written by HandoffDelivery afterwards, at least once; a file's path is made of the
// handoff's id, so that a second writing is the same one. Timers are rows: whichever process calls
// fire_due() takes them, each once.
//
// Threads and processes: any. Times: milliseconds since 1970 from State's clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "memory/handoff.h"
#include "memory/state.h"

namespace remit::memory {

// Who acts, and what they lead to.
struct HandoffStep {
  std::string to_state;
  std::string persona, principal;
  bool is_operator = false;  // may act for the target
  bool same_principal_allowed =
      false;  // site policy: one principal may answer itself as another persona
  std::string note;
  std::string answer_json;  // what the sender's inbox gets; kept in the record
  std::string if_match;     // etag of the record; empty: whatever it is
};

struct HandoffFilter {
  std::string to, from, thread_id, instruction;  // empty: any
  bool only_open = false;
  std::size_t limit = 100;
};

class HandoffRows {
 public:
  explicit HandoffRows(State& state) : state_(state) {}

  // Errors: conflict (an idempotency key with another content); denied with code "loop" (hop, path,
  // ping-pong), "thread_full", "rate" (kHandoffsPerHour of a persona); not_found for a parent or
  // thread that is not the sender's; too_large; invalid_argument for a target's name. A repetition
  // and an escalation that is open already come back with `duplicate`.
  Result<Handoff> send(const NewHandoff& draft);

  Result<Handoff> get(const std::string& id);
  Result<std::vector<Handoff>> list(const HandoffFilter& filter);
  Result<std::vector<HandoffEvent>> events(const std::string& id);

  // Errors: not_found (also for who takes no part); denied with code "own_handoff"; conflict with
  // code "already_closed", "bad_state" (the message names what is possible) or "conflict" (etag).
  Result<Handoff> step(const std::string& id, const HandoffStep& step);

  // Deadlines that have passed: consults expire (with the sender's default, `assumed`), offers
  // expire, escalations go up their ladder or are exhausted. Those it changed.
  Result<std::vector<Handoff>> fire_due();
  // When the next timer is due; nullopt: none.
  Result<std::optional<std::int64_t>> next_due_ms();

 private:
  State& state_;
};

}  // namespace remit::memory
