// The console of `remit serve --console`: a process of its own, `remit-http console`, because a
// server locks itself away from the PIN and from the key that signs a person's yes. A third
// process, forked from the server before it locks itself in, looks after it: a console that dies is
// started again at the same address (kConsolePause), with a line on stderr and a row of the ledger;
// people log in again. Both end with the server.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace remit::cli {

inline constexpr const char* kConsoleAddress = "127.0.0.1:8812";  // by default

struct ConsoleFlags {
  std::string address;                         // HOST:PORT
  std::string state, site, workspace, memory;  // "" = the console's own defaults
  bool behind_proxy = false;
  std::string origin;  // with behind_proxy: https://HOST as browsers see it, or ""
};

// Starts it and waits until it listens; gives its address, "http://127.0.0.1:8812/console". Call it
// before there are threads, a database, or a pipe that it must not inherit. Errors: unavailable;
// the process says why on stderr.
Result<std::string> start_console(const ConsoleFlags& flags);

// Becomes remit-http with this command line; returns only if that fails.
int become_http(const char* command, std::span<const std::string> args);

}  // namespace remit::cli
