#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace remit {
namespace {

class SystemClock : public Clock {
 public:
  std::int64_t unix_ms() const override { return read(CLOCK_REALTIME); }
  std::int64_t monotonic_ms() const override { return read(CLOCK_BOOTTIME); }

 private:
  static std::int64_t read(clockid_t id) {
    struct timespec now{};
    ::clock_gettime(id, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  }
};

// Reads exactly `count` digits at `at`.
bool digits(std::string_view text, std::size_t at, std::size_t count, int* value) {
  if (text.size() < at + count) return false;
  int out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  *value = out;
  return true;
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string rfc3339(std::int64_t unix_ms) {
  std::int64_t seconds = unix_ms / 1000;
  std::int64_t ms = unix_ms % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  const auto when = static_cast<std::time_t>(seconds);
  struct tm utc{};
  ::gmtime_r(&when, &utc);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(ms));
  return text.data();
}

Result<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorKind::invalid_argument, "not an RFC 3339 time such as 2026-01-10T14:00:00Z: " +
                                                 std::string(text.substr(0, 64)));
  };
  struct tm utc{};
  int year = 0, month = 0;
  if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) ||
      !digits(text, 8, 2, &utc.tm_mday) || text[4] != '-' || text[7] != '-' || month < 1 ||
      month > 12 || utc.tm_mday < 1 || utc.tm_mday > 31) {
    return bad();
  }
  utc.tm_year = year - 1900;
  utc.tm_mon = month - 1;
  std::int64_t ms = 0, offset = 0;
  if (text.size() > 10) {
    if ((text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
        !digits(text, 11, 2, &utc.tm_hour) || !digits(text, 14, 2, &utc.tm_min) ||
        !digits(text, 17, 2, &utc.tm_sec) || text[13] != ':' || text[16] != ':' ||
        utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 60) {
      return bad();
    }
    std::size_t at = 19;
    if (at < text.size() && text[at] == '.') {
      std::size_t count = 0;
      for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
        if (count < 3) ms = ms * 10 + (text[at] - '0');
      }
      if (count == 0 || count > 9) return bad();
      for (; count < 3; ++count) ms *= 10;
    }
    const std::string_view zone = text.substr(at);
    if (zone == "Z" || zone == "z") {
      offset = 0;
    } else {
      int hours = 0, minutes = 0;
      if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' ||
          !digits(zone, 1, 2, &hours) || !digits(zone, 4, 2, &minutes) || hours > 23 ||
          minutes > 59) {
        return bad();
      }
      offset = (std::int64_t{hours} * 60 + minutes) * 60 * (zone[0] == '-' ? -1 : 1);
    }
  }
  return (std::int64_t{::timegm(&utc)} - offset) * 1000 + ms;
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorKind::invalid_argument,
                "not a duration such as 90s, 5m or 2h: " + std::string(text.substr(0, 32)));
  };
  std::int64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = value * 10 + (text[at] - '0');
    if (value > 1'000'000'000) return bad();
  }
  if (at == 0) return bad();
  const std::string_view unit = text.substr(at);
  if (unit == "ms") return value;
  if (unit == "s") return value * 1000;
  if (unit == "m") return value * 60'000;
  if (unit == "h") return value * 3'600'000;
  if (unit == "d") return value * 86'400'000;
  return bad();
}

}  // namespace remit
