// Files that handoffs cause: inbox projections through the Store, drops for queues beneath a drop
// root, dead letters. They are rows first (written in the transaction of their handoff), then
// files: at least once, the same bytes at the same path. A newer version of a file replaces its
// waiting row, and who holds the older one by then writes nothing: a file never goes back.
//
// Threads and processes: any; one process at a time delivers a row (lease of kDeliveryLease).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/handoff.h"
#include "memory/state.h"
#include "memory/store.h"

namespace remit::memory {

class Transaction;

enum class OutboxPlace { memory, drop };

// A file that could not be delivered for kRetryFor, or one that waits.
struct OutboxRow {
  std::int64_t id = 0;
  std::string handoff, path, error;
  OutboxPlace place = OutboxPlace::memory;
  std::int64_t attempts = 0, next_ms = 0, created_ms = 0;
  bool dead = false;
};

// Within the transaction of the handoff.
Result<void> enqueue(Transaction& transaction, const Clock& clock, const Handoff& handoff,
                     OutboxPlace place, const std::string& path, const std::string& body);
// The request's file for the present target: inbox, drop, or (human) none.
Result<void> enqueue_request(Transaction& transaction, const Clock& clock, const Handoff& handoff);
// The same where it lay as `had`, with what it is now.
Result<void> enqueue_request_for(Transaction& transaction, const Clock& clock, const Handoff& had,
                                 const Handoff& now);

// Where files for queues go: the folder that the site names, "" for the state directory's `drop`.
Result<Fd> open_drop_root(State& state, const std::string& configured);

class HandoffDelivery {
 public:
  // Delivers what belongs to the Agent_Memory of `store`, and nothing else.
  // `drop_root`: of open_drop_root(); an empty one lets files for queues wait, and no others.
  HandoffDelivery(State& state, Store& store, Fd drop_root)
      : state_(state), store_(store), drop_root_(std::move(drop_root)) {}

  // Delivers every row that is due (kDueAtOnce), leads its handoff to delivered or notified; at
  // start it takes what a dead process left. How many files were written. A file that cannot be
  // written is tried again with growing pauses and given up after kRetryFor (dead letter).
  Result<std::int64_t> run();
  // Only those of one handoff, whatever their pause: right after send(), and `handoffs retry`.
  Result<std::int64_t> run_for(const std::string& handoff);

  Result<std::vector<OutboxRow>> dead();
  // When the next file is due; nullopt: none waits.
  Result<std::optional<std::int64_t>> next_due_ms();

 private:
  struct Task {
    OutboxRow row;
    std::string body;
  };
  Result<std::optional<Task>> take(const std::string& handoff);
  // Whether no newer version has taken the row's place, and it is not written yet.
  Result<bool> is_newest(const Task& task);
  // False: it is not the newest, and nothing was written.
  Result<bool> write(const Task& task);
  Result<void> finish(const Task& task);
  Result<void> postpone(const Task& task, const Error& error);
  Result<std::int64_t> run_some(const std::string& handoff);

  State& state_;
  Store& store_;
  const Fd drop_root_;
};

}  // namespace remit::memory
