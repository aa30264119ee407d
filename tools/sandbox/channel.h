// Messages between worker, starter, supervisor and slot: datagrams (base/datagram.h) of a kind.
//
// Threads: reentrant; one descriptor is used by one thread at a time.
// Fails with: unavailable (peer gone, out of descriptors), too_large, internal.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/datagram.h"
#include "base/fs.h"
#include "base/result.h"

namespace remit::sandbox {

struct Message {
  char kind = 0;  // first byte of the datagram
  std::string body;
  std::vector<Fd> fds;
};

// {read end, write end}; flags as for pipe2, O_CLOEXEC is added.
Result<std::pair<Fd, Fd>> make_pipe(int flags);

Result<void> send_message(int fd, char kind, std::string_view body,
                          std::initializer_list<int> fds = {});
// Blocks for one datagram; nullopt when the peer is gone.
Result<std::optional<Message>> receive_message(int fd);

}  // namespace remit::sandbox
