// The mount and file operations of which a slot's view is made: thin, with the errors of a machine
// that refuses. Relative paths are below `dir`; no link is followed where "beneath" or "at" is
// said.
//
// Threads: one, the slot's. Fails with: unavailable, code "sandbox_unavailable", whatever the
// errno: a view that cannot be built is the machine's refusal, not the caller's input.
// open_beneath() alone keeps the errno's kind.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace remit::sandbox {

inline constexpr std::uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
inline constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

tl::unexpected<Error> failed(int error, const std::string& what);

Result<Fd> open_beneath(int dir, const std::string& path, int flags);
// A detached copy of the mount at `path` (man 2 open_tree); flags: AT_RECURSIVE, AT_EMPTY_PATH.
Result<Fd> clone_tree(int dir, const char* path, unsigned flags);
// MOUNT_ATTR_* for a detached mount; flags: AT_RECURSIVE.
Result<void> set_attributes(const Fd& tree, std::uint64_t attributes, unsigned flags = 0);
Result<void> attach(const Fd& tree, const std::string& target);
// Over exactly the file or folder that `target` (O_PATH) stands for. `name` is for the error.
Result<void> attach_at(const Fd& tree, const Fd& target, const std::string& name);
// A new file, or an empty one that is there, mode 0444.
Result<void> make_file(int dir, const std::string& path, std::string_view content);
// mkdir -p of the path's parents, and of the path itself with `whole`.
Result<void> make_parents(int dir, const std::string& path, bool whole);
Result<void> mount_tmpfs(const std::string& target, const std::string& options);

// An absolute path as the slot's processes name it before the root is theirs: relative to it.
inline std::string inside_path(const std::string& absolute) {
  return absolute.substr(1);
}

}  // namespace remit::sandbox
