// How the front, the process that starts its workers, and the workers talk (docs/agents.md):
// messages (base/datagram.h) with one descriptor or none.
//
// Threads: reentrant.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/fs.h"
#include "base/result.h"
#include "server/limits.h"

namespace remit::transport {

struct Handed {
  std::string text;
  Fd descriptor;  // or none
};

// Two ends; what is written to the one is read from the other, message by message.
Result<std::pair<Fd, Fd>> make_channel();

// Sends `text`, at most kHandedBytes, and a copy of `descriptor` unless it is -1; does not wait for
// room. Errors: not_found if nobody holds the other end; unavailable if there is no room now.
Result<void> hand_over(int channel, std::string_view text, int descriptor);

// The next message, of at most `most` bytes; waits for it. Errors: not_found at the end; too_large
// if it was cut.
Result<Handed> receive_handed(int channel, std::size_t most = limits::kHandedBytes);

}  // namespace remit::transport
