#include "server/front/link.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "server/limits.h"
#include "server/transport/handing.h"

namespace remit::front {
namespace {

constexpr std::string_view kNewConnection = "c";

// Whether the worker has left a kept connection, or said something that nobody asked for.
bool is_stale(const Fd& socket) {
  pollfd watched{socket.get(), POLLIN | POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) != 0;
}

// Whether nobody holds the other end of a channel: its worker was idle, rests, or was replaced.
bool is_closed(const Fd& channel) {
  pollfd watched{channel.get(), 0, 0};
  return ::poll(&watched, 1, 0) != 0 && (watched.revents & POLLHUP) != 0;
}

}  // namespace

Link::Link(Fd link, Table table)
    : link_(std::move(link)), table_(std::make_shared<const Table>(std::move(table))) {}

Link::~Link() {
  ::shutdown(link_.get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

Result<void> Link::start(std::function<void()> on_end) {
  try {
    thread_ = std::thread([this, on_end = std::move(on_end)] { listen(on_end); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::unavailable, "no thread to be had: " + error.code().message());
  }
  return {};
}

void Link::listen(const std::function<void()>& on_end) {
  try {
    for (;;) {
      auto said = transport::receive_handed(link_.get());
      if (!said) break;
      const auto message = parse_json(said->text);
      if (!message || !message->is_object()) continue;
      const std::lock_guard held(mutex_);
      if (message->contains("table")) {
        auto table = decode(dump((*message)["table"]));
        if (!table) {
          log::error("the table of agents is unreadable", {{"why", table.error().message}});
          continue;
        }
        table_ = std::make_shared<const Table>(std::move(*table));
        std::erase_if(channels_, [this](const auto& one) {
          const auto agent = table_->agents.find(one.first.first);
          return agent == table_->agents.end() || agent->second.generation != one.second.generation;
        });
        for (const transport::Wake* wake : watchers_) wake->ring();
      } else if (message->contains("opened")) {
        const std::int64_t number = message->value("opened", std::int64_t{0});
        if (!opening_ || number != asked_) continue;  // nobody waits for it any more
        if (said->descriptor)
          answer_.emplace(std::move(said->descriptor));
        else
          answer_.emplace(
              fail(ErrorKind::unavailable, message->value("error", "the worker cannot be had")));
        answered_.notify_all();
      }
    }
  } catch (const std::exception& error) {
    log::error("the talk with the process that starts workers failed", {{"what", error.what()}});
  }
  {
    const std::lock_guard held(mutex_);
    broken_ = true;
    answered_.notify_all();
  }
  on_end();
}

void Link::ask_reload() {
  if (const auto told = transport::hand_over(link_.get(), R"({"reload":true})", -1); !told)
    log::error("the reload was not asked for", {{"why", told.error().message}});
}

bool Link::is_broken() const {
  const std::lock_guard held(mutex_);
  return broken_;
}

std::shared_ptr<const Table> Link::table() const {
  const std::lock_guard held(mutex_);
  return table_;
}

std::shared_ptr<void> Link::watch(const transport::Wake& wake) {
  const std::lock_guard held(mutex_);
  const auto at = watchers_.insert(watchers_.end(), &wake);
  return {static_cast<void*>(this), [this, at](void*) {
            const std::lock_guard until(mutex_);
            watchers_.erase(at);
          }};
}

Result<Fd> Link::ask_open(const Destination& to, std::unique_lock<std::mutex>& held) {
  const std::int64_t number = ++asked_;
  answer_.reset();
  const Json message{{"open", number}, {"agent", to.agent}, {"instruction", to.instruction}};
  TRY_DO(transport::hand_over(link_.get(), dump(message), -1));
  answered_.wait_for(held, limits::kChannelWait, [&] { return broken_ || answer_; });
  if (answer_) return std::move(*std::exchange(answer_, std::nullopt));
  return fail(ErrorKind::unavailable, broken_ ? "the process that starts workers has ended"
                                              : "the process that starts workers does not answer");
}

// The channel that stands, or a new one in place of `dead`.
Result<std::shared_ptr<const Fd>> Link::channel_of(const Destination& to,
                                                   const std::shared_ptr<const Fd>& dead) {
  const Key key(to.agent, to.instruction);
  std::unique_lock held(mutex_);
  const auto standing = [&]() -> std::shared_ptr<const Fd> {
    const auto at = channels_.find(key);
    return at == channels_.end() || at->second.end == dead ? nullptr : at->second.end;
  };
  if (auto end = standing()) return end;
  if (!answered_.wait_for(held, limits::kChannelWait, [&] { return !opening_; }))
    return fail(ErrorKind::unavailable, "others wait for the process that starts workers; retry");
  if (auto end = standing()) return end;  // somebody else has asked meanwhile
  opening_ = true;
  auto end = ask_open(to, held);
  opening_ = false;
  answered_.notify_all();
  if (!end) return tl::unexpected(std::move(end).error());
  std::erase_if(channels_, [](const auto& other) { return is_closed(*other.second.end); });
  Channel& channel = channels_[key];
  channel.kept.clear();
  // Of what the launcher serves now: `to` may have been judged before a reload.
  const auto agent = table_->agents.find(to.agent);
  channel.generation = agent == table_->agents.end() ? to.generation : agent->second.generation;
  channel.end = std::make_shared<const Fd>(std::move(*end));
  return channel.end;
}

Result<Link::Connection> Link::connect(const Destination& to, bool fresh) {
  std::vector<Fd> stale;  // closed without the lock
  if (!fresh) {
    const std::lock_guard held(mutex_);
    const auto at = channels_.find(Key(to.agent, to.instruction));
    while (at != channels_.end() && !at->second.kept.empty()) {
      Fd socket = std::move(at->second.kept.back());
      at->second.kept.pop_back();
      if (!is_stale(socket)) return Connection{std::move(socket), true};
      stale.push_back(std::move(socket));
    }
  }
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return fail(ErrorKind::unavailable, errno_error(errno, "make a connection").message);
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  std::shared_ptr<const Fd> dead;
  for (int tries = 0; tries < limits::kFrontTries; ++tries) {
    TRY(const std::shared_ptr<const Fd> channel, channel_of(to, dead));
    const auto handed = transport::hand_over(channel->get(), kNewConnection, theirs.get());
    if (handed) return Connection{std::move(ours), false};
    if (handed.error().kind != ErrorKind::not_found) return tl::unexpected(handed.error());
    dead = channel;
  }
  return fail(ErrorKind::unavailable, "the worker ends as soon as it is started");
}

void Link::keep(const Destination& to, Fd socket) {
  const std::lock_guard held(mutex_);
  const auto at = channels_.find(Key(to.agent, to.instruction));
  if (at == channels_.end() || at->second.generation != to.generation ||
      at->second.kept.size() >= limits::kWorkerConnectionsKept)
    return;
  at->second.kept.push_back(std::move(socket));
}

}  // namespace remit::front
