// The supervisor of one run: a process between starter and slot. It makes the slot, gives it its
// ids, its id-mapped trees and its control group, waits for the one order it will ever get, kills
// when told or when the worker or the starter is gone, and reads the changes after everything
// inside is dead. Whether the order came long after the slot was made or at once makes no
// difference to it: a slot that waited and a fresh one are built by the same steps.
//
// Threads: one process, one thread, one run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "policy/spawner.h"
#include "tools/sandbox/cgroup.h"
#include "tools/sandbox/plan.h"
#include "tools/sandbox/seccomp.h"
#include "tools/sandbox/slot_base.h"

namespace remit::sandbox {

// Fixed at the starter's start and shared by every run.
struct Settings {
  std::string state_directory;
  std::uint32_t uid_base = 0;
  int landlock_abi = 0;
  std::vector<sock_filter> filter;
  CgroupPlaces cgroups;
  bool layer_on_disk = false;
  pid_t starter = 0;
  policy::Tier tier = policy::Tier::t1;  // t2: bare slots, without namespaces
  bool bare() const { return tier == policy::Tier::t2; }
  // With the filter that belongs to it. Needs landlock_abi.
  void set_tier(policy::Tier new_tier);
};

// The starter's end of a supervisor. Closing it without an order ends supervisor and slot.
struct Waiting {
  SlotBase base;
  Fd orders;
};

// The order, on `Waiting::orders`. The run's socket: 'K' or its closing kills; the answer on it is
// 'O' with a sealed RunResult or 'E' with an Error.
inline constexpr char kOrder = 'R';  // fds: the run's socket, sealed plan, stdout, stderr
inline constexpr char kKill = 'K';
inline constexpr char kOutcome = 'O';

// Forks the supervisor; it never returns in the child. `number` is unique for this starter and
// names the control group; `lifeline` closes when the starter is gone; `close_first` are
// descriptors of the caller that the child must not keep. Errors: unavailable if no process can be
// made.
Result<Waiting> start_supervisor(const Settings& settings, const SlotBase& base,
                                 std::uint64_t number, const Fd& lifeline,
                                 const std::vector<int>& close_first);

}  // namespace remit::sandbox
