#include "tools/sandbox/slot_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/fs.h"
#include "tools/sandbox/limits.h"

namespace remit::sandbox {

namespace {

constexpr std::size_t kProcStatBytes = 4096;
constexpr useconds_t kSweepStep = 1000;

// Children of this process, which has no other way to learn of those it inherits.
std::vector<pid_t> own_children() {
  std::vector<pid_t> found;
  const std::string self = std::to_string(getpid());
  const Fd proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return found;
  static_cast<void>(fs::list_directory(proc, [&](std::string_view name, unsigned char) {
    const pid_t pid = std::atoi(std::string(name).c_str());
    if (pid <= 0) return true;
    const auto stat = fs::read_file("/proc/" + std::string(name) + "/stat", kProcStatBytes);
    // pid (name) state ppid
    const std::size_t end = stat ? stat->rfind(')') : std::string::npos;
    if (end == std::string::npos || stat->size() < end + 4) return true;
    if (stat->compare(end + 4, self.size() + 1, self + " ") == 0) found.push_back(pid);
    return true;
  }));
  return found;
}

// Every process of one user id at once: no fork can slip through (man 2 kill, pid -1).
void kill_user(uid_t uid) {
  const pid_t child = fork();
  if (child == 0) {
    if (setresuid(uid, uid, uid) == 0) kill(-1, SIGKILL);
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
}

}  // namespace

SlotProcess::~SlotProcess() {
  kill_now();
  reap();
}

void SlotProcess::kill_now() const {
  if (!reaped_) kill(pid_, SIGKILL);
}

const rusage& SlotProcess::reap() {
  while (!reaped_) {
    if (wait4(pid_, &status_, 0, &usage_) == pid_ || errno != EINTR) {
      reaped_ = true;
      if (bare_) sweep();
    }
  }
  return usage_;
}

void SlotProcess::sweep() {
  const auto end = std::chrono::steady_clock::now() + kSweepPatience;
  while (!escaped_) {
    if (bare_->own_uid != 0) kill_user(bare_->own_uid);
    for (const pid_t child : own_children()) kill(child, SIGKILL);
    pid_t ended = 0;
    do {
      ended = waitpid(-1, nullptr, WNOHANG);
    } while (ended > 0);
    if (ended < 0 && errno == ECHILD) return;
    usleep(kSweepStep);
    escaped_ = std::chrono::steady_clock::now() > end;
  }
}

}  // namespace remit::sandbox
