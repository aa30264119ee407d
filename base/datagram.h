// Messages with descriptors between processes of this program, over a pair of sequenced-packet
// sockets (man 7 unix, SCM_RIGHTS), and sealed memory for what is larger than a message.
//
// The other end is not trusted: every reader is bounded, descriptors that nobody asked for are
// closed, and sealed memory cannot change under its reader (man 2 memfd_create, F_SEAL_WRITE).
//
// Threads: reentrant; one descriptor is read by one thread at a time.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit {

struct Datagram {
  std::string bytes;
  std::vector<Fd> fds;
};

// Two ends; what is written to the one is read from the other, message by message.
Result<std::pair<Fd, Fd>> datagram_pair();

enum class WhenFull { wait, fail };
// Sends `head` and `body` as one message, with copies of `fds`, at most limits::kDatagramFds.
// Errors: not_found if nobody holds the other end; unavailable if there is no room and it may not
// wait.
Result<void> send_datagram(int socket, std::string_view head, std::string_view body,
                           std::initializer_list<int> fds, WhenFull when_full);
// Waits for the next message, of at most `most` bytes. Errors: not_found at the end; too_large if a
// part of it, or a descriptor, was cut off.
Result<Datagram> receive_datagram(int socket, std::size_t most);

// An unnamed, write-sealed file with these bytes, to be read from its start.
Result<Fd> sealed_memory(std::string_view bytes);
// Its whole content; refuses a descriptor that is not sealed or is larger than max_bytes.
Result<std::string> read_sealed(const Fd& fd, std::size_t max_bytes);

}  // namespace remit
