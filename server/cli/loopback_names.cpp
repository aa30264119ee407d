#include "server/cli/loopback_names.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace remit::cli {
namespace {

enum class Taken { by_us, already, nowhere };

// No SO_REUSEADDR: with it a second program could bind what we hold.
Taken take(int family, const sockaddr* address, socklen_t size, Fd& into) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Taken::nowhere;  // this machine has no IPv6
  if (::bind(fd.get(), address, size) == 0) {
    into = std::move(fd);
    return Taken::by_us;
  }
  return errno == EADDRINUSE ? Taken::already : Taken::nowhere;
}

}  // namespace

Result<LoopbackNames> LoopbackNames::hold(int port) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<std::uint16_t>(port));
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = four.sin_port;
  six.sin6_addr = in6addr_loopback;
  LoopbackNames out;
  int taken = 0;
  for (const Taken one :
       {take(AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof four, out.held_[0]),
        take(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof six, out.held_[1])})
    taken += one == Taken::already ? 1 : 0;
  // The one that we listen on is taken, and only that.
  if (taken == 1) return out;
  return fail(ErrorKind::unavailable, taken == 0
                                          ? "the console does not listen on 127.0.0.1 or ::1"
                                          : "another program has port " + std::to_string(port) +
                                                " of 127.0.0.1 or ::1, so that http://localhost:" +
                                                std::to_string(port) + " may be its site");
}

}  // namespace remit::cli
