// Signals in a stream of log records: rate of errors over time, silence, clocks that go backwards,
// statements of exhausted resources. Each holds a bounded amount of state and the places (Spot)
// that a finding will cite.
//
// Threads: plain values; one set belongs to one call.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tools/diagnostics/log_line.h"

namespace remit::diagnostics {

// Where a record stands. The text is read again when it is cited.
struct Spot {
  std::uint32_t file = 0, length = 0, lines = 1;
  std::uint64_t line = 0, offset = 0;  // line 0: no spot
  std::int64_t time_ms = 0;            // 0: undated
  explicit operator bool() const { return line != 0; }
};
bool earlier(const Spot& a, const Spot& b);  // by time if both have one, else by place

// What a message says is exhausted.
enum class Resource : std::uint8_t { none, memory, disk, files, pool, quota, threads };
const char* to_string(Resource resource);
Resource resource_in(std::string_view content);

// The level that words like "error" or "failed" imply where the line has none.
Level implied_level(std::string_view content);

// Counts per stretch of time; when the stretches run out their width doubles.
class Rates {
 public:
  static constexpr std::size_t kStretches = 512;
  struct Stretch {
    std::uint64_t count = 0;
    Spot first, last;
  };
  struct Burst {
    std::uint64_t count = 0;
    double seconds = 0, rate = 0, baseline_rate = 0;
    Spot first, last;
  };
  void tick(std::int64_t time_ms);  // any record: the log was alive then
  void add(const Spot& spot);       // one that counts
  // Up to `most` bursts: a rate of at least 3 times that of the rest (or of the given baseline),
  // and at least 20 records. Strongest first.
  std::vector<Burst> bursts(std::size_t most, std::optional<double> baseline_per_s) const;

 private:
  std::size_t index(std::int64_t time_ms);
  std::int64_t start_ms_ = 0, width_ms_ = 1000, last_ms_ = 0;
  std::vector<Stretch> stretches_;
};

// Intervals between records of one source.
class Intervals {
 public:
  struct Silence {
    std::int64_t ms = 0;
    Spot before, after;
  };
  void add(const Spot& spot);
  // The longest silence, if it is at least 10 times the median interval and 60 s, and the source is
  // regular otherwise (9 of 10 intervals at most 10 times the median).
  std::optional<Silence> silence(double* median_s) const;
  std::uint64_t backwards() const { return backwards_; }
  const Silence& largest_step_back() const { return back_; }

 private:
  static constexpr std::size_t kSample = 4096;  // intervals kept; then every second is dropped
  std::vector<std::int64_t> sample_;
  std::uint64_t stride_ = 1, skipped_ = 0, backwards_ = 0;
  Spot previous_;
  Silence longest_, back_;
};

// Occurrences of a message over time in 24 columns whose width doubles as needed.
struct Histogram {
  std::array<std::uint32_t, 24> column{};
  std::uint32_t shift = 0;        // a column is start width << shift
  void add(std::uint64_t units);  // units of the start width since the start
  void widen(std::uint32_t to_shift);
  void merge(Histogram other);
};

}  // namespace remit::diagnostics
