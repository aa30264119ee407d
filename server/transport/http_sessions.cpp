#include "server/transport/http_sessions.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"

namespace remit::transport {
namespace {

constexpr std::size_t kIdBytes = 16;
constexpr std::int64_t kSweepMs = 60'000;

}  // namespace

Session::Session(mcp::Server& server, std::string who, EventStream::Kept kept)
    : id(random_hex(kIdBytes)),
      principal(std::move(who)),
      unasked_(std::make_shared<EventStream>(EventStream::Keep::ring, std::move(kept))),
      connection_(server, *unasked_) {}

void Session::receive(mcp::Frame frame, mcp::Source source) {
  const std::lock_guard held(reading_);
  connection_.receive(std::move(frame), std::move(source));
}

std::optional<mcp::Revision> Session::agreed() const {
  const std::lock_guard held(reading_);
  return connection_.agreed();
}

std::uint64_t Session::keep(std::shared_ptr<EventStream> stream) {
  std::vector<std::shared_ptr<EventStream>> dropped;  // released outside the lock
  const std::lock_guard held(mutex_);
  std::size_t finished = static_cast<std::size_t>(std::count_if(
      streams_.begin(), streams_.end(), [](const auto& one) { return one.second->finished(); }));
  for (auto at = streams_.begin(); at != streams_.end() && finished >= limits::kHttpStreamsKept;) {
    if (!at->second->finished()) {
      ++at;
      continue;
    }
    dropped.push_back(std::move(at->second));
    at = streams_.erase(at);
    --finished;
  }
  streams_.emplace(next_stream_, std::move(stream));
  return next_stream_++;
}

std::shared_ptr<EventStream> Session::stream(std::uint64_t number) const {
  if (number == 0) return unasked_;
  const std::lock_guard held(mutex_);
  const auto at = streams_.find(number);
  return at == streams_.end() ? nullptr : at->second;
}

void Session::end() {
  connection_.stop();
  unasked_->end();
}

Sessions::~Sessions() {
  end_all();
}

std::shared_ptr<Session> Sessions::make(const std::string& principal) {
  return std::make_shared<Session>(server_, principal, kept_);
}

void Sessions::add(const std::shared_ptr<Session>& session) {
  std::vector<std::shared_ptr<Session>> ended;
  {
    const std::lock_guard held(mutex_);
    expire(ended);
    if (sessions_.size() >= limits::kHttpSessions) {
      const auto oldest = std::min_element(
          sessions_.begin(), sessions_.end(),
          [](const auto& a, const auto& b) { return a.second.used_ms < b.second.used_ms; });
      ended.push_back(std::move(oldest->second.session));
      sessions_.erase(oldest);
    }
    sessions_.emplace(session->id, Entry{session, clock_.monotonic_ms()});
  }
  for (const auto& one : ended) one->end();
}

void Sessions::expire(std::vector<std::shared_ptr<Session>>& out) {
  const std::int64_t now = clock_.monotonic_ms();
  if (now - swept_ms_ < kSweepMs && swept_ms_ != 0) return;
  swept_ms_ = now;
  const std::int64_t life = std::chrono::milliseconds(limits::kHttpSessionIdle).count();
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (now - at->second.used_ms <= life || !at->second.session->idle()) {
      ++at;
      continue;
    }
    out.push_back(std::move(at->second.session));
    at = sessions_.erase(at);
  }
}

std::shared_ptr<Session> Sessions::find(const std::string& id, const std::string& principal) {
  std::vector<std::shared_ptr<Session>> ended;
  std::shared_ptr<Session> found;
  {
    const std::lock_guard held(mutex_);
    expire(ended);
    const auto at = sessions_.find(id);
    if (at != sessions_.end() && at->second.session->principal == principal) {
      at->second.used_ms = clock_.monotonic_ms();
      found = at->second.session;
    }
  }
  for (const auto& one : ended) one->end();
  return found;
}

bool Sessions::remove(const std::string& id, const std::string& principal) {
  std::shared_ptr<Session> gone;
  {
    const std::lock_guard held(mutex_);
    const auto at = sessions_.find(id);
    if (at == sessions_.end() || at->second.session->principal != principal) return false;
    gone = std::move(at->second.session);
    sessions_.erase(at);
  }
  gone->end();
  return true;
}

std::size_t Sessions::size() const {
  const std::lock_guard held(mutex_);
  return sessions_.size();
}

std::vector<std::shared_ptr<Session>> Sessions::all() const {
  std::vector<std::shared_ptr<Session>> out;
  const std::lock_guard held(mutex_);
  for (const auto& [id, entry] : sessions_) out.push_back(entry.session);
  return out;
}

void Sessions::end_all() {
  for (const auto& session : all()) session->end();
}

bool Sessions::wait_idle(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (const auto& session : all()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (!session->wait_idle(std::max(left, std::chrono::milliseconds(0)))) return false;
  }
  return true;
}

}  // namespace remit::transport
