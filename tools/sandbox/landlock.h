// The second lock on files, inside the namespaces: what the mounts allow is allowed once more here,
// so that one bug in either does not open the other. Only the rights that the running kernel's ABI
// knows are handled (linux/landlock.h; man 7 landlock), never "all bits".
//
// Threads: act on the calling thread. Fails with: unavailable where the kernel has no Landlock.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

// The kernel's Landlock ABI, 0 if there is none or it is switched off.
int landlock_abi();

// Confines the calling thread and its children: reading and executing everywhere (the mounts say
// what exists), writing only below `writable`, no TCP, no abstract sockets, no signals to processes
// outside. `abi` is at most landlock_abi(); a smaller one masks newer rights (tests). Paths that do
// not exist are skipped. Needs no_new_privs.
Result<void> confine_files(int abi, const std::vector<std::string>& writable);

}  // namespace remit::sandbox
