// A small file of the state directory that only its owner may have written: what a person's yes
// hangs on (the PIN's hash, the passkeys). Such files lie outside a worker's lock. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

// The whole file; nullopt if there is none. `what`, `remedy`: for the error when others could have
// written it (denied). Errors: too_large beyond `most` bytes; unavailable.
Result<std::optional<std::string>> read_private(const State& state, const char* name,
                                                std::size_t most, const char* what,
                                                const char* remedy);

}  // namespace remit::memory
