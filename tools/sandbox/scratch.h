// Folders that a run or the canary needs on disk, below the state directory: the canary's
// workspace, and the copy-on-write layer where tmpfs cannot hold it. Their names hold the pid of
// the starter, so that the next starter removes what a killed one left.
//
// The copy-on-write layer needs user extended attributes, which tmpfs has from Linux 6.6 on;
// before, and for builds that need more than memory, it lies on disk, where only the file size is
// limited.
//
// Threads: reentrant. Fails with: what the file system says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace remit::sandbox {

// True if a tmpfs of this kernel can be the upper layer.
bool tmpfs_has_user_attributes();

// Makes <state>/scratch-<starter>-<label>, mode 0700, with the given owner (as root). Must not
// exist.
Result<std::string> make_scratch(const std::string& state_directory, pid_t starter,
                                 const std::string& label, uid_t uid, gid_t gid);

// Removes a folder and what is in it, whatever its modes, following nothing. Best effort: what
// stays is tried again by the next sweep.
void remove_tree(const std::string& path);

// Makes /tmp/remit-home-<starter>-XXXXXX, mode 0700, with the given owner (as root): the one
// writable folder of a slot without a view. Not below the state directory, whose owner alone can
// enter it.
Result<std::string> make_home(pid_t starter, uid_t uid, gid_t gid);

// Removes the scratch folders and homes of starters that no longer live.
void sweep_scratch(const std::string& state_directory, std::uint32_t uid_base);

}  // namespace remit::sandbox
