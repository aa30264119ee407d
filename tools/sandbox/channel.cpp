#include "tools/sandbox/channel.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "tools/sandbox/limits.h"

namespace remit::sandbox {

Result<std::pair<Fd, Fd>> make_pipe(int flags) {
  int ends[2];
  if (pipe2(ends, flags | O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Result<void> send_message(int fd, char kind, std::string_view body,
                          std::initializer_list<int> fds) {
  if (body.size() >= kMessageBytes)
    return fail(ErrorKind::too_large, "a message between sandbox processes is too large");
  auto sent = send_datagram(fd, {&kind, 1}, body, fds, WhenFull::wait);
  if (!sent && sent.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::unavailable, "the sandbox process at the other end is gone");
  return sent;
}

Result<std::optional<Message>> receive_message(int fd) {
  auto got = receive_datagram(fd, kMessageBytes);
  if (!got && got.error().kind == ErrorKind::not_found) return std::optional<Message>{};
  if (!got) return tl::unexpected<Error>(got.error());
  return std::optional<Message>(
      Message{got->bytes.front(), got->bytes.substr(1), std::move(got->fds)});
}

}  // namespace remit::sandbox
