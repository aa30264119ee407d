// The clock of an Agent_Memory. Of its handoffs: deadlines that pass, ladders that are climbed,
// files whose delivery failed before. They are rows (memory/handoff_rows.h,
// memory/handoff_outbox.h), so any process that serves their Agent_Memory may take them; the
// database's write lock and the lease of a delivery let one do it, once. `remit handoffs due` does
// the same round where no server runs. Of its documents: what is kept no longer (Store::retain),
// for which `remit memory retention` does the same.
//
// Threads: one of its own from start() to the destructor. It sleeps until the next row is due,
// until somebody says that a handoff changed, or kTimersLook; between two rounds at least
// kTimersRest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/fs.h"
#include "base/result.h"
#include "memory/handoff_outbox.h"
#include "memory/server_rows.h"
#include "memory/state.h"
#include "memory/store.h"

namespace remit::server {

// What one round did.
struct HandoffRound {
  std::size_t fired = 0;       // deadlines that passed
  std::int64_t delivered = 0;  // files that were written
  bool drop_missing = false;   // files for queues wait
};

// Everything that is due now, in rounds of kDueAtOnce. `drop_root`: of memory::open_drop_root();
// while it cannot be opened its files wait, deadlines and the files for agents do not.
Result<HandoffRound> run_due_handoffs(memory::State& state, memory::Store& store,
                                      const std::string& drop_root);

class HandoffTimers {
 public:
  // All borrowed; must outlive it. `drop_root` is opened by the thread, each time it delivers.
  // Errors: unavailable if the system gives no thread.
  static Result<std::unique_ptr<HandoffTimers>> start(memory::State& state, memory::Store& store,
                                                      memory::Wake& wake, std::string drop_root);

 private:
  HandoffTimers(memory::State& state, memory::Store& store, memory::Wake& wake,
                std::string drop_root)
      : state_(state), store_(store), wake_(wake), drop_root_(std::move(drop_root)) {}
  void run(const std::stop_token& stop);
  Result<void> round();
  Result<std::int64_t> pause_ms();
  void retain();

  memory::State& state_;
  memory::Store& store_;
  memory::Wake& wake_;
  const std::string drop_root_;
  std::string last_retain_error_;
  std::jthread thread_;
};

}  // namespace remit::server
