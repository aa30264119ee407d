// Sessions of the initialize eras over HTTP: what `initialize` agreed on, the calls at work, and
// the streams a client may come back to, the abandoned ones included, until newer ones take their
// place. A session belongs to the caller whose token opened it: for anybody else it does not exist.
//
// Threads: all safe from any thread. A Session lives as long as somebody holds it; one that was
// removed answers nothing new. Lock order: Sessions, then a Session's two (never both), then those
// of its connection and streams.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/mcp/dispatcher.h"
#include "server/mcp/messages.h"
#include "server/transport/http_stream.h"

namespace remit::transport {

class Session {
 public:
  Session(mcp::Server& server, std::string principal, EventStream::Kept kept);

  const std::string id;  // 128 bits, hex
  const std::string principal;

  void receive(mcp::Frame frame, mcp::Source source);
  std::optional<mcp::Revision> agreed() const;

  // The stream of what is no answer to a POST (GET), number 0.
  const std::shared_ptr<EventStream>& unasked() const { return unasked_; }
  // Keeps a stream for Last-Event-ID: those at work or being read, and of the finished ones, read
  // to their end or abandoned, the newest kHttpStreamsKept with this one. Returns its number.
  std::uint64_t keep(std::shared_ptr<EventStream> stream);
  std::shared_ptr<EventStream> stream(std::uint64_t number) const;

  // Stops the calls, whose streams end with what they still answer, and ends that of unasked().
  void end();
  bool idle() const { return connection_.idle(); }
  bool wait_idle(std::chrono::milliseconds timeout) { return connection_.wait_idle(timeout); }

 private:
  const std::shared_ptr<EventStream> unasked_;
  mutable std::mutex reading_;  // one reader of the connection at a time; receive() never waits
  mcp::Connection connection_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<EventStream>> streams_;
  std::uint64_t next_stream_ = 1;
};

class Sessions {
 public:
  Sessions(mcp::Server& server, const Clock& clock)
      : server_(server), clock_(clock), kept_(server.held_bytes().unread()) {}
  ~Sessions();

  // A session that nobody can find yet.
  std::shared_ptr<Session> make(const std::string& principal);
  // Makes it known; the least recently used one beyond kHttpSessions ends.
  void add(const std::shared_ptr<Session>& session);
  // Null: unknown, ended, expired, or another caller's.
  std::shared_ptr<Session> find(const std::string& id, const std::string& principal);
  bool remove(const std::string& id, const std::string& principal);
  std::size_t size() const;
  // Ends all of them; they stay in the table.
  void end_all();
  // False if a call of one is still at work after `timeout`.
  bool wait_idle(std::chrono::milliseconds timeout);

  const EventStream::Kept& kept_bytes() const { return kept_; }

 private:
  std::vector<std::shared_ptr<Session>> all() const;
  struct Entry {
    std::shared_ptr<Session> session;
    std::int64_t used_ms = 0;
  };
  // Moves out what has expired; ended outside the lock.
  void expire(std::vector<std::shared_ptr<Session>>& out);

  mcp::Server& server_;
  const Clock& clock_;
  const EventStream::Kept kept_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> sessions_;
  std::int64_t swept_ms_ = 0;
};

}  // namespace remit::transport
