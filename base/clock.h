// Time, injected: code that measures or stamps takes a Clock&, so that tests decide what time it
// is. Threads: the system clock is safe from any thread; ManualClock locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t unix_ms() const = 0;       // wall clock, milliseconds since 1970 UTC
  virtual std::int64_t monotonic_ms() const = 0;  // never goes back
};

// The machine's clock. Lives for the whole process.
const Clock& system_clock();

// A clock that tests move.
class ManualClock : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_ms = 1'700'000'000'000) : now_(unix_ms) {}
  std::int64_t unix_ms() const override { return now_.load(); }
  std::int64_t monotonic_ms() const override { return now_.load(); }
  void advance_ms(std::int64_t ms) { now_ += ms; }

 private:
  std::atomic<std::int64_t> now_;
};

// RFC 3339 in UTC with milliseconds: 2026-07-28T09:00:00.000Z.
std::string rfc3339(std::int64_t unix_ms);
// Accepts RFC 3339 with any offset and 0-9 fraction digits; a bare date is midnight UTC.
Result<std::int64_t> parse_rfc3339(std::string_view text);
// "90s", "5m", "2h", "30d", "250ms" -> milliseconds.
Result<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace remit
