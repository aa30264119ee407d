#include "tools/sandbox/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tools/sandbox/limits.h"

namespace remit::sandbox {

namespace {
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
}

Result<std::pair<Fd, Fd>> socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "make a socket pair");
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Result<std::pair<Fd, Fd>> make_pipe(int flags) {
  int ends[2];
  if (pipe2(ends, flags | O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Result<void> send_message(int fd, char kind, std::string_view body,
                          std::initializer_list<int> fds) {
  if (body.size() >= kMessageBytes || fds.size() > kMessageFds)
    return fail(ErrorKind::too_large, "a message between sandbox processes is too large");
  iovec parts[2] = {{&kind, 1}, {const_cast<char*>(body.data()), body.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMessageFds)> control{};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (fds.size() > 0) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(part), fds.begin(), sizeof(int) * fds.size());
  }
  for (;;) {
    if (sendmsg(fd, &header, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET)
      return fail(ErrorKind::unavailable, "the sandbox process at the other end is gone");
    return fail_errno(errno, "send a message between sandbox processes");
  }
}

Result<std::optional<Message>> receive_message(int fd) {
  std::string buffer(kMessageBytes, '\0');
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMessageFds)> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == ECONNRESET) return std::optional<Message>{};
  if (got < 0) return fail_errno(errno, "receive a message between sandbox processes");
  Message message;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
      message.fds.emplace_back(received);
    }
  }
  if (got == 0) return std::optional<Message>{};
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail(ErrorKind::too_large, "a message between sandbox processes was cut");
  message.kind = buffer[0];
  message.body.assign(buffer, 1, static_cast<std::size_t>(got) - 1);
  return std::optional<Message>(std::move(message));
}

Result<Fd> sealed_memory(std::string_view bytes) {
  Fd fd(memfd_create("remit", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno(errno, "make a memory file");
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno(errno, "write a memory file");
    done += static_cast<std::size_t>(n);
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno(errno, "seal a memory file");
  return fd;
}

Result<std::string> read_sealed(const Fd& fd, std::size_t max_bytes) {
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals)
    return fail(ErrorKind::denied, "a memory file from another process is not sealed");
  struct stat st{};
  if (fstat(fd.get(), &st) != 0) return fail_errno(errno, "look at a memory file");
  const auto size = static_cast<std::size_t>(st.st_size);
  if (size > max_bytes)
    return fail(ErrorKind::too_large, "a memory file holds " + std::to_string(size) +
                                          " bytes, more than " + std::to_string(max_bytes));
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(fd.get(), bytes.data() + done, size - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno(n == 0 ? EIO : errno, "read a memory file");
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace remit::sandbox
