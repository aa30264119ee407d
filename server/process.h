// What every process of this program agrees on: how it ends, and where its binaries lie.
// Threads: any.
#pragma once

#include <string>

#include "base/result.h"

namespace remit::server {

// Exit codes of every command (docs/cli.md).
inline constexpr int kDone = 0;         // done
inline constexpr int kFindings = 1;     // findings or a denial
inline constexpr int kUsage = 2;        // the command line is wrong
inline constexpr int kUnavailable = 3;  // something could not be had or read
inline constexpr int kPartial = 4;      // a partial answer

// The exit code of an error: denied and conflicts 1, invalid arguments 2, partial never, rest 3.
int exit_code(const Error& error);

// Absolute path of `remit`, for configurations (never a wrapper script), also in remit-http, which
// lies beside it.
std::string own_binary();

}  // namespace remit::server
