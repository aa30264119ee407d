// What a service of toys has in place of the product's storage and hands: no Access, and single-use
// nonces in memory.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <set>
#include <string>

#include "policy/access.h"

namespace remit::wire_test {

// The toys touch nothing, so their hands are only a place: storage for an Access in which none is
// ever made. (Deriving one here would tie these tests to every verb of policy/.)
inline policy::Access& no_hands() {
  alignas(policy::Access) static std::array<std::byte, sizeof(policy::Access)> place{};
  return *reinterpret_cast<policy::Access*>(place.data());
}

// Single-use nonces in memory; the product keeps them in its state database. Any thread.
class Nonces {
 public:
  bool first_use(const std::string& nonce) {
    const std::lock_guard held(mutex_);
    return used_.insert(nonce).second;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> used_;
};

}  // namespace remit::wire_test
