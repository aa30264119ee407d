// Tokens that a server over HTTP makes for itself when it is given none.
// Threads: one.
#pragma once

#include <string>

#include "base/result.h"
#include "memory/state.h"

namespace remit::cli {

// 256 random bits, in base64url.
std::string make_token();

// Writes STATE/tokens/SERVER_ID, 0600, and gives its path. Those of servers that are gone are
// removed: a locked-in server cannot remove its own.
Result<std::string> write_token_file(memory::State& state, const std::string& server_id,
                                     const std::string& text);

}  // namespace remit::cli
