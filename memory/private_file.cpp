#include "memory/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fs.h"

namespace remit::memory {

Result<std::optional<std::string>> read_private(const State& state, const char* name,
                                                std::size_t most, const char* what,
                                                const char* remedy) {
  const Fd fd(
      ::openat(state.directory_fd().get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::optional<std::string>();
    return fail_errno(errno, std::string("read ") + what);
  }
  TRY(const struct stat st, fs::stat_of(fd));
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 0077) != 0)
    return fail(ErrorKind::denied,
                std::string(what) + " in the state directory is open to others; " + remedy);
  TRY(std::string text, fs::read_all(fd, most));
  return std::optional<std::string>(std::move(text));
}

}  // namespace remit::memory
