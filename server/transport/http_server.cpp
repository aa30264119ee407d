#include "server/transport/http_server.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <exception>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "server/transport/hangup.h"
#include "server/transport/http_listener.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kLargeBlock = 256 << 10, kArenas = 4;
constexpr rlim_t kDescriptors = 4096;  // two per connection, three of a front; files, the starter

sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

struct Address {
  std::string host;
  int port = 0;
  bool loopback = false;
};

Result<Address> parse_address(const std::string& text, const char* flag) {
  const auto bad = [&] {
    return fail(ErrorKind::invalid_argument, "not an address to listen on: " + escape_ascii(text) +
                                                 "; " + flag + " takes HOST:PORT");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return bad();
  Address out;
  out.host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || out.port < 0 || out.port > 65535)
    return bad();
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  in_addr four{};
  constexpr std::uint32_t kLoopbackNet = 127;
  out.loopback = out.host == "localhost" || out.host == "::1" ||
                 (::inet_pton(AF_INET, out.host.c_str(), &four) == 1 &&
                  ntohl(four.s_addr) >> 24 == kLoopbackNet);
  return out;
}

// Clears away the socket of a server that is gone.
Result<void> clear_socket(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail(ErrorKind::unavailable, escape_ascii(path) + " exists and is no socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::invalid_argument, "the path of the socket is too long");
  std::copy(path.begin(), path.end(), address.sun_path);
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fail(ErrorKind::unavailable, escape_ascii(path) + " is in use by another server");
  ::unlink(path.c_str());
  return {};
}

int bound_port(int socket) {
  sockaddr_in6 address{};  // as large as either
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin6_port);  // at the same place in sockaddr_in
}

}  // namespace

struct HttpServer::Parts {
  HttpMetrics metrics;  // opened before the lock
  Wake drain, finished;
  Fd signals;
  HttpListener listener{drain.fd()};
  std::string url;
};

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HttpServer::~HttpServer() = default;
const std::string& HttpServer::url() const {
  return parts_->url;
}

void HttpServer::block_signals() {
  const sigset_t set = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start_listening(const HttpOptions& options) {
  block_signals();
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kDescriptors) {
    files.rlim_cur = std::min(kDescriptors, files.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }

  // A large body or answer goes back to the system when it is done with, instead of staying with
  // the connection's thread: glibc gives each thread an arena and raises the threshold at every
  // free.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  ::mallopt(M_ARENA_MAX, kArenas);

  auto parts = std::make_unique<Parts>();
  const sigset_t set = ending_signals();
  parts->signals.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (parts->drain.fd() < 0 || parts->finished.fd() < 0 || !parts->signals)
    return fail(ErrorKind::unavailable,
                "no descriptors to be had for signals and the end; raise `ulimit -n`");
  HttpListener& listener = parts->listener;
  std::string where;
  bool bound = false;
  if (options.channel >= 0) {
    listener.take_from(Fd(options.channel));
    parts->url = "channel:";
    bound = true;
  } else if (!options.socket.empty()) {
    if (options.socket.size() >= sizeof(sockaddr_un::sun_path))
      return fail(ErrorKind::invalid_argument, "the path of the socket is too long");
    TRY_DO(clear_socket(options.socket));
    where = options.socket;
    const mode_t before = ::umask(0177);
    bound = listener.listen_unix(options.socket);
    ::umask(before);
    parts->url = "unix:" + options.socket;
  } else {
    TRY(const Address address, parse_address(options.address, options.flag));
    if (!address.loopback && !options.behind_proxy)
      return fail(ErrorKind::invalid_argument,
                  std::string(options.flag) + " " + escape_ascii(options.address) +
                      " is no loopback address: put a proxy in front (docs/protocol.md) and add "
                      "--behind-proxy");
    where = options.address;
    // The name is never asked of anybody (RFC 6761, 6.3): who answers could send us elsewhere, and a
    // machine without /etc/hosts has nobody to ask.
    bound = listener.listen_at(address.host == "localhost" ? "127.0.0.1" : address.host,
                               address.port);
    const bool six = address.host.find(':') != std::string::npos;
    if (bound)
      parts->url = "http://" + (six ? "[" + address.host + "]" : address.host) + ":" +
                   std::to_string(bound_port(listener.socket())) + options.path;
  }
  if (!bound)
    return fail(ErrorKind::unavailable,
                "cannot listen on " + escape_ascii(where) + ": " +
                    (errno == EADDRINUSE ? std::string("it is in use")
                                         : errno_error(errno, "bind").message));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

HttpMetrics& HttpServer::metrics() {
  return parts_->metrics;
}

namespace {

// Looks from time to time whether a server has had nothing to do for long enough.
class IdleWatch {
 public:
  IdleWatch(const HttpIdle& idle, const HttpMetrics& metrics) : idle_(idle), metrics_(metrics) {}
  // How long poll() may sleep; -1: for ever.
  milliseconds pause() const {
    return idle_.after > milliseconds(0) ? std::max(idle_.after / kLooks, milliseconds(1))
                                         : milliseconds(-1);
  }
  bool is_over() {
    if (idle_.after <= milliseconds(0)) return false;
    const auto now = SteadyClock::now();
    const std::uint64_t begun = metrics_.begun;
    if (begun != begun_ || metrics_.in_flight > 0 || (idle_.busy && idle_.busy())) since_ = now;
    begun_ = begun;
    return now - since_ >= idle_.after;
  }

 private:
  static constexpr int kLooks = 8;  // within the time after which it ends
  const HttpIdle& idle_;
  const HttpMetrics& metrics_;
  std::uint64_t begun_ = 0;
  SteadyClock::time_point since_ = SteadyClock::now();
};

}  // namespace

int HttpServer::serve(HttpSite& site, const std::function<void()>& on_reload,
                      const HttpIdle& idle) {
  const OwnTerminal terminal;
  IdleWatch idle_watch(idle, parts_->metrics);
  std::thread accepting([&] {
    try {
      parts_->listener.serve(site);
    } catch (const std::exception& e) {
      log::error("the listener failed", {{"what", e.what()}});
    } catch (...) {
      log::error("the listener failed");
    }
    parts_->finished.ring();
  });

  int seen = 0;
  std::optional<SteadyClock::time_point> deadline;
  const auto end = [&] {
    site.drain();
    parts_->drain.ring();
    parts_->listener.end();
    deadline = SteadyClock::now() + limits::kShutdownWithTools;
  };
  for (;;) {
    std::array<pollfd, 2> watched = {
        {{parts_->signals.get(), POLLIN, 0}, {parts_->finished.fd(), POLLIN, 0}}};
    const auto left = deadline ? std::chrono::ceil<milliseconds>(*deadline - SteadyClock::now())
                               : idle_watch.pause();
    if (deadline && left <= milliseconds(0)) {
      log::warning("calls did not stop in time; ending the process");
      ::_exit(0);
    }
    if (::poll(watched.data(), watched.size(), static_cast<int>(left.count())) < 0 &&
        errno != EINTR)
      break;
    if (watched[1].revents != 0) break;
    if (!deadline && idle_watch.is_over()) {
      ++seen;  // as if it had been told to
      end();
      continue;
    }
    signalfd_siginfo info{};
    while (::read(parts_->signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (on_reload && info.ssi_signo == static_cast<std::uint32_t>(SIGHUP) && !is_hangup(info) &&
          !terminal.gone()) {
        on_reload();
        continue;
      }
      if (++seen > 1) ::_exit(1);
      end();
    }
  }
  accepting.join();
  // A handler that heeds no stop would keep its thread, and so the process, for as long as it
  // likes.
  const SteadyClock::time_point last =
      deadline.value_or(SteadyClock::now() + limits::kShutdownWithTools);
  const auto left = std::chrono::ceil<milliseconds>(last - SteadyClock::now());
  if (!site.stop(std::max(left, milliseconds(0)))) {
    log::warning("calls did not stop in time; ending the process");
    ::_exit(0);
  }
  return seen > 0 ? 0 : 3;
}

}  // namespace remit::transport
