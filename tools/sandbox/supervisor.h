// The supervisor of one run: a process between starter and slot. It makes the slot, gives it its
// ids, its id-mapped trees and its control group, waits, kills when told or when the worker or the
// starter is gone, and reads the changes after everything inside is dead.
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
};

// One run. `worker` is the run's own socket: 'K' or its closing kills; the answer is 'O' with a
// sealed RunResult or 'E' with an Error. `lifeline` closes when the starter is gone.
struct Run {
  policy::SpawnPlan plan;
  std::uint64_t number = 0;  // of this starter: names the control group
  Fd worker;
  Fd out;
  Fd err;
  Fd lifeline;
};

inline constexpr char kKill = 'K';
inline constexpr char kOutcome = 'O';

// Forks the supervisor; it never returns in the child. Errors: unavailable if no process can be
// made.
Result<pid_t> start_supervisor(const Settings& settings, Run&& run, std::vector<int> close_first);

}  // namespace remit::sandbox
