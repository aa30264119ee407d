#include "tools/sandbox/follow.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "tools/sandbox/channel.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/slot.h"
#include "tools/sandbox/supervisor.h"

namespace remit::sandbox {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kFollowBytes = 64u << 10;
constexpr milliseconds kDrainPatience{1000};  // every writer is dead when the outcome arrives

enum class Ending { none, wall, idle, cancelled };

class Following {
 public:
  Following(RunEnds ends, const policy::SpawnLimits& limits, const policy::OutputSink& sink)
      : ends_(std::move(ends)), limits_(limits), sink_(sink), buffer_(kFollowBytes, '\0') {}

  Result<RunResult> to_the_end(const Fd& cancelled) {
    started_ = last_output_ = Clock::now();
    while (!answered_ || ends_.out || ends_.err) {
      std::array<pollfd, 4> wanted{
          pollfd{ends_.out.get(), POLLIN, 0}, pollfd{ends_.err.get(), POLLIN, 0},
          pollfd{answered_ ? -1 : ends_.socket.get(), POLLIN, 0},
          pollfd{ending_ == Ending::none ? cancelled.get() : -1, POLLIN, 0}};
      if (poll(wanted.data(), wanted.size(), time_left()) < 0 && errno != EINTR)
        return fail_errno(errno, "wait for a command");
      // Output before the outcome, so that what was written last is not lost to a kill.
      if (wanted[0].revents != 0) drain(ends_.out, policy::Stream::out);
      if (wanted[1].revents != 0) drain(ends_.err, policy::Stream::err);
      if (wanted[2].revents != 0) TRY_DO(take_answer());
      if (wanted[3].revents != 0) end(Ending::cancelled);
      TRY_DO(look_at_clock());
    }
    policy::SpawnOutcome& outcome = result_.outcome;
    outcome.cancelled = ending_ == Ending::cancelled;
    outcome.timed_out = ending_ == Ending::wall || ending_ == Ending::idle;
    if (outcome.timed_out) outcome.limit = ending_ == Ending::wall ? "wall" : "idle";
    return std::move(result_);
  }

 private:
  int time_left() const {
    const auto now = Clock::now();
    milliseconds left = milliseconds::max();
    const auto until = [&](Clock::time_point when) {
      left = std::min(left, std::chrono::ceil<milliseconds>(when - now));
    };
    if (answered_) {
      until(answered_at_ + kDrainPatience);
    } else if (ending_ != Ending::none) {
      until(ended_at_ + kKillPatience);
    } else {
      until(started_ + limits_.wall);
      if (limits_.idle.count() > 0) until(last_output_ + limits_.idle);
    }
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  Result<void> look_at_clock() {
    const auto now = Clock::now();
    if (answered_) {
      if (now >= answered_at_ + kDrainPatience && (ends_.out || ends_.err))
        return fail(ErrorKind::internal, "a process of the command outlived its slot");
    } else if (ending_ != Ending::none) {
      if (now >= ended_at_ + kKillPatience)
        return fail(ErrorKind::unavailable, "the sandbox does not answer after a kill");
    } else if (now >= started_ + limits_.wall) {
      end(Ending::wall);
    } else if (limits_.idle.count() > 0 && now >= last_output_ + limits_.idle) {
      end(Ending::idle);
    }
    return {};
  }

  void end(Ending why) {
    // A run that has its answer has ended by itself.
    if (ending_ != Ending::none || answered_) return;
    ending_ = why;
    ended_at_ = Clock::now();
    // A supervisor that is gone already is seen at the socket.
    static_cast<void>(send_message(ends_.socket.get(), kKill, ""));
  }

  void drain(Fd& pipe, policy::Stream stream) {
    const ssize_t got = read(pipe.get(), buffer_.data(), buffer_.size());
    if (got > 0) {
      last_output_ = Clock::now();
      if (sink_) sink_(stream, std::string_view(buffer_).substr(0, static_cast<std::size_t>(got)));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      pipe.reset();
    }
  }

  Result<void> take_answer() {
    TRY(auto message, receive_message(ends_.socket.get()));
    if (!message)
      return fail(ErrorKind::unavailable, "the sandbox process of this command died", {},
                  "sandbox_unavailable");
    if (message->kind == kFailed) return tl::unexpected<Error>(decode_error(message->body));
    if (message->kind != kOutcome || message->fds.size() != 1)
      return fail(ErrorKind::internal, "unexpected message from a supervisor");
    TRY(const std::string bytes, read_sealed(message->fds[0], kOutcomeBytes));
    TRY(result_, decode_result(bytes));
    answered_ = true;
    answered_at_ = Clock::now();
    return {};
  }

  RunEnds ends_;
  const policy::SpawnLimits& limits_;
  const policy::OutputSink& sink_;
  std::string buffer_;
  Clock::time_point started_, last_output_, ended_at_, answered_at_;
  Ending ending_ = Ending::none;
  bool answered_ = false;
  RunResult result_;
};

}  // namespace

Result<std::pair<RunEnds, RunFarEnds>> make_run_ends() {
  TRY(auto socket, datagram_pair());
  TRY(auto out, make_pipe(0));
  TRY(auto err, make_pipe(0));
  for (const Fd* end : {&out.first, &err.first})
    if (fcntl(end->get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "set up a pipe");
  return std::pair{
      RunEnds{std::move(socket.first), std::move(out.first), std::move(err.first)},
      RunFarEnds{std::move(socket.second), std::move(out.second), std::move(err.second)}};
}

Result<RunResult> follow(RunEnds ends, const policy::SpawnLimits& limits,
                         const policy::OutputSink& sink, const std::stop_token& stop) {
  const Fd cancelled(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!cancelled) return fail_errno(errno, "make an event descriptor");
  const std::stop_callback on_stop(stop, [&cancelled] { eventfd_write(cancelled.get(), 1); });
  return Following(std::move(ends), limits, sink).to_the_end(cancelled);
}

}  // namespace remit::sandbox
