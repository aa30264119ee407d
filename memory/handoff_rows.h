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
  bool is_operator = false;  // may act for the target and for the sender
  bool same_principal_allowed =
      false;                // site policy: one principal may answer itself as another persona
  std::string note;         // of the sender that leads on after a question: the input
  std::string answer_json;  // what the sender's inbox gets; kept in the record
  std::string if_match;     // etag of the record; empty: whatever it is
};

struct HandoffFilter {
  std::string to, from, thread_id, instruction;  // empty: any
  std::string part = {};    // sent by this persona, or addressed to it as an agent
  std::string before = {};  // ids below this one: the next page
  bool only_open = false;
  std::size_t limit = 100;
  std::string principal = {};  // of `part` where it is the sender; empty: anybody's
};

// The error of an id that nobody gave.
Error no_such_handoff(std::string_view id);

class HandoffRows {
 public:
  // Those of one Agent_Memory (Store::root_id).
  HandoffRows(State& state, std::int64_t root) : state_(state), root_(root) {}

  // Errors: conflict (an idempotency key with another content); denied with code "loop" (hop, path,
  // ping-pong), "thread_full", "rate" (kHandoffsPerHour of a persona); not_found for a parent or
  // thread that is not the sender's; too_large; invalid_argument for a target's name. A repetition
  // and an escalation that is open already come back with `duplicate`.
  Result<Handoff> send(const NewHandoff& draft);

  Result<Handoff> get(const std::string& id);
  Result<std::vector<Handoff>> list(const HandoffFilter& filter);
  // Of each id, whether there is such a handoff; "" is none.
  Result<std::vector<bool>> exist(const std::vector<std::string>& ids);
  Result<std::vector<HandoffEvent>> events(const std::string& id);

  // The last step again, word for word and by the same one, changes nothing and comes back with
  // `duplicate`. Errors: not_found (also for who takes no part); denied with code "own_handoff";
  // conflict with code "already_closed", "bad_state" (the message names what is possible),
  // "task_taken" (another delegation holds the task) or "conflict" (etag).
  Result<Handoff> step(const std::string& id, const HandoffStep& step);

  // Deadlines that have passed: consults expire (with the sender's default, `assumed`), offers
  // expire, escalations go up their ladder or are exhausted. Those it changed.
  Result<std::vector<Handoff>> fire_due();
  // The delegation whose target works on this task now; nullopt: none.
  Result<std::optional<Handoff>> task_holder(const std::string& instruction,
                                             const std::string& task_id);
  // When the next timer is due; nullopt: none.
  Result<std::optional<std::int64_t>> next_due_ms();

  // Tells every process that something changed (kHandoffTopic): once its files are delivered, so
  // that no other process begins to deliver them meanwhile. A hint: the rows are the truth.
  void announce();

 private:
  State& state_;
  const std::int64_t root_;
};

// What processes are woken with when a handoff is sent or led on.
inline constexpr const char* kHandoffTopic = "handoffs";

}  // namespace remit::memory
