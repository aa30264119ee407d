#include "memory/postgres_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "memory/postgres_limits.h"

namespace remit::memory {

Result<std::vector<Fd>> start_keeper(const std::string& program, const PostgresUrl& url) {
  constexpr std::size_t kChannels = limits::kPostgresReaders + limits::kPostgresWriters + 1;
  if (::access(program.c_str(), X_OK) != 0) {
    return fail(ErrorKind::unavailable, "cannot run " + escape_ascii(program) +
                                            ", the part of Remit that speaks to PostgreSQL: " +
                                            errno_error(errno, "run it").message);
  }
  std::vector<Fd> near, far;
  std::string numbers;
  for (std::size_t n = 0; n < kChannels; ++n) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return fail_errno(errno, "make a channel to PostgreSQL's keeper");
    near.emplace_back(ends[0]);
    far.emplace_back(ends[1]);
    numbers += (n > 0 ? "," : "") + std::to_string(ends[1]);
  }
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail_errno(errno, "open /dev/null");
  std::string name = "remit-postgres", place = url.text;
  char* const words[] = {name.data(), place.data(), numbers.data(), nullptr};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "start PostgreSQL's keeper");
  if (child > 0) return near;
  // Nothing but system calls from here on.
  ::setsid();
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  for (const Fd& one : far) ::fcntl(one.get(), F_SETFD, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) ::execv(program.c_str(), words);
  ::_exit(3);
}

}  // namespace remit::memory
