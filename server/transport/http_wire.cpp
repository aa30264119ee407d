#include "server/transport/http_wire.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/limits.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 16u << 10;  // one recv(2)
constexpr std::size_t kOutputKept = 64u << 10;

milliseconds left_until(SteadyClock::time_point deadline) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now()));
}

// poll() until an event or the deadline; the number of descriptors with events, 0 for none.
template <std::size_t N>
int poll_for(std::array<pollfd, N>& watched, milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  for (;;) {
    const int got = ::poll(watched.data(), N, static_cast<int>(left_until(deadline).count()));
    if (got >= 0 || errno != EINTR) return got;
  }
}

}  // namespace

Wake::Wake() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wake::ring() const {
  const std::uint64_t one = 1;
  // It can only fail when it is rung already.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Wake::quiet() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
}

HttpWire::HttpWire(Fd socket, int drain) : socket_(std::move(socket)), drain_(drain) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
  ::fcntl(socket_.get(), F_SETFD, FD_CLOEXEC);
  const int yes = 1;  // without it a response in two segments waits 40 ms for the peer's ACK
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

HttpWire::~HttpWire() = default;

bool HttpWire::fill(milliseconds timeout) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ < kPiece) {
    if (begin_ > 0) {
      buffer_.erase(0, begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() - end_ < kPiece) buffer_.resize(end_ + kPiece);
  }
  const auto deadline = SteadyClock::now() + timeout;
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got == 0) return false;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    std::array<pollfd, 1> watched = {{{socket_.get(), POLLIN, 0}}};
    if (poll_for(watched, left_until(deadline)) <= 0) return false;
  }
}

bool HttpWire::wait_request(milliseconds idle) {
  if (has_input()) return true;
  std::array<pollfd, 2> watched = {{{socket_.get(), POLLIN, 0}, {drain_, POLLIN, 0}}};
  if (poll_for(watched, idle) <= 0 || watched[1].revents != 0) return false;
  return fill(milliseconds(0));
}

std::variant<Head, Refusal, HttpWire::Gone> HttpWire::read_head() {
  const auto deadline = SteadyClock::now() + limits::kHttpHeadTime;
  std::size_t seen = 0;
  for (;;) {
    const std::string_view text = input();
    const std::size_t end = find_head_end(text, seen);
    if (end == std::string_view::npos)
      return Refusal{400, "bad request: a malformed line in the head"};
    if (end == 0 ? text.size() > limits::kHttpHeadBytes : end > limits::kHttpHeadBytes)
      return Refusal{431, "the head of a request has at most " +
                              std::to_string(limits::kHttpHeadBytes) + " bytes"};
    if (end > 0) {
      auto parsed = parse_head(text.substr(0, end));
      begin_ += end;
      if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
      begin_body(std::get<Head>(parsed));
      return std::move(std::get<Head>(parsed));
    }
    seen = text.size();
    if (!fill(left_until(deadline))) {
      if (left_until(deadline) == milliseconds(0))
        return Refusal{408, "the head of the request took too long"};
      return Gone::closed;
    }
  }
}

void HttpWire::begin_body(const Head& head) {
  framing_ = head.framing;
  left_ = head.length;
  chunks_ = ChunkDecoder();
  body_done_ = framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
  continue_due_ = head.expects_continue && !body_done_;
  body_deadline_ = SteadyClock::now() + limits::kHttpBodyTime;
}

std::ptrdiff_t HttpWire::read_body(char* to, std::size_t size) {
  if (body_done_) return 0;
  if (std::exchange(continue_due_, false) && !has_input()) {
    write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!flush()) return -1;
  }
  for (;;) {
    if (has_input()) {
      if (framing_ == Framing::length) {
        const std::size_t take = std::min<std::size_t>({size, end_ - begin_, left_});
        std::copy_n(buffer_.data() + begin_, take, to);
        begin_ += take;
        left_ -= take;
        body_done_ = left_ == 0;
        return static_cast<std::ptrdiff_t>(take);
      }
      std::string_view rest = input();
      std::size_t written = 0;
      const ChunkDecoder::State state = chunks_.next(rest, to, size, written);
      begin_ = end_ - rest.size();
      if (state == ChunkDecoder::State::bad) return -1;
      body_done_ = state == ChunkDecoder::State::done;
      if (written > 0 || body_done_) return static_cast<std::ptrdiff_t>(written);
      continue;
    }
    const milliseconds whole = left_until(body_deadline_);
    if (!fill(std::min(whole, limits::kHttpReadWait))) return -1;
  }
}

void HttpWire::write(std::string_view text) {
  if (broken_) return;
  if (text.size() > kOutputKept) {  // not copied: the client may take its time to read it
    if (flush()) send_all(text);
    return;
  }
  output_ += text;
  if (output_.size() > kOutputKept) flush();
}

bool HttpWire::flush() {
  if (broken_ || output_.empty()) return !broken_;
  send_all(output_);
  output_.clear();
  if (output_.capacity() > kOutputKept) output_.shrink_to_fit();
  return !broken_;
}

void HttpWire::send_all(std::string_view text) {
  const auto deadline = SteadyClock::now() + limits::kHttpWriteTime;
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t sent = ::send(socket_.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent > 0) {
      at += static_cast<std::size_t>(sent);
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    std::array<pollfd, 1> watched = {{{socket_.get(), POLLOUT, 0}}};
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) &&
        poll_for(watched, left_until(deadline)) > 0)
      continue;
    broken_ = true;
    return;
  }
}

HttpWire::Woken HttpWire::wait(const Wake& wake, bool until_drain, milliseconds timeout) {
  return wait(wake, until_drain, timeout, -1, 0);
}

HttpWire::Woken HttpWire::wait(const Wake& wake, bool until_drain, milliseconds timeout, int other,
                               short events) {
  std::array<pollfd, 4> watched = {{{wake.fd(), POLLIN, 0},
                                    {socket_.get(), POLLRDHUP, 0},
                                    {until_drain ? drain_ : -1, POLLIN, 0},
                                    {other, events, 0}}};
  if (poll_for(watched, timeout) <= 0) return Woken::timeout;
  if (watched[3].revents != 0) return Woken::other;
  if (watched[0].revents != 0) {
    wake.quiet();
    return Woken::rung;
  }
  return watched[1].revents != 0 ? Woken::peer_gone : Woken::draining;
}

void HttpWire::linger() {
  flush();
  ::shutdown(socket_.get(), SHUT_WR);
  const auto deadline = SteadyClock::now() + limits::kHttpLinger;
  while (left_until(deadline) > milliseconds(0)) {
    begin_ = end_ = 0;
    if (!fill(left_until(deadline))) break;
  }
}

}  // namespace remit::transport
