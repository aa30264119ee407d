// What a command changed: the upper layer of its overlay read as a list of policy::Change, and what
// it made in the tmpfs over Agent_Memory.
//
// Runs after every process of the command is dead, inside the slot's user namespace, so that the
// hostile tree is read with the slot's rights only. Nothing is followed, nothing but regular files
// is opened. The forms of deletion are those of overlayfs
// (Documentation/filesystems/overlayfs.rst): a 0:0 character device, the user.overlay.whiteout
// mark, and directories marked user.overlay.opaque.
//
// Threads: one. What cannot be listed is named in `lost`; the functions do not fail.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>
#include <vector>

#include "base/fs.h"
#include "policy/spawner.h"

namespace remit::sandbox {

struct ChangeList {
  std::vector<policy::Change> changes;  // sorted by path; a removal before what took its place
  std::vector<std::string> lost;
};

// `mounted` is the coarse clock just before the overlay was mounted: a lower file that changed
// later has the pre-image "newer".
ChangeList collect_changes(const policy::SpawnPlan& plan, const Fd& upper, const Fd& lower,
                           const Fd& memory, const timespec& mounted);

}  // namespace remit::sandbox
