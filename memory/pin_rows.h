// The operator's PIN: its scrypt hash is the file `pin` of the state directory (0600, outside a
// worker's lock), the count of failures a row, so that all processes together guess slowly.
// kPinFailures wrong ones in a row lock it for kPinLock. A failure is counted before the hash is
// computed: guesses made in parallel or killed half way count too.
// Threads and processes: any. check() takes about 60 ms.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

class PinRows {
 public:
  explicit PinRows(State& state) : state_(state) {}

  Result<bool> is_set();
  // The first one needs no old one; later ones do. Errors: invalid_argument for a length outside
  // kPinMin..kPinMax or control characters; those of check() for the old one.
  Result<void> set(std::string_view pin, const std::optional<std::string>& old);
  // Errors: denied (code "pin_wrong"); unavailable (code "pin_locked", with the seconds left, or
  // "pin_not_set").
  Result<void> check(std::string_view pin);

 private:
  Result<std::optional<std::string>> stored();
  Result<void> count_attempt();
  State& state_;
};

}  // namespace remit::memory
