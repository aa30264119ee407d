// Places for commands: how many, who waits, who is told "busy", and that every place comes back.
#include "policy/spawn_room.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/policy/spawn_house.h"

using namespace std::chrono_literals;
using remit::policy::SpawnRoom;
namespace limits = remit::limits;

namespace {

std::vector<SpawnRoom::Place> fill(SpawnRoom& room, const std::string& principal) {
  std::vector<SpawnRoom::Place> places;
  for (std::size_t i = 0; i < limits::kBashAtOnce; ++i) {
    auto place = room.enter(principal, {});
    REQUIRE(place);
    places.push_back(std::move(*place));
  }
  return places;
}

}  // namespace

TEST_CASE("a principal has so many places, and all together so many") {
  SpawnRoom room(1ms);
  {
    const auto first = fill(room, "a");
    const auto refused = room.enter("a", {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "busy");
    CHECK(refused.error().message.find("4 of yours run and 4 in all") != std::string::npos);

    static_assert(limits::kBashAtOnceOfAll == 2 * limits::kBashAtOnce);
    const auto second = fill(room, "b");
    CHECK_FALSE(room.enter("c", {}));
  }
  const auto again = fill(room, "c");
  CHECK(again.size() == limits::kBashAtOnce);
}

TEST_CASE("who waits gets the place that comes free; beyond a few nobody waits") {
  SpawnRoom room(1min);
  auto places = fill(room, "a");
  std::atomic<int> entered = 0;
  std::vector<std::jthread> waiting;
  for (std::size_t i = 0; i < limits::kBashQueued; ++i) {
    waiting.emplace_back([&] {
      // Refused while the probe below happens to be one of the few who wait.
      for (;;) {
        const auto place = room.enter("a", {});
        if (place) ++entered;
        if (place || place.error().code != "busy") return;
      }
    });
  }
  // One more is told at once as soon as both wait; until then it would wait as well, so it has a
  // stop of its own.
  for (;;) {
    std::stop_source stop;
    const std::jthread soon([&] {
      std::this_thread::sleep_for(20ms);
      stop.request_stop();
    });
    const auto refused = room.enter("a", stop.get_token());
    REQUIRE_FALSE(refused);
    if (refused.error().code == "busy") break;
    CHECK(refused.error().kind == remit::ErrorKind::cancelled);
  }
  CHECK(entered == 0);
  places.clear();
  waiting.clear();
  CHECK(entered == static_cast<int>(limits::kBashQueued));
}

TEST_CASE("a command that finds no place is not sent to the starter") {
  remit::policy_test::SpawnHouse house;
  const auto request = remit::policy_test::SpawnHouse::command("cat one.txt");
  const std::string principal = remit::policy::principal_text(house.principal);
  std::stop_source stopped;
  stopped.request_stop();
  std::optional<std::vector<SpawnRoom::Place>> places = fill(house.spawner->room(), principal);
  const auto silent = [](remit::policy::Stream, std::string_view) {};
  const auto refused = house.access->spawn(house.scope(), request, silent, stopped.get_token());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == remit::ErrorKind::cancelled);
  CHECK(house.spawner->plans.empty());

  // In the background it would have run: those have a bound of their own.
  auto behind = request;
  behind.background = true;
  CHECK(house.access->spawn(house.scope(), behind, silent, {}));
  places.reset();
  CHECK(house.access->spawn(house.scope(), request, silent, {}));
}
