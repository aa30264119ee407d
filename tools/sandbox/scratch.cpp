#include "tools/sandbox/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/fs.h"
#include "tools/sandbox/limits.h"

namespace remit::sandbox {

namespace {

constexpr std::string_view kScratchPrefix = "scratch-";
constexpr int kRemoveRounds = 64;  // each takes kLayerDepth levels
constexpr std::string_view kHomes = "/tmp/remit-home-";

// `top`: where a folder too deep to follow is moved, for the next round.
void remove_at(int dir, const char* name, int depth, int top) {
  if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return;
  if (unlinkat(dir, name, AT_REMOVEDIR) == 0) return;
  if (depth > kLayerDepth) {
    renameat(dir, name, top, ("deep-" + random_hex(8)).c_str());
    return;
  }
  Fd inner(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inner) {
    // overlayfs makes its work folder with mode 0; ours to open all the same.
    if (fchmodat(dir, name, 0700, 0) != 0) return;
    inner.reset(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!inner) return;
  fchmod(inner.get(), 0700);
  std::vector<std::string> names;
  auto listed = fs::list_directory(inner, [&](std::string_view entry, unsigned char) {
    names.emplace_back(entry);
    return true;
  });
  if (!listed) return;
  for (const std::string& entry : names)
    remove_at(inner.get(), entry.c_str(), depth + 1, depth == 0 ? inner.get() : top);
  unlinkat(dir, name, AT_REMOVEDIR);
}

}  // namespace

bool tmpfs_has_user_attributes() {
  const Fd file(memfd_create("remit", MFD_CLOEXEC));  // lies on the kernel's own tmpfs
  return file && fsetxattr(file.get(), "user.remit", "y", 1, 0) == 0;
}

Result<std::string> make_scratch(const std::string& state_directory, pid_t starter,
                                 const std::string& label, uid_t uid, gid_t gid) {
  std::string path =
      state_directory + "/" + std::string(kScratchPrefix) + std::to_string(starter) + "-" + label;
  if (mkdir(path.c_str(), 0700) != 0) return fail_errno(errno, "make the scratch folder " + path);
  if (geteuid() == 0 && chown(path.c_str(), uid, gid) != 0)
    return fail_errno(errno, "hand over the scratch folder " + path);
  return path;
}

void remove_tree(const std::string& path) {
  struct stat st{};
  for (int round = 0; round < kRemoveRounds && lstat(path.c_str(), &st) == 0; ++round)
    remove_at(AT_FDCWD, path.c_str(), 0, AT_FDCWD);
}

Result<std::string> make_home(pid_t starter, uid_t uid, gid_t gid) {
  std::string path = std::string(kHomes) + std::to_string(starter) + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return fail_errno(errno, "make a folder " + path);
  if (geteuid() == 0 && chown(path.c_str(), uid, gid) != 0)
    return fail_errno(errno, "hand over the folder " + path);
  return path;
}

namespace {

// Entries of `folder` that start with `prefix` and the number of a process that is gone.
std::vector<std::string> left_behind(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> left;
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return left;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(prefix)) continue;
    const pid_t owner = std::atoi(entry->d_name + prefix.size());
    if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH)
      left.push_back(folder + "/" + entry->d_name);
  }
  closedir(directory);
  return left;
}

}  // namespace

void sweep_scratch(const std::string& state_directory, std::uint32_t uid_base) {
  for (const std::string& path : left_behind(state_directory, kScratchPrefix)) remove_tree(path);
  const std::string_view homes = kHomes;
  const std::size_t slash = homes.rfind('/');
  for (const std::string& path :
       left_behind(std::string(homes.substr(0, slash)), homes.substr(slash + 1))) {
    // Anybody can make such a name in /tmp; only ours have an owner of ours.
    struct stat st{};
    if (lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
    const bool ours = geteuid() == 0 ? st.st_uid == 0 || (st.st_uid < uid_base &&
                                                          uid_base - st.st_uid <= kBareIdentities)
                                     : st.st_uid == geteuid();
    if (ours) remove_tree(path);
  }
}

}  // namespace remit::sandbox
