#include "memory/postgres_wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "base/limits.h"
#include "memory/postgres_limits.h"

namespace remit::memory::wire {
namespace {

Error gone() {
  return Error{ErrorKind::unavailable,
               "the process that speaks to PostgreSQL has ended; start this server again",
               {},
               "lost",
               nullptr};
}

// The whole of `size` bytes, or an error. `deadline`: none waits for ever.
Result<void> read_all(int socket, char* to, std::size_t size,
                      std::optional<std::chrono::steady_clock::time_point> deadline) {
  while (size > 0) {
    int wait = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *deadline - std::chrono::steady_clock::now());
      wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    pollfd watched{socket, POLLIN, 0};
    const int ready = ::poll(&watched, 1, wait);
    if (ready == 0) {
      return fail(ErrorKind::unavailable, "PostgreSQL did not answer in time", {}, "lost");
    }
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t got = ::read(socket, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tl::unexpected<Error>(gone());
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace

Writer& Writer::number(std::int64_t value) {
  std::array<char, sizeof value> raw;
  std::memcpy(raw.data(), &value, sizeof value);
  bytes_.append(raw.data(), raw.size());
  return *this;
}

Writer& Writer::text(std::string_view value) {
  number(static_cast<std::int64_t>(value.size()));
  bytes_ += value;
  return *this;
}

Writer& Writer::author(const Author& author) {
  return text(author.persona).text(author.principal).text(author.instruction).text(author.call_id);
}

Writer& Writer::version(const KeptVersion& version) {
  const VersionRow& row = version.row;
  text(version.path).number(row.version).text(row.op).text(row.sha256);
  number(static_cast<std::int64_t>(row.bytes)).number(row.at_unix_ms).author(row.author);
  number(version.sole ? 1 : 0);
  for (const std::optional<std::string>* part : {&version.body, &version.sent})
    number(*part ? 1 : 0).text(part->value_or(""));
  return *this;
}

Writer& Writer::error(const Error& error) {
  return number(static_cast<std::int64_t>(error.kind))
      .text(error.message)
      .text(error.where)
      .text(error.code)
      .text(error.data ? dump(*error.data) : std::string());
}

std::int64_t Reader::number() {
  std::int64_t value = 0;
  if (bytes_.size() < sizeof value) {
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  std::memcpy(&value, bytes_.data(), sizeof value);
  bytes_.remove_prefix(sizeof value);
  return value;
}

std::string Reader::text() {
  const std::int64_t size = number();
  if (size < 0 || static_cast<std::uint64_t>(size) > bytes_.size()) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  std::string out(bytes_.substr(0, static_cast<std::size_t>(size)));
  bytes_.remove_prefix(out.size());
  return out;
}

std::size_t Reader::count() {
  const std::int64_t value = number();
  // Each of them takes a field at least.
  if (value < 0 || static_cast<std::uint64_t>(value) > bytes_.size() / sizeof value) {
    ok_ = value == 0 && ok_;
    return 0;
  }
  return static_cast<std::size_t>(value);
}

Author Reader::author() {
  Author out;
  out.persona = text();
  out.principal = text();
  out.instruction = text();
  out.call_id = text();
  return out;
}

KeptVersion Reader::version() {
  KeptVersion out;
  out.path = text();
  out.row.version = number();
  out.row.op = text();
  out.row.sha256 = text();
  out.row.bytes = static_cast<std::uint64_t>(number());
  out.row.at_unix_ms = number();
  out.row.author = author();
  out.sole = number() != 0;
  for (std::optional<std::string>* part : {&out.body, &out.sent}) {
    const bool there = number() != 0;
    std::string bytes = text();
    if (there) *part = std::move(bytes);
  }
  return out;
}

Error Reader::error() {
  Error out;
  const std::int64_t kind = number();
  const bool known = kind >= 0 && kind <= static_cast<std::int64_t>(ErrorKind::internal);
  out.kind = known ? static_cast<ErrorKind>(kind) : ErrorKind::internal;
  out.message = text();
  out.where = text();
  out.code = text();
  const std::string data = text();
  if (!data.empty()) {
    if (auto parsed = parse_json(data)) out.data = std::make_shared<const Json>(std::move(*parsed));
  }
  return out;
}

Result<void> send_frame(int socket, std::string_view frame) {
  if (frame.size() > limits::kPostgresFrame)
    return fail(ErrorKind::too_large, "more than one message to PostgreSQL's keeper may hold");
  std::string all;
  const auto size = static_cast<std::uint32_t>(frame.size());
  all.resize(sizeof size);
  std::memcpy(all.data(), &size, sizeof size);
  all += frame;
  for (std::string_view rest = all; !rest.empty();) {
    const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return tl::unexpected<Error>(gone());
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> receive_frame(int socket, std::optional<std::chrono::milliseconds> most) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (most) deadline = std::chrono::steady_clock::now() + *most;
  std::uint32_t size = 0;
  std::array<char, sizeof size> head;
  TRY_DO(read_all(socket, head.data(), head.size(), deadline));
  std::memcpy(&size, head.data(), sizeof size);
  if (size > limits::kPostgresFrame) return tl::unexpected<Error>(gone());
  std::string frame;
  // Grown by what comes, not by what is announced.
  while (frame.size() < size) {
    const std::size_t before = frame.size();
    frame.resize(std::min<std::size_t>(size, before + limits::kPostgresPiece));
    TRY_DO(read_all(socket, frame.data() + before, frame.size() - before, deadline));
  }
  return frame;
}

}  // namespace remit::memory::wire
