// Inside the starter: its main loop and the messages it takes. starter.h is the public face.
#pragma once

#include "base/fs.h"
#include "tools/sandbox/starter.h"

namespace remit::sandbox {

// Requests on the control socket; each brings its own run socket, on which the answer comes.
inline constexpr char kRunRequest = 'R';     // fds: socket, sealed plan, stdout, stderr
inline constexpr char kCanaryRequest = 'C';  // fds: socket; answer 'O' with a sealed report, or 'E'
inline constexpr char kReloadRequest = 'L';  // fds: socket; answer 'O' with sealed bytes, or 'E'

// Takes over the just forked process. `parent` is the server's pid.
[[noreturn]] void starter_main(Fd control, pid_t parent, const StarterOptions& options);

}  // namespace remit::sandbox
