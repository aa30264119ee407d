// Datagrams with descriptors between worker, starter, supervisor and slot (SOCK_SEQPACKET), and
// sealed memory for what is larger than a datagram.
//
// Every reader is bounded, and a reader of sealed memory can rely on it not changing under its
// feet: the sender is not trusted to leave it alone (man 2 memfd_create, F_SEAL_WRITE).
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

#include "base/fs.h"
#include "base/result.h"

namespace remit::sandbox {

struct Message {
  char kind = 0;  // first byte of the datagram
  std::string body;
  std::vector<Fd> fds;
};

Result<std::pair<Fd, Fd>> socket_pair();
// {read end, write end}; flags as for pipe2, O_CLOEXEC is added.
Result<std::pair<Fd, Fd>> make_pipe(int flags);

Result<void> send_message(int fd, char kind, std::string_view body,
                          std::initializer_list<int> fds = {});
// Blocks for one datagram; nullopt when the peer is gone.
Result<std::optional<Message>> receive_message(int fd);

// An unnamed, write-sealed file with these bytes.
Result<Fd> sealed_memory(std::string_view bytes);
// Its whole content; refuses a descriptor that is not sealed or is larger than max_bytes.
Result<std::string> read_sealed(const Fd& fd, std::size_t max_bytes);

}  // namespace remit::sandbox
