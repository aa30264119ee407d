// stdio: MCP on the process's own stdin and stdout, one JSON message per line.
//
//   int main() {
//     auto pipe = remit::transport::take_stdio();      // before anything can print
//     ...
//     return remit::transport::serve_stdio(std::move(pipe), server);
//   }
//
// Threads: two wait at the pipe, the calling one and, from the first call on, a second one. Whoever
// the kernel wakes (the one that waited last, so in ping-pong use always the same) reads, cuts
// frames under a mutex, and does the work of the last frame itself while the other one waits at the
// pipe in its place: no call pays for waking a thread, and cancellations, signals and the end of
// input are seen at once, however long the work takes. While one of the two works, the other hands
// what it reads to the pool. Neither ever waits for the client to read.
//
// serve_stdio() ends at end of input, SIGTERM, SIGINT, a broken output pipe or the parent's death:
// calls are cancelled and it returns, at the latest after kShutdownWithTools. If handlers are still
// at work then, it ends the process itself (their threads cannot be joined). A second signal ends
// the process at once. SIGHUP is the operator's reload, unless its terminal went away
// (transport/hangup.h) or there is nothing to reload: then it ends like SIGTERM.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/fs.h"
#include "server/mcp/dispatcher.h"

namespace remit::transport {

// The client's side of the process, out of reach of libraries and children.
struct ProtocolPipe {
  Fd in;                   // what was fd 0; fd 0 is /dev/null now
  Fd out;                  // what was fd 1; fd 1 is stderr now
  bool in_waits = true;    // reading may block: ask poll first
  bool in_socket = false;  // read with MSG_DONTWAIT
  bool out_waits = true;   // writing may block: ask poll first
  pid_t parent = 0;        // whose death ends us
};

// Takes stdin and stdout away from the process, blocks SIGTERM, SIGINT and SIGHUP in this and all
// later threads, ignores SIGPIPE and asks for a signal when the parent dies. Call it first in
// main().
ProtocolPipe take_stdio();

// Serves until the client is gone. Returns the process's exit code. `on_reload`: on one of the
// threads at the pipe, one call at a time; must not wait. Null: nothing to reload.
int serve_stdio(ProtocolPipe pipe, mcp::Server& server, std::function<void()> on_reload = nullptr);

}  // namespace remit::transport
