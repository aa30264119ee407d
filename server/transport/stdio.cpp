#include "server/transport/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/limits.h"
#include "base/log.h"
#include "server/transport/line_reader.h"
#include "server/transport/stdio_outbox.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// The parent's death has a signal of its own: the kernel sends it already when the thread that
// started us ends, and then the parent may well live on.
int parent_signal() {
  return SIGRTMIN + 3;
}

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, parent_signal()}) ::sigaddset(&set, signal);
  return set;
}

// Why serving ends. `input_ended` alone lets short calls finish first.
enum class End { no, input_ended, asked };

class StdioServer {
 public:
  StdioServer(ProtocolPipe pipe, mcp::Server& server, const StdioOptions& options)
      : pipe_(std::move(pipe)),
        server_(server),
        options_(options),
        outbox_(pipe_.out, pipe_.out_waits),
        connection_(server, outbox_),
        lines_(limits::kFrameBytes) {
    const sigset_t set = watched_signals();
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int run() {
    // The parent may have died before take_stdio() asked to be told.
    End end = parent_gone() ? End::asked : End::no;
    while (end == End::no) end = turn(true, -1);
    return finish(end);
  }

 private:
  bool parent_gone() const { return ::getppid() != pipe_.parent; }

  // Waits for and handles what comes; `reading`: input counts.
  End turn(bool reading, int timeout_ms) {
    // Order: signals and the outbox before input, so that a flood of input starves neither.
    std::array<pollfd, 4> watched = {{{signals_.get(), POLLIN, 0},
                                      {outbox_.wake_fd(), POLLIN, 0},
                                      {reading ? pipe_.in.get() : -1, POLLIN, 0},
                                      {outbox_.has_backlog() ? pipe_.out.get() : -1, POLLOUT, 0}}};
    if (::poll(watched.data(), watched.size(), timeout_ms) < 0)
      return errno == EINTR ? End::no : End::asked;
    if (watched[0].revents != 0 && on_signals() == End::asked) return End::asked;
    if (watched[1].revents != 0) outbox_.drain_wake();
    if (watched[3].revents != 0) outbox_.write_more();
    if (outbox_.broken()) return End::asked;
    if (watched[2].revents != 0) return on_input();
    return End::no;
  }

  End on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == parent_signal() && !parent_gone()) continue;
      if (signal == SIGHUP && options_.on_reload) {
        options_.on_reload();
        continue;
      }
      if (signal != parent_signal() && ++signals_seen_ > 1) ::_exit(1);  // the second one
      asked_ = true;
    }
    return asked_ ? End::asked : End::no;
  }

  End on_input() {
    const LineReader::Room room = lines_.room();
    const ssize_t got = ::read(pipe_.in.get(), room.at, room.size);
    if (got < 0) return errno == EINTR || errno == EAGAIN ? End::no : End::input_ended;
    std::string_view line;
    if (got == 0) {
      if (lines_.rest(line) == LineReader::Got::line) connection_.receive(line);
      return End::input_ended;
    }
    lines_.received(static_cast<std::size_t>(got));
    for (;;) {
      switch (lines_.next(line)) {
        case LineReader::Got::nothing:
          return End::no;
        case LineReader::Got::oversize:
          connection_.oversize();
          break;
        case LineReader::Got::line:
          connection_.receive(line);
          break;
      }
    }
  }

  // Handles signals and unwritten replies until `done` or the deadline; true if done.
  template <class Done>
  bool turn_until(SteadyTime deadline, Done done) {
    constexpr int kLook = 5;  // ms between two looks at handlers, which have no descriptor to poll
    while (!done()) {
      if (std::chrono::steady_clock::now() >= deadline || outbox_.broken()) return done();
      turn(false, kLook);
    }
    return true;
  }

  int finish(End end) {
    const SteadyTime start = std::chrono::steady_clock::now();
    const auto idle = [&] { return connection_.idle(); };
    if (end == End::input_ended) turn_until(start + limits::kEofGrace, idle);
    connection_.stop();
    server_.stop_tasks();
    const SteadyTime deadline = start + limits::kShutdownWithTools - milliseconds(150);
    // A broken pipe leaves nothing to write, but handlers still wind down.
    bool quiet = turn_until(deadline, idle);
    if (!quiet) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
      quiet = left.count() > 0 && connection_.wait_idle(left);
    }
    turn_until(std::chrono::steady_clock::now() + milliseconds(100),
               [&] { return !outbox_.has_backlog(); });
    // Its client is gone, so a task has nobody left to ask for it: its record says so.
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (quiet && server_.wait_tasks(std::max(left, milliseconds(0)))) return 0;
    log::warning("calls did not stop in time; ending the process");
    ::_exit(0);
  }

  ProtocolPipe pipe_;
  mcp::Server& server_;
  const StdioOptions& options_;
  Fd signals_;
  StdioOutbox outbox_;
  mcp::Connection connection_;
  LineReader lines_;
  bool asked_ = false;  // by a signal
  int signals_seen_ = 0;
};

// A description of our own for the client's pipe, so that O_NONBLOCK does not change the one that
// the client or a sibling may share.
Fd reopen_nonblocking(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
    return Fd();
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

ProtocolPipe take_stdio() {
  ProtocolPipe pipe;
  pipe.parent = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, parent_signal());
  const sigset_t set = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);

  // A process started with a closed descriptor must not have our files land on 0, 1 or 2.
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR))
    if (fd > 2) {
      ::close(fd);
      break;
    }
  pipe.in.reset(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  pipe.out = reopen_nonblocking(1);
  pipe.out_waits = !pipe.out;
  if (!pipe.out) pipe.out.reset(::fcntl(1, F_DUPFD_CLOEXEC, 3));
  ::dup2(2, 1);
  if (const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC); null >= 0) {
    ::dup2(null, 0);
    ::close(null);
  }
  return pipe;
}

void restore_signals() {
  const sigset_t set = watched_signals();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &usual, nullptr);
}

int serve_stdio(ProtocolPipe pipe, mcp::Server& server, const StdioOptions& options) {
  StdioServer stdio(std::move(pipe), server, options);
  return stdio.run();
}

}  // namespace remit::transport
