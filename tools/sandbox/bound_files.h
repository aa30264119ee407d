// The scripts of an approved command inside its slot: the bytes that the person's yes covers,
// whatever happens to the files outside from then on.
//
// In the copy-on-write workspace they are written through the overlay, so that the command may
// change them like any other file; where the layer cannot take a file (another owner's, on a file
// system without id-mapped mounts) and in read-only roots they are mounted over it, read-only. What
// stays open: a name that leads through a symbolic link is bound to the file it led to, not to the
// link.
//
// Threads: one, the slot's. Fails with: unavailable.
#pragma once

#include "policy/spawner.h"

namespace remit::sandbox {

// After the workspace and the read-only roots are mounted, before Agent_Memory and the masks cover
// parts of them. A file that is not there in the slot is left out: nothing can execute it.
Result<void> show_bound_files(const policy::SpawnPlan& plan);

}  // namespace remit::sandbox
