// HttpMetrics: what /metrics says, in Prometheus's text form (version 0.0.4): counts of requests by
// method and status, a latency histogram, what is open now, and what the process uses. Label values
// come from a fixed list, so that a hostile client cannot grow them.
//
// Threads: all safe from any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"

namespace remit::transport {

// A figure that somebody else keeps: `name` with its labels, e.g. `remit_approvals_pending`.
struct Gauge {
  std::string name, help;
  const char* type = "gauge";
  double value = 0;
  std::string labels = {};  // `outcome="deny"`
};

class HttpMetrics {
 public:
  // Opens /proc/self/statm now: a locked-in process cannot open it later.
  HttpMetrics();

  // Counts one while it lives.
  class Level {
   public:
    explicit Level(std::atomic<int>& level) : level_(level) { ++level_; }
    ~Level() { --level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    std::atomic<int>& level_;
  };
  std::atomic<int> connections = 0, in_flight = 0, streams = 0;
  std::atomic<std::uint64_t> begun = 0;  // requests, those at work too

  // `method`: of JSON-RPC, or of HTTP where there is none.
  void count(std::string_view method, int status, std::chrono::nanoseconds took);
  // `more`: appended in the same form.
  std::string text(std::size_t sessions, const std::vector<Gauge>& more) const;

 private:
  static constexpr std::array<double, 11> kBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.1,    0.5,   2.5,    10,    60};
  Fd statm_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string_view, int>, std::uint64_t> requests_;
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  double seconds_ = 0;
};

}  // namespace remit::transport
