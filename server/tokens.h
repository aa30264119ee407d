// Tokens: those that a server over HTTP makes for itself when it is given none, and the file of
// credentials that it is given.
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "memory/state.h"
#include "policy/remit.h"

namespace remit::server {

// 256 random bits, in base64url.
std::string make_token();

// The directories that calls of this agent reach, for reading or writing.
std::vector<std::string> reach_of(const policy::Remit& remit);

// The text of a file of credentials. Errors: invalid_argument, with the code kWithinReach, if it
// lies in one of `reach` by its own name or by the kernel's: whoever may write there could add a
// caller; invalid_argument if others may write it; those of reading.
inline constexpr const char* kWithinReach = "within_reach";
Result<std::string> read_credential_file(const std::string& file,
                                         const std::vector<std::string>& reach);

// Writes STATE/tokens/SERVER_ID, 0600, and gives its path. Those of servers that are gone are
// removed: a locked-in server cannot remove its own.
Result<std::string> write_token_file(memory::State& state, const std::string& server_id,
                                     const std::string& text);

}  // namespace remit::server
