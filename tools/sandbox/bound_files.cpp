#include "tools/sandbox/bound_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "tools/sandbox/mounts.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

namespace {

constexpr const char* kBoundFile = ".bound-file";

// False if the layer cannot take it.
Result<bool> write_through(const policy::Executed& file) {
  const auto opened = open_beneath(AT_FDCWD, inside_path(file.path), O_WRONLY | O_NONBLOCK);
  if (!opened) return false;
  const int fd = opened->get();
  struct stat st{};
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || ftruncate(fd, 0) != 0) return false;
  if (auto written = fs::write_all(fd, file.content); !written)
    return failed(errno, "write the approved " + file.path + " to the layer");
  // `make` and the like go by the times.
  const std::array<timespec, 2> times{st.st_atim, st.st_mtim};
  if (futimens(fd, times.data()) != 0) return failed(errno, "set the times of " + file.path);
  return true;
}

Result<void> mount_over(const policy::Executed& file, const Fd& place) {
  TRY(const struct stat st, fs::stat_of(place));
  TRY_DO(make_file(AT_FDCWD, kBoundFile, file.content));
  if (chmod(kBoundFile, st.st_mode & 0555) != 0) return failed(errno, "prepare " + file.path);
  TRY(const Fd tree, clone_tree(AT_FDCWD, kBoundFile, 0));
  TRY_DO(set_attributes(tree, kReadOnly));
  TRY_DO(attach_at(tree, place, file.path));
  if (unlink(kBoundFile) != 0) return failed(errno, "take away the source of " + file.path);
  return {};
}

}  // namespace

Result<void> show_bound_files(const policy::SpawnPlan& plan) {
  for (const policy::Executed& file : plan.executed) {
    if (!file.version.empty()) continue;  // not carried; it was compared just before the run
    const auto place = open_beneath(AT_FDCWD, inside_path(file.path), O_PATH | O_NOFOLLOW);
    // Of Agent_Memory only what may be read is there, and nothing outside can add to it.
    const bool covered =
        !plan.view.memory.empty() && beneath(file.path, plan.view.memory) != nullptr;
    if (!place && covered && place.error().kind == ErrorKind::not_found) continue;
    // Elsewhere another file could still come into its place before the command opens it.
    if (!place)
      return fail(ErrorKind::conflict,
                  escape_ascii(file.path) +
                      " is no longer what was approved: " + place.error().message + "; ask again",
                  {}, "conflict");
    bool written = false;
    if (beneath(file.path, plan.view.workspace) != nullptr) {
      TRY(written, write_through(file));
    }
    if (!written) TRY_DO(mount_over(file, *place));
  }
  return {};
}

}  // namespace remit::sandbox
