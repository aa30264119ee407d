// Progress: notifications/progress of one call, and the heartbeat that keeps a client's timer from
// running out while a call works or waits for a person (opencode gives up after 60.5 s).
//
// Threads: safe from any thread.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/mcp/exchange.h"
#include "tools/tool.h"

namespace remit::mcp {

// One thread that beats for every call with a progress token; made when the first such call comes.
class Heartbeat {
 public:
  class Beater {
   public:
    virtual ~Beater() = default;
    virtual void beat() = 0;
  };
  explicit Heartbeat(std::chrono::milliseconds period) : period_(period) {}
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  void add(std::shared_ptr<Beater> beater);
  void remove(const Beater* beater);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    std::shared_ptr<Beater> beater;
    Time due;
  };
  void run();

  const std::chrono::milliseconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::thread thread_;
  bool asleep_ = false;  // without an entry to wake for
  bool ending_ = false;
};

// Reports strictly increasing values, at most five in any second (a burst is kept whole), and
// nothing without a token or after the answer.
class CallProgress final : public tools::Progress, public Heartbeat::Beater {
 public:
  CallProgress(std::shared_ptr<Exchange> exchange, const ResultWriter& writer)
      : exchange_(std::move(exchange)), writer_(writer) {}
  void report(double progress, std::optional<double> total, std::string message) override;
  void beat() override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  void send(double progress, std::optional<double> total, const std::string& message);

  const std::shared_ptr<Exchange> exchange_;
  const ResultWriter& writer_;
  std::mutex mutex_;  // held while a notification is handed over, so that values stay in order
  double last_ = 0;
  bool any_ = false;
  std::optional<double> total_;
  std::array<Time, 5> sent_{};  // ring of the last five
  std::size_t next_ = 0;
};

}  // namespace remit::mcp
