// The near end of one run: drains the command's output, keeps its wall and idle time, passes a
// cancellation on, and takes the outcome.
//
// Threads: blocks the calling thread; one run per call. Opens no file of the slot: everything comes
// over the run's own descriptors.
#pragma once

#include <stop_token>

#include "base/fs.h"
#include "policy/spawner.h"
#include "tools/sandbox/plan.h"

namespace remit::sandbox {

struct RunEnds {
  Fd socket;  // to the supervisor
  Fd out;     // read ends of the command's output
  Fd err;
};
// What the starter or a supervisor needs of the same run.
struct RunFarEnds {
  Fd socket;
  Fd out;
  Fd err;
};
Result<std::pair<RunEnds, RunFarEnds>> make_run_ends();

Result<RunResult> follow(RunEnds ends, const policy::SpawnLimits& limits,
                         const policy::OutputSink& sink, const std::stop_token& stop);

}  // namespace remit::sandbox
