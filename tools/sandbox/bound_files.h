// The scripts of an approved command inside its slot: the bytes that the person's yes covers,
// whatever happens to the files outside from then on.
//
// In the copy-on-write workspace they are written through the overlay, so that the command may
// change them like any other file; where the layer cannot take a file (another owner's, on a file
// system without id-mapped mounts) and in read-only roots they are mounted over it, read-only. What
// stays open: a name that leads through a symbolic link is bound to the file it led to, not to the
// link, and a name under which nothing lay is not bound.
//
// Threads: one, the slot's. Fails with: unavailable, conflict.
#pragma once

#include "policy/spawner.h"

namespace remit::sandbox {

// After the workspace, the read-only roots and Agent_Memory are mounted, before the masks cover
// parts of them. Errors: conflict for a file that is no longer there, since another could come into
// its place; a document of Agent_Memory that the command may not see is left out.
Result<void> show_bound_files(const policy::SpawnPlan& plan);

}  // namespace remit::sandbox
