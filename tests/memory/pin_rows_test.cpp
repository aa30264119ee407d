#include "memory/pin_rows.h"

#include <sys/stat.h>

#include <chrono>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

TEST_CASE("a PIN is set once, checked, and changed only with the old one") {
  const Scratch scratch;
  const ManualClock clock;
  auto state = open_state(scratch, clock);
  PinRows pin(*state);
  CHECK(!pin.is_set().value());
  CHECK(pin.check("1234").error().code == "pin_not_set");
  CHECK(!pin.set("123", {}));
  CHECK(!pin.set(std::string(limits::kPinMax + 1, '1'), {}));
  CHECK(!pin.set("12\n34", {}));
  REQUIRE(pin.set("1234", {}));
  CHECK(pin.is_set().value());
  CHECK(pin.check("1234"));
  CHECK(pin.check("1235").error().code == "pin_wrong");
  CHECK(pin.check("12340").error().code == "pin_wrong");
  CHECK(pin.check("").error().code == "pin_wrong");
  CHECK(!pin.set("9999", {}));
  CHECK(pin.check("1234"));
  REQUIRE(pin.set("9999", "1234"));
  CHECK(pin.check("9999"));
  CHECK(!pin.check("1234"));
  struct stat st{};
  REQUIRE(::stat(scratch.at("state/pin").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
  CHECK(slurp(scratch.at("state/pin")).find("9999") == std::string::npos);
}

TEST_CASE("five wrong PINs lock all processes for a minute") {
  const Scratch scratch;
  ManualClock clock;
  auto state = open_state(scratch, clock);
  auto other = open_state(scratch, clock);
  PinRows pin(*state), elsewhere(*other);
  REQUIRE(pin.set("1234", {}));
  for (int n = 0; n < limits::kPinFailures; ++n) {
    CHECK((n % 2 == 0 ? pin : elsewhere).check("0000").error().code == "pin_wrong");
  }
  const auto locked = elsewhere.check("1234");
  REQUIRE(!locked);
  CHECK(locked.error().code == "pin_locked");
  CHECK(locked.error().message.find("60 s") != std::string::npos);
  clock.advance_ms(std::chrono::milliseconds(limits::kPinLock).count() - 1);
  CHECK(pin.check("1234").error().code == "pin_locked");
  clock.advance_ms(1);
  CHECK(pin.check("1234"));
}

}  // namespace
}  // namespace remit::memory
