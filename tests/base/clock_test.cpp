#include "base/clock.h"

#include <doctest/doctest.h>

using namespace remit;

TEST_CASE("RFC 3339 round-trips and takes offsets") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(*parse_rfc3339("2026-01-10T14:00:00Z") == 1768053600000);
  CHECK(*parse_rfc3339("2026-01-10T15:00:00.250+01:00") == 1768053600250);
  CHECK(*parse_rfc3339("2026-01-10") == 1768003200000);
  CHECK(rfc3339(*parse_rfc3339("2026-01-10T14:00:00.123456789Z")) == "2026-01-10T14:00:00.123Z");
  for (const char* bad :
       {"", "2026", "2026-13-01", "2026-01-10T25:00:00Z", "2026-01-10T14:00:00",
        "2026-01-10T14:00:00.Z", "2026-01-10T14:00:00+1:00", "2026-01-10X14:00:00Z"}) {
    CHECK_MESSAGE(!parse_rfc3339(bad), bad);
  }
}

TEST_CASE("durations need a unit") {
  CHECK(*parse_duration_ms("250ms") == 250);
  CHECK(*parse_duration_ms("2h") == 7'200'000);
  for (const char* bad : {"", "5", "m", "-5m", "5 m", "99999999999999s"}) {
    CHECK_MESSAGE(!parse_duration_ms(bad), bad);
  }
}
