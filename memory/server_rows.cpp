#include "memory/server_rows.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/approval_rows.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

std::string lock_name(const std::string& server_id) {
  return "server:" + server_id;
}

// Field 22 of /proc/self/stat, counted after the command's closing parenthesis.
std::int64_t own_start_ticks() {
  const Result<std::string> stat = fs::read_file("/proc/self/stat", 4096);
  if (!stat) return 0;
  const std::size_t end = stat->rfind(')');
  if (end == std::string::npos) return 0;
  const auto fields = split(std::string_view(*stat).substr(end + 2), ' ');
  constexpr std::size_t kStartTime = 22 - 3;
  std::int64_t ticks = 0;
  if (fields.size() > kStartTime) {
    const std::string_view text = fields[kStartTime];
    std::from_chars(text.data(), text.data() + text.size(), ticks);
  }
  return ticks;
}

Result<std::vector<ServerRow>> all_rows(Snapshot& snapshot) {
  Statement rows = snapshot.sql(
      "select server_id, pid, start_ticks, agent, instruction, principal, started_ms from server "
      "order by server_id");
  std::vector<ServerRow> out;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.text(0), rows.integer(1), rows.integer(2), rows.text(3), rows.text(4),
                   rows.text(5), rows.integer(6)});
  }
}

Result<void> remove_row(State& state, const ServerRow& row, const char* rule) {
  TRY(Transaction transaction, state.database().write());
  TRY_DO(transaction.sql("delete from server where server_id = ?").bind(row.server_id).run());
  if (transaction.changes() == 0) return {};
  TRY_DO(append_in(transaction, state.clock(),
                   {.kind = "server",
                    .call_id = "",
                    .principal = row.principal,
                    .verdict = "",
                    .rule = rule,
                    .origin = "",
                    .fields = "{\"server_id\":\"" + row.server_id +
                              "\",\"pid\":" + std::to_string(row.pid) + "}"}));
  return transaction.commit(Sync::cached);
}

// sun_path holds 107 bytes and state directories may be longer: through the descriptor.
struct sockaddr_un address_of(const Fd& directory, const std::string& name) {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(static_cast<char*>(address.sun_path), sizeof address.sun_path,
                "/proc/self/fd/%d/%s", directory.get(), name.c_str());
  return address;
}

const struct sockaddr* generic(const struct sockaddr_un& address) {
  return reinterpret_cast<const struct sockaddr*>(&address);
}

bool is_server_id(std::string_view name) {
  return name.size() == 26 && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace

Result<std::unique_ptr<ServerRegistration>> ServerRegistration::make(State& state,
                                                                     const std::string& agent,
                                                                     const std::string& instruction,
                                                                     const std::string& principal) {
  ServerRow row{
      ulid(state.clock().unix_ms()), ::getpid(), own_start_ticks(), agent, instruction, principal,
      state.clock().unix_ms()};
  // The lock first: a row without one is a dead server's.
  TRY(NameLocks alive, NameLocks::take(state, {lock_name(row.server_id)}));
  TRY(Transaction transaction, state.database().write());
  TRY_DO(transaction
             .sql("insert into server(server_id, pid, start_ticks, agent, instruction, principal, "
                  "started_ms) values(?,?,?,?,?,?,?)")
             .bind(row.server_id)
             .bind(row.pid)
             .bind(row.start_ticks)
             .bind(row.agent)
             .bind(row.instruction)
             .bind(row.principal)
             .bind(row.started_ms)
             .run());
  TRY_DO(transaction.commit(Sync::cached));
  return std::unique_ptr<ServerRegistration>(
      new ServerRegistration(state, std::move(row), std::move(alive)));
}

ServerRegistration::~ServerRegistration() {
  const Result<std::int64_t> cancelled = ApprovalRows(state_).cancel_of_server(row_.server_id);
  Result<void> removed = remove_row(state_, row_, "server.ended");
  if (!cancelled) removed = tl::unexpected<Error>(cancelled.error());
  if (!removed) log::warning("server row stays", {{"error", removed.error().message}});
}

Result<std::vector<ServerRow>> ServerRows::list() {
  TRY(Snapshot snapshot, state_.database().read());
  return all_rows(snapshot);
}

Result<std::vector<ServerRow>> ServerRows::reap() {
  std::vector<ServerRow> dead;
  std::vector<ServerRow> rows;
  {
    TRY(Snapshot snapshot, state_.database().read_at_start());
    TRY(rows, all_rows(snapshot));
  }
  for (const ServerRow& row : rows) {
    NameLocks lock;
    TRY(const bool free, NameLocks::try_take(state_, {lock_name(row.server_id)}, lock));
    if (!free) continue;
    TRY_DO(ApprovalRows(state_).cancel_of_server(row.server_id));
    TRY_DO(remove_row(state_, row, "server.died"));
    TRY(const Fd folder, state_.subdirectory("wake"));
    ::unlinkat(folder.get(), row.server_id.c_str(), 0);
    dead.push_back(row);
  }
  return dead;
}

Result<std::unique_ptr<Wake>> Wake::open(State& state, const std::string& server_id) {
  if (!is_server_id(server_id)) {
    return fail(ErrorKind::internal, "bad server id " + escape_ascii(server_id));
  }
  std::unique_ptr<Wake> self(new Wake(state, server_id));
  TRY(const Fd folder, state.subdirectory("wake"));
  self->socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!self->socket_) return fail_errno(errno, "make a wake socket");
  self->stop_event_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!self->stop_event_) return fail_errno(errno, "make an eventfd");
  const struct sockaddr_un address = address_of(folder, server_id);
  if (::bind(self->socket_.get(), generic(address), sizeof address) != 0) {
    return fail_errno(errno, "bind a wake socket in the state directory");
  }
  return self;
}

Wake::~Wake() {
  if (receiver_.joinable()) {
    receiver_.request_stop();
    const std::uint64_t one = 1;
    if (::write(stop_event_.get(), &one, sizeof one) < 0)
      log::error("wake: cannot stop the receiver");
    receiver_.join();
  }
  const Result<Fd> folder = state_.subdirectory("wake");
  if (folder) ::unlinkat(folder->get(), server_id_.c_str(), 0);
}

void Wake::receive(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::array<struct pollfd, 2> waiting{
        {{socket_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    std::array<char, limits::kWakeTopicBytes> topic{};
    const ssize_t size =
        ::recv(socket_.get(), topic.data(), topic.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 || static_cast<std::size_t>(size) > topic.size()) continue;
    const std::string_view name(topic.data(), static_cast<std::size_t>(size));
    const std::scoped_lock lock(mutex_);
    for (Watch* watch : watches_) watch->fired_ = watch->fired_ || watch->topic_ == name;
    changed_.notify_all();
  }
}

Wake::Watch::Watch(Wake& wake, std::string topic) : wake_(wake), topic_(std::move(topic)) {
  const std::scoped_lock lock(wake_.mutex_);
  wake_.watches_.push_back(this);
  if (wake_.receiver_.joinable()) return;
  try {
    wake_.receiver_ = std::jthread([&wake](const std::stop_token& stop) {
      try {
        wake.receive(stop);
      } catch (...) {
        log::error("wake: the receiving thread failed");
      }
    });
  } catch (const std::system_error& error) {
    // The next watch tries again; this one looks by itself.
    log::warning("wake: no thread to receive with", {{"error", error.code().message()}});
  }
}

Wake::Watch::~Watch() {
  const std::scoped_lock lock(wake_.mutex_);
  wake_.watches_.remove(this);
}

bool Wake::Watch::wait(std::chrono::steady_clock::time_point deadline,
                       const std::stop_token& stop) {
  std::unique_lock lock(wake_.mutex_);
  if (!wake_.receiver_.joinable()) {
    deadline = std::min(deadline, std::chrono::steady_clock::now() + limits::kWakePoll);
  }
  wake_.changed_.wait_until(lock, stop, deadline, [&] { return fired_; });
  return std::exchange(fired_, false);
}

Result<void> notify(State& state, const std::string& server_id, std::string_view topic) {
  if (topic.size() > limits::kWakeTopicBytes) {
    return fail(ErrorKind::internal, "wake topic too long: " + escape_ascii(topic));
  }
  TRY(const Fd folder, state.subdirectory("wake"));
  std::vector<std::string> names;
  if (!server_id.empty()) {
    names.push_back(server_id);
  } else {
    TRY_DO(fs::list_directory(folder, [&](std::string_view name, unsigned char) {
      names.emplace_back(name);
      return true;
    }));
  }
  const Fd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!sender) return fail_errno(errno, "make a socket");
  for (const std::string& name : names) {
    if (!is_server_id(name)) continue;
    const struct sockaddr_un address = address_of(folder, name);
    const ssize_t sent = ::sendto(sender.get(), topic.data(), topic.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL, generic(address), sizeof address);
    // A full queue (EAGAIN) means that wake-ups wait there already.
    if (sent < 0 && errno == ECONNREFUSED) ::unlinkat(folder.get(), name.c_str(), 0);
  }
  return {};
}

}  // namespace remit::memory
