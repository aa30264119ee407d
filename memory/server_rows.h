// Running servers, and how processes wake one another.
//
// A server holds a kernel lock for as long as it lives (NameLocks), so whether it is alive is a
// question to the kernel that no reused pid can answer wrongly; pid and start time are kept for
// signals and for people. A child that was forked while the row is held and never executes keeps
// the lock: starters are forked before.
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

struct ServerRow {
  std::string server_id;  // ULID
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;  // field 22 of /proc/PID/stat; 0 where it cannot be read
  std::string agent, instruction, principal;
  std::int64_t started_ms = 0;
};

// `agent` of a process that starts servers and reloads for them; no slug has parentheses.
inline constexpr const char* kFrontAgent = "(front)";

// This process as a running server, until destroyed.
class ServerRegistration {
 public:
  static Result<std::unique_ptr<ServerRegistration>> make(State& state, const std::string& agent,
                                                          const std::string& instruction,
                                                          const std::string& principal);
  ~ServerRegistration();
  ServerRegistration(const ServerRegistration&) = delete;
  ServerRegistration& operator=(const ServerRegistration&) = delete;
  const ServerRow& row() const { return row_; }

 private:
  ServerRegistration(State& state, ServerRow row, NameLocks alive)
      : state_(state), row_(std::move(row)), alive_(std::move(alive)) {}
  State& state_;
  const ServerRow row_;
  const NameLocks alive_;
};

class ServerRows {
 public:
  explicit ServerRows(State& state) : state_(state) {}
  Result<std::vector<ServerRow>> list();
  // Removes the rows of servers that are gone, cancels their approvals, records it; gives them.
  Result<std::vector<ServerRow>> reap();

 private:
  State& state_;
};

// A datagram socket wake/<server_id> in the state directory, on which others name a topic that has
// changed ("approval:<id>", "reload"). A wake-up is a hint, and may be lost or come for nothing:
// the rows are the truth. The receiving thread starts with the first Watch, so that it is confined
// like the rest of the process.
class Wake {
 public:
  static Result<std::unique_ptr<Wake>> open(State& state, const std::string& server_id);
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  // Make the Watch first, then look at the rows, then wait: what happens in between is not missed.
  class Watch {
   public:
    Watch(Wake& wake, std::string topic);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    // True if the topic was named (and arms it again); false at the deadline or a stop request, and
    // after kWakePoll where no thread was to be had for the receiver: look at the rows in any case.
    bool wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

   private:
    friend class Wake;
    Wake& wake_;
    const std::string topic_;
    bool fired_ = false;
  };

 private:
  Wake(State& state, std::string server_id) : state_(state), server_id_(std::move(server_id)) {}
  void receive(const std::stop_token& stop);

  State& state_;
  const std::string server_id_;
  Fd socket_, stop_event_;
  std::mutex mutex_;  // guards the rest and Watch::fired_
  std::condition_variable_any changed_;
  std::list<Watch*> watches_;
  std::jthread receiver_;
};

// Names `topic` to one server, or (empty id) to all. Never waits; a socket whose process is gone is
// removed. At most kWakeTopicBytes.
Result<void> notify(State& state, const std::string& server_id, std::string_view topic);

}  // namespace remit::memory
