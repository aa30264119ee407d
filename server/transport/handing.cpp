#include "server/transport/handing.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace remit::transport {
namespace {

constexpr int kChannelRoom = 1 << 20;  // halved or less by net.core.wmem_max

// Room for one descriptor, aligned as the kernel wants it.
union Control {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr aligned;
};

}  // namespace

Result<std::pair<Fd, Fd>> make_channel() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "make a pair of sockets");
  for (const int end : ends)
    ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kChannelRoom, sizeof kChannelRoom);
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<void> hand_over(int channel, std::string_view text, int descriptor) {
  if (text.size() > limits::kHandedBytes)
    return fail(ErrorKind::too_large, "a message between processes is too long");
  iovec piece{const_cast<char*>(text.data()), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
      return fail(ErrorKind::not_found, "the other process has ended");
    return fail(ErrorKind::unavailable, errno_error(errno, "hand over a message").message);
  }
}

Result<Handed> receive_handed(int channel, std::size_t most) {
  Handed out;
  out.text.resize(most);
  iovec piece{out.text.data(), out.text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t got = 0;
  do {
    got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return fail(ErrorKind::not_found, "the other process has ended");
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
    out.descriptor.reset(descriptor);
  }
  if ((message.msg_flags & MSG_TRUNC) != 0)
    return fail(ErrorKind::not_found, "the other process sent too long a message");
  out.text.resize(static_cast<std::size_t>(got));
  return out;
}

}  // namespace remit::transport
