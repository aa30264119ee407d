#include "server/transport/stdio_outbox.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace remit::transport {
namespace {

thread_local StdioOutbox::Late* late_of_this_thread = nullptr;

constexpr std::size_t kAtomicWrite = 4096;  // PIPE_BUF: what a writable pipe always takes whole

}  // namespace

bool is_socket(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

StdioOutbox::StdioOutbox(const Fd& out, bool waits, mcp::HeldBytes::Unread unread)
    : out_(out.get()),
      waits_(waits),
      socket_(is_socket(out.get())),
      unread_(std::move(unread)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool StdioOutbox::write_some(const std::string& text, std::size_t& at) const {
  while (at < text.size()) {
    std::size_t size = text.size() - at;
    if (waits_ && !socket_) {
      pollfd ready{out_, POLLOUT, 0};
      if (::poll(&ready, 1, 0) <= 0) return true;
      size = std::min(size, kAtomicWrite);
    }
    const ssize_t written = socket_
                                ? ::send(out_, text.data() + at, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(out_, text.data() + at, size);
    if (written > 0) {
      at += static_cast<std::size_t>(written);
    } else if (written < 0 && errno == EINTR) {
      continue;
    } else {
      return written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
  }
  return true;
}

void StdioOutbox::send(std::string message) {
  message += '\n';
  bool given_up = false;
  {
    const std::lock_guard held(mutex_);
    if (broken_) return;
    std::size_t at = 0;
    if (backlog_.empty()) {
      broken_ = !write_some(message, at);
      if (!broken_ && at == message.size()) return;
    }
    if (!broken_) {
      if (backlog_.empty()) first_at_ = at;
      bytes_ += message.size() - at;
      *unread_ += message.size() - at;
      backlog_.push_back(std::move(message));
      given_up = broken_ = bytes_ > limits::kOutboxMaxBytes;
    }
  }
  wake();
  if (given_up) log::error("the client reads no replies; ending");
}

StdioOutbox::Late::Late(StdioOutbox& outbox) : outbox_(outbox) {
  late_of_this_thread = this;
}

void StdioOutbox::Late::let_go() {
  late_of_this_thread = nullptr;
  if (auto kept = std::exchange(answer_, std::nullopt)) outbox_.send(std::move(*kept));
}

void StdioOutbox::answer(std::string message, mcp::Step /*step*/) {
  Late* const late = late_of_this_thread;
  if (late == nullptr || &late->outbox_ != this || late->answer_) return send(std::move(message));
  late->answer_ = std::move(message);
}

bool StdioOutbox::wait_for_room(std::stop_token stop) {
  std::unique_lock held(mutex_);
  if (bytes_ < limits::kOutboxBytes && !broken_) return true;
  room_.wait(held, stop, [&] { return bytes_ < limits::kOutboxBytes || broken_; });
  return !stop.stop_requested() && !broken_;
}

bool StdioOutbox::has_backlog() const {
  const std::lock_guard held(mutex_);
  return !backlog_.empty() && !broken_;
}

bool StdioOutbox::broken() const {
  const std::lock_guard held(mutex_);
  return broken_;
}

void StdioOutbox::write_more() {
  {
    const std::lock_guard held(mutex_);
    while (!backlog_.empty() && !broken_) {
      const std::size_t before = first_at_;
      broken_ = !write_some(backlog_.front(), first_at_);
      bytes_ -= first_at_ - before;
      *unread_ -= first_at_ - before;
      if (first_at_ < backlog_.front().size()) break;
      backlog_.pop_front();
      first_at_ = 0;
    }
  }
  room_.notify_all();
}

void StdioOutbox::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void StdioOutbox::drain_wake() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
}

}  // namespace remit::transport
