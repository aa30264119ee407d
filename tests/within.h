// Waiting for what another thread or process will do by itself, with an end to the waiting: a test
// of what never comes fails with its own words instead of hanging until ctest ends it.
//
//   CHECK(within(kPatience, [&] { return alive(mark) == 0; }));
#pragma once

#include <chrono>
#include <thread>

namespace remit {

// Far above what anything here takes on a loaded machine; what never happens is what is looked for.
constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(30);

// Whether `condition` holds before `limit` has passed; it is looked at every two milliseconds.
template <class Condition>
bool within(std::chrono::milliseconds limit, const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace remit
