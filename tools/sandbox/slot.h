// The slot itself: the first process of the new namespaces, which builds the view, gives up its
// rights, starts the shell and waits for it.
//
//   supervisor                         slot (pid 1 inside)
//   clone(all namespaces)  ----------> waits
//   id maps, id-mapped trees, group
//   'M'                    ----------> takes its ids, builds the part that needs no plan
//   ... here it may wait, ready-made, for its one command ...
//   'P' + plan, out, err   ----------> adds the plan's part
//                          <---------- 'R' + layer descriptors, or 'E' error
//                                      drops everything, starts the shell, reaps
//                          <---------- 'X' status and cwd; its exit ends every process inside
//
// The shell shares its fs_struct with pid 1 (CLONE_FS), so that after the shell's death pid 1's own
// working directory is where the shell stood: learnt from the kernel, never from output.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/fs.h"
#include "policy/spawner.h"
#include "tools/sandbox/userns.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

struct SlotContext {
  // Tier t2: no namespaces, no view, no layer. Landlock rules stand for the view (bare_rules.h),
  // the descendants are held by subreapers, and `home` is the one writable folder.
  bool bare = false;
  std::string home;
  const policy::SpawnView* roots = nullptr;  // the plan's roots, known before the plan
  const std::vector<sock_filter>* filter = nullptr;
  Identity identity;
  std::string layer_directory;  // on disk, for the copy-on-write layer; empty: a tmpfs
  PlanTrees trees;              // opened by the supervisor as root; else empty and opened inside
  int landlock_abi = 0;
  Fd control;                // to the supervisor
  std::vector<int> foreign;  // the supervisor's own descriptors, closed in the slot at once
};

// Message kinds on the control socket.
inline constexpr char kMapped = 'M';
inline constexpr char kPlan = 'P';  // body: what a control group limits: "m" memory, "p" processes;
                                    // fds: sealed plan, the command's stdout and stderr
inline constexpr char kReady =
    'R';  // body: degraded points, one per line; fds: upper, lower[, memory]; none if bare
inline constexpr char kFailed = 'E';
inline constexpr char kExited = 'X';  // body: "<wait status> <cwd>"

// Clones the slot; returns its pid in the supervisor and never returns in the slot.
Result<pid_t> start_slot(SlotContext& context);

}  // namespace remit::sandbox
