#include "server/front/relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/limits.h"
#include "base/text.h"
#include "server/limits.h"
#include "server/transport/http_auth.h"

namespace remit::front {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 16u << 10;                // one recv(2)
constexpr milliseconds kLook = std::chrono::minutes{1};  // nothing hangs on it

// What a worker needs to know of a request. Host, Origin, Authorization and cookies are the
// front's; a body is framed anew.
bool is_for_worker(std::string_view name) {
  return name.starts_with("mcp-") || name == "accept" || name == "content-type" ||
         name == "last-event-id";
}
bool is_for_client(std::string_view name) {
  return name == "mcp-session-id" || name == "retry-after" || name == "allow";
}

template <class Number>
bool parse_number(std::string_view text, Number& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string worker_request(const transport::Head& head, const Destination& to,
                           std::size_t body_bytes) {
  std::string out = head.method + " /mcp HTTP/1.1\r\nHost: localhost\r\n";
  out += std::string(transport::kPrincipalField) + ": " + to.principal + "\r\n";
  for (const auto& [name, value] : head.fields)
    if (is_for_worker(name)) out += name + ": " + value + "\r\n";
  if (head.method == "POST") out += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  return out + "\r\n";
}

std::optional<WorkerHead> parse_worker_head(std::string_view text) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  constexpr std::size_t kStatusDigits = 3;
  constexpr int kLeastStatus = 200, kMostStatus = 599;
  WorkerHead out;
  bool status_line = true, framed = false;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    if (std::any_of(line.begin(), line.end(), [](char c) {
          return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
        }))
      return std::nullopt;
    if (std::exchange(status_line, false)) {
      if (!line.starts_with(kVersion) ||
          !parse_number(line.substr(kVersion.size(), kStatusDigits), out.status) ||
          out.status < kLeastStatus || out.status > kMostStatus)
        return std::nullopt;
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string name = lower_ascii(line.substr(0, colon));
    const std::string_view value = transport::trimmed(line.substr(colon + 1));
    if (name == "content-length") {
      if (std::exchange(framed, true) || !parse_number(value, out.length)) return std::nullopt;
    } else if (name == "transfer-encoding") {
      if (std::exchange(framed, true) || value != "chunked") return std::nullopt;
      out.framing = transport::Framing::chunked;
    } else if (name == "content-type") {
      out.type = value;
    } else if (name == "connection") {
      out.keep_alive = lower_ascii(value) != "close";
    } else if (is_for_client(name)) {
      out.fields.emplace_back(name, value);
    }
  }
  if (status_line || !framed) return std::nullopt;
  return out;
}

Relay::Ready Relay::wait(short events) {
  while (!over_) {
    const auto now = SteadyClock::now();
    const auto left =
        drain_deadline_
            ? std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*drain_deadline_ - now))
            : kLook;
    switch (turn_.wire.wait(turn_.wake, !drain_deadline_, left, socket_.get(), events)) {
      case transport::HttpWire::Woken::other:
        return Ready::yes;
      case transport::HttpWire::Woken::rung:
        over_ = !allowed_();
        break;
      case transport::HttpWire::Woken::peer_gone:
        over_ = true;
        break;
      case transport::HttpWire::Woken::draining:
        drain_deadline_ = now + limits::kHttpDrainTime;
        break;
      case transport::HttpWire::Woken::timeout:
        over_ = drain_deadline_.has_value();
        break;
    }
  }
  return Ready::over;
}

bool Relay::send_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (wait(POLLOUT) == Ready::over) return false;
    } else if (sent < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::ptrdiff_t Relay::receive() {
  const std::size_t before = input_.size();
  input_.resize(before + kPiece);
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), input_.data() + before, kPiece, 0);
    input_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got >= 0) return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait(POLLIN) == Ready::over) return -2;
    } else if (errno != EINTR) {
      return -1;
    }
    input_.resize(before + kPiece);
  }
}

Relay::Asked Relay::ask(std::string_view request, std::string_view body) {
  // A worker that refuses a body answers before it has read it.
  const bool sent = send_all(request) && send_all(body);
  if (over_) return Asked::over;
  for (std::size_t end = 0;;) {
    end = input_.find("\r\n\r\n");
    if (end != std::string::npos) {
      auto head = parse_worker_head(std::string_view(input_).substr(0, end + 4));
      if (!head) return Asked::gone;
      head_ = std::move(*head);
      left_ = head_.length;
      input_.erase(0, end + 4);
      return Asked::answered;
    }
    if (input_.size() > limits::kHttpHeadBytes) return Asked::gone;
    const std::ptrdiff_t got = receive();
    if (got == -2) return Asked::over;
    if (got <= 0) return input_.empty() && (got < 0 || !sent) ? Asked::unread : Asked::gone;
  }
}

std::ptrdiff_t Relay::read_body(char* to, std::size_t size) {
  for (;;) {
    if (head_.framing == transport::Framing::length && left_ == 0) ended_ = true;
    if (ended_) return 0;
    if (!input_.empty()) {
      std::size_t written = 0;
      if (head_.framing == transport::Framing::length) {
        written = std::min<std::size_t>({size, input_.size(), left_});
        std::copy_n(input_.data(), written, to);
        left_ -= written;
        input_.erase(0, written);
        return static_cast<std::ptrdiff_t>(written);
      }
      std::string_view rest = input_;
      const auto state = chunks_.next(rest, to, size, written);
      input_.erase(0, input_.size() - rest.size());
      if (state == transport::ChunkDecoder::State::bad) return -1;
      ended_ = state == transport::ChunkDecoder::State::done;
      if (written > 0) return static_cast<std::ptrdiff_t>(written);
      continue;
    }
    if (receive() <= 0) return -1;
  }
}

std::optional<Fd> Relay::leave() {
  if (!ended_ || !input_.empty() || !head_.keep_alive) return std::nullopt;
  return std::move(socket_);
}

}  // namespace remit::front
