#include "server/transport/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/resident.h"
#include "server/transport/hangup.h"
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

constexpr std::uint32_t kInput = EPOLLIN | EPOLLRDHUP | EPOLLET;

// What an epoll event is about.
enum class Source : std::uint64_t { signals, wake, leave, output, input };

// The two threads that wait at the pipe (stdio.h). Both run attend(); whoever finds the end first
// runs finish() and the other one leaves.
class StdioServer {
 public:
  StdioServer(ProtocolPipe pipe, mcp::Server& server, std::function<void()> on_reload)
      : pipe_(std::move(pipe)),
        server_(server),
        on_reload_(std::move(on_reload)),
        outbox_(pipe_.out, pipe_.out_waits, server.held_bytes().unread()),
        connection_(server, outbox_),
        lines_(limits::kFrameBytes) {
    const sigset_t set = watched_signals();
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    leave_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    events_.reset(::epoll_create1(EPOLL_CLOEXEC));
    waiting_ = watch(EPOLL_CTL_ADD, signals_.get(), EPOLLIN, Source::signals) &&
               watch(EPOLL_CTL_ADD, leave_.get(), EPOLLIN, Source::leave) &&
               watch(EPOLL_CTL_ADD, outbox_.wake_fd(), EPOLLIN, Source::wake);
    // A file or /dev/null cannot be waited for: as input it is always ready and read in between, as
    // output it has always room.
    if (!watch(EPOLL_CTL_ADD, pipe_.in.get(), kInput, Source::input)) {
      always_ready_ = errno == EPERM;
      waiting_ = waiting_ && always_ready_;
    }
    if (!watch(EPOLL_CTL_ADD, pipe_.out.get(), EPOLLONESHOT, Source::output))
      waiting_ = waiting_ && errno == EPERM;
  }

  int run() {
    if (!waiting_) log::error("stdin and stdout cannot be waited for; ending");
    // The parent may have died before take_stdio() asked to be told.
    if (!waiting_ || parent_gone()) {
      end(End::asked);
    } else {
      attend();
    }
    if (second_.joinable()) second_.join();
    return 0;
  }

 private:
  bool parent_gone() const { return ::getppid() != pipe_.parent; }

  bool watch(int operation, int fd, std::uint32_t events, Source source) const {
    epoll_event event{events, {.u64 = static_cast<std::uint64_t>(source)}};
    return ::epoll_ctl(events_.get(), operation, fd, &event) == 0;
  }

  // --- the threads at the pipe ---

  void attend() {
    while (!ended_) {
      std::array<epoll_event, 5> ready;
      const int wait = always_ready_ ? 0 : rested_ ? -1 : static_cast<int>(kStartRest.count());
      const int count =
          ::epoll_wait(events_.get(), ready.data(), static_cast<int>(ready.size()), wait);
      if (count < 0 && errno != EINTR) return end(End::asked);
      if (count == 0 && !always_ready_ && !rested_.exchange(true)) give_back_start_memory();
      // Signals and the outbox before input, so that a flood of input starves neither.
      bool input = always_ready_, closed = false;
      for (int i = 0; i < count; ++i) {
        switch (static_cast<Source>(ready[static_cast<std::size_t>(i)].data.u64)) {
          case Source::signals:
            if (on_signals() == End::asked) return end(End::asked);
            break;
          case Source::wake:
            outbox_.drain_wake();
            watch_output();
            break;
          case Source::output:
            outbox_.write_more();
            watch_output();
            break;
          case Source::input:
            input = true;
            closed = (ready[static_cast<std::size_t>(i)].events & ~std::uint32_t{EPOLLIN}) != 0;
            break;
          case Source::leave:
            return;
        }
      }
      if (outbox_.broken()) return end(End::asked);
      if (!input) continue;
      if (const End found = on_input(closed); found != End::no) return end(found);
    }
  }

  // Asks to be told, once, of room in the pipe if something waits for it.
  void watch_output() const {
    if (!outbox_.has_backlog()) return;
    watch(EPOLL_CTL_MOD, pipe_.out.get(), EPOLLOUT | EPOLLONESHOT, Source::output);
  }

  End on_signals() {
    const std::lock_guard held(signals_mutex_);
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == parent_signal() && !parent_gone()) continue;
      if (signal == SIGHUP && on_reload_ && !is_hangup(info)) {
        on_reload_();
        continue;
      }
      if (signal != parent_signal() && ++signals_seen_ > 1) ::_exit(1);  // the second one
      asked_ = true;
    }
    return asked_ ? End::asked : End::no;
  }

  // Reads once and handles every frame. The last one's work is done here if the other thread is
  // free to read meanwhile, and by the pool otherwise.
  End on_input(bool closed) {
    std::unique_lock reading(reading_);
    mcp::Work work;
    const End found = read_frames(work, closed);
    if (!work) return found;
    if (found != End::no || busy_ || !have_second()) {
      connection_.hand_over(work);
      return found;
    }
    busy_ = true;
    reading.unlock();
    // No lock is needed to be free again: the other thread holds it when the next request is there,
    // and a wait for it would cost more than that request. `work` outlives the answer, so that the
    // end of the server waits for both.
    StdioOutbox::Late answer(outbox_);
    mcp::Connection::run(work);
    busy_ = false;
    answer.let_go();
    return End::no;
  }

  // `closed`: the other end is gone, so that the end of input follows what is there.
  End read_frames(mcp::Work& work, bool closed) {
    const LineReader::Room room = lines_.room();
    const ssize_t got = read_some(room);
    if (got < 0) return errno == EAGAIN ? End::no : End::input_ended;
    std::string_view line;
    if (got == 0) {
      if (lines_.rest(line) == LineReader::Got::line) connection_.receive(line);
      return End::input_ended;
    }
    lines_.received(static_cast<std::size_t>(got));
    // Whatever may be left is reported anew: an edge-triggered event tells of a change only.
    if ((static_cast<std::size_t>(got) == room.size || closed) && !always_ready_)
      watch(EPOLL_CTL_MOD, pipe_.in.get(), kInput, Source::input);
    for (;;) {
      switch (lines_.next(line)) {
        case LineReader::Got::nothing:
          return End::no;
        case LineReader::Got::oversize:
          connection_.oversize();
          break;
        case LineReader::Got::line:
          connection_.hand_over(std::exchange(work, nullptr));
          work = connection_.take(line);
          break;
      }
    }
  }

  // The event may be the other thread's, who has read everything: never waits.
  ssize_t read_some(const LineReader::Room& room) const {
    for (;;) {
      if (pipe_.in_waits && !pipe_.in_socket && !always_ready_) {
        pollfd ready{pipe_.in.get(), POLLIN, 0};
        if (::poll(&ready, 1, 0) <= 0) {
          errno = EAGAIN;
          return -1;
        }
      }
      const ssize_t got = pipe_.in_socket ? ::recv(pipe_.in.get(), room.at, room.size, MSG_DONTWAIT)
                                          : ::read(pipe_.in.get(), room.at, room.size);
      if (got >= 0 || errno != EINTR) return got;
    }
  }

  // Under reading_. Made with the first work, so that a server that is only asked for its list has
  // one thread.
  bool have_second() {
    if (always_ready_) return false;
    if (second_.joinable()) return true;
    try {
      second_ = std::thread([this] {
        try {
          attend();
        } catch (...) {
          log::error("the second reader failed; ending");
          end(End::asked);
        }
      });
    } catch (const std::system_error&) {
      return false;  // none to be had now
    }
    return true;
  }

  // --- the end ---

  // Ends serving, once; at its return no call is at work, or the process has ended.
  void end(End why) {
    if (ended_.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(leave_.get(), &one, sizeof one);
    finish(why);
  }

  // Handles signals and unwritten replies until `done` or the deadline; true if done.
  template <class Done>
  bool turn_until(SteadyTime deadline, Done done) {
    constexpr int kLook = 5;  // ms between two looks at handlers, which have no descriptor to poll
    while (!done()) {
      if (std::chrono::steady_clock::now() >= deadline || outbox_.broken()) return done();
      std::array<pollfd, 3> watched = {
          {{signals_.get(), POLLIN, 0},
           {outbox_.wake_fd(), POLLIN, 0},
           {outbox_.has_backlog() ? pipe_.out.get() : -1, POLLOUT, 0}}};
      if (::poll(watched.data(), watched.size(), kLook) < 0) continue;
      if (watched[0].revents != 0) on_signals();
      if (watched[1].revents != 0) outbox_.drain_wake();
      if (watched[2].revents != 0) outbox_.write_more();
    }
    return true;
  }

  void finish(End why) {
    const SteadyTime start = std::chrono::steady_clock::now();
    const auto idle = [&] { return connection_.idle(); };
    if (why == End::input_ended) turn_until(start + limits::kEofGrace, idle);
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
    if (quiet && server_.wait_tasks(std::max(left, milliseconds(0)))) return;
    log::warning("calls did not stop in time; ending the process");
    ::_exit(0);
  }

  ProtocolPipe pipe_;
  mcp::Server& server_;
  const std::function<void()> on_reload_;
  Fd signals_, leave_, events_;
  bool waiting_ = false;       // the descriptors can be waited for
  bool always_ready_ = false;  // input that needs no waiting
  StdioOutbox outbox_;
  mcp::Connection connection_;

  std::mutex reading_;  // held while input is read and cut into frames; guards the next two
  LineReader lines_;
  std::thread second_;              // made by the first one; joined by run()
  std::atomic<bool> busy_ = false;  // a thread of the two does a request's work; set under reading_

  std::mutex signals_mutex_;  // both threads may read signals; guards on_reload_ and the next two
  bool asked_ = false;        // by a signal
  int signals_seen_ = 0;

  std::atomic<bool> ended_ = false, rested_ = false;
};

// A description of our own for the client's pipe, so that O_NONBLOCK does not change the one that
// the client or a sibling may share.
Fd reopen_nonblocking(int fd, int access) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
    return Fd();
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
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
  pipe.in_socket = is_socket(0);
  pipe.in = reopen_nonblocking(0, O_RDONLY);
  pipe.in_waits = !pipe.in;
  if (!pipe.in) pipe.in.reset(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  pipe.out = reopen_nonblocking(1, O_WRONLY);
  pipe.out_waits = !pipe.out;
  if (!pipe.out) pipe.out.reset(::fcntl(1, F_DUPFD_CLOEXEC, 3));
  ::dup2(2, 1);
  if (const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC); null >= 0) {
    ::dup2(null, 0);
    ::close(null);
  }
  return pipe;
}

int serve_stdio(ProtocolPipe pipe, mcp::Server& server, std::function<void()> on_reload) {
  StdioServer stdio(std::move(pipe), server, std::move(on_reload));
  return stdio.run();
}

}  // namespace remit::transport
