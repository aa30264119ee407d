// The starter: a process forked from the server before it makes threads, reads secrets or confines
// itself, because a Landlock domain is inherited and forbids mounts. It holds nothing of the
// server's but one socket, asks the gate before every command, and forks a supervisor for each.
//
// It dies with its parent (and then every slot dies): PR_SET_PDEATHSIG is tied to the thread that
// called start_starter(), so that must be one that lives as long as the process: the main thread.
//
//   TRY(std::unique_ptr<policy::Spawner> spawner, sandbox::start_starter({.gate = gate, …}));
//   TRY(policy::SpawnOutcome outcome, spawner->run(plan, sink, stop));
//
// Threads: start_starter() before any other thread exists; the Spawner as policy/spawner.h says.
// Fails with: unavailable (no process can be made), invalid_argument.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "policy/spawner.h"
#include "tools/sandbox/limits.h"

namespace remit::sandbox {

// A gate for what the operator's files say now, and what the server is told of them.
struct Reloaded {
  policy::SpawnGate gate;
  std::string bytes;
};

struct StarterOptions {
  policy::SpawnGate gate;  // asked in the starter before each command; none = everything may run
  // Called in the starter, which no lock keeps from the operator's files, when the server asks for
  // a reload. An error leaves the gate as it is. None: nothing can be reloaded.
  std::function<Result<Reloaded>()> reload;
  std::string state_directory;  // absolute, exists: the canary's scratch workspace is made in it
  std::uint32_t uid_base = kUidBase;        // host id of slots when the server is root
  std::optional<policy::Tier> forced_tier;  // tests: the tier to begin with instead of t1
  bool layer_on_disk = false;   // keep changes below the state directory instead of in memory, as
                                // is done anyway on kernels before 6.6
  int landlock_abi_max = 1000;  // tests: mask newer Landlock rights
  std::size_t warm_slots =
      kWarmSlots;  // that wait ready-made after the first command; 0 to measure
};

class StarterSpawner : public policy::Spawner {
 public:
  // Has the starter read the operator's files again: its gate judges by them from now on. Gives
  // Reloaded::bytes. Slots that wait ready-made stay: they show what the next plan asks for.
  // Errors: those of StarterOptions::reload; unavailable if the starter is gone.
  virtual Result<std::string> reload() = 0;
};

Result<std::unique_ptr<StarterSpawner>> start_starter(const StarterOptions& options);

}  // namespace remit::sandbox
