#include "base/datagram.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/limits.h"

namespace remit {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// Room for the descriptors of a message, aligned as the kernel wants it.
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * limits::kDatagramFds)> bytes{};
};

}  // namespace

Result<std::pair<Fd, Fd>> datagram_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "make a pair of sockets");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<void> send_datagram(int socket, std::string_view head, std::string_view body,
                           std::initializer_list<int> fds, WhenFull when_full) {
  if (fds.size() > limits::kDatagramFds)
    return fail(ErrorKind::too_large, "a message between processes has too many descriptors");
  iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                    {const_cast<char*>(body.data()), body.size()}};
  Control control;
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (fds.size() > 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(part), fds.begin(), sizeof(int) * fds.size());
  }
  const int flags = MSG_NOSIGNAL | (when_full == WhenFull::fail ? MSG_DONTWAIT : 0);
  for (;;) {
    if (::sendmsg(socket, &message, flags) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
      return fail(ErrorKind::not_found, "the process at the other end is gone");
    return fail(ErrorKind::unavailable,
                errno_error(errno, "send a message between processes").message);
  }
}

Result<Datagram> receive_datagram(int socket, std::size_t most) {
  Datagram out;
  out.bytes.resize(most);
  Control control;
  iovec part{out.bytes.data(), out.bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == ECONNRESET)
    return fail(ErrorKind::not_found, "the process at the other end is gone");
  if (got < 0) return fail_errno(errno, "receive a message between processes");
  // Before anything else: each is ours to close.
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
      out.fds.emplace_back(received);
    }
  }
  if (got == 0) return fail(ErrorKind::not_found, "the process at the other end is gone");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail(ErrorKind::too_large, "a message between processes was cut");
  out.bytes.resize(static_cast<std::size_t>(got));
  return out;
}

Result<Fd> sealed_memory(std::string_view bytes) {
  Fd fd(::memfd_create("remit", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno(errno, "make a memory file");
  TRY_DO(fs::write_all(fd.get(), bytes));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0 || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0)
    return fail_errno(errno, "seal a memory file");
  return fd;
}

Result<std::string> read_sealed(const Fd& fd, std::size_t max_bytes) {
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals)
    return fail(ErrorKind::denied, "a memory file from another process is not sealed");
  TRY(const struct stat st, fs::stat_of(fd));
  const auto size = static_cast<std::size_t>(st.st_size);
  if (size > max_bytes)
    return fail(ErrorKind::too_large, "a memory file holds " + std::to_string(size) +
                                          " bytes, more than " + std::to_string(max_bytes));
  return fs::read_at(fd, 0, size);
}

}  // namespace remit
