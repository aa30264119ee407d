#include "tools/sandbox/mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tools/sandbox/sys.h"

namespace remit::sandbox {

tl::unexpected<Error> failed(int error, const std::string& what) {
  Error e = errno_error(error, what);
  e.kind = ErrorKind::unavailable;
  e.code = "sandbox_unavailable";
  return tl::unexpected<Error>(std::move(e));
}

Result<Fd> open_beneath(int dir, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = kBeneath;
  const long fd = sys_openat2(dir, path.empty() ? "." : path.c_str(), how);
  if (fd < 0) return fail_errno(errno, "open " + path);
  return Fd(static_cast<int>(fd));
}

Result<Fd> clone_tree(int dir, const char* path, unsigned flags) {
  const int fd = open_tree(dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
  if (fd < 0) return failed(errno, std::string("clone the mount of ") + path);
  return Fd(fd);
}

Result<void> set_attributes(const Fd& tree, std::uint64_t attributes, unsigned flags) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (mount_setattr(tree.get(), "", AT_EMPTY_PATH | flags, &attr, sizeof attr) != 0)
    return failed(errno, "set mount attributes");
  return {};
}

Result<void> attach(const Fd& tree, const std::string& target) {
  if (move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return failed(errno, "mount on /" + target);
  return {};
}

Result<void> attach_at(const Fd& tree, const Fd& target, const std::string& name) {
  if (move_mount(tree.get(), "", target.get(), "",
                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return failed(errno, "mount over " + name);
  return {};
}

Result<void> make_file(int dir, const std::string& path, std::string_view content) {
  const Fd fd(openat(dir, path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444));
  if (!fd) return failed(errno, "make /" + path);
  if (write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    return failed(errno, "write /" + path);
  return {};
}

Result<void> make_parents(int dir, const std::string& path, bool whole) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (mkdirat(dir, path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST)
      return failed(errno, "make the folder /" + path.substr(0, slash));
  if (whole && mkdirat(dir, path.c_str(), 0755) != 0 && errno != EEXIST)
    return failed(errno, "make the folder /" + path);
  return {};
}

Result<void> mount_tmpfs(const std::string& target, const std::string& options) {
  if (mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return failed(errno, "mount a tmpfs on /" + target);
  return {};
}

}  // namespace remit::sandbox
