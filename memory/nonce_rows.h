// Nonces that may be used once per installation: the seal of a requestState proves who made it, and
// this that it was not used before. Kept in the idempotency table under a principal of its own,
// which forgets them after kIdempotencyWindow, long after any seal has expired. Threads and
// processes: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

// True the first time, false ever after. Errors: those of the database.
Result<bool> consume_nonce(State& state, const std::string& nonce);

}  // namespace remit::memory
