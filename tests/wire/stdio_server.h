// StdioServer: the fixture server on two pipes, as a client that may be hostile has it; and the
// bound of memory that every such server keeps. HTTP's: http_client.h.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/within.h"

namespace remit::wire_test {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr long kPeakMib = 61;  // 64 MB
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // shadow memory is not the server's
#else
inline constexpr bool kSanitized = false;
#endif

// A server on two pipes that has been initialized (2025-11-25).
class StdioServer {
 public:
  StdioServer() {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    const char* path = std::getenv("REMIT_STDIO_FIXTURE");
    REQUIRE(path != nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl(path, "fixture_server", nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
    ::fcntl(to_, F_SETFL, O_NONBLOCK);
    say(R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":)"
        R"("2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"
        "\n"
        R"({"jsonrpc":"2.0","method":"notifications/initialized"})"
        "\n");
    REQUIRE(line().find("\"init\"") != std::string::npos);
  }
  ~StdioServer() {
    end_input();
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(from_);
  }
  StdioServer(const StdioServer&) = delete;
  StdioServer& operator=(const StdioServer&) = delete;

  enum class Reads { yes, no };
  // Writes all of it, reading meanwhile or not; false if the server took no more for `patience`.
  bool say(const std::string& bytes, Reads reads = Reads::yes, milliseconds patience = kPatience) {
    std::size_t at = 0;
    while (at < bytes.size()) {
      pollfd watched[2] = {{to_, POLLOUT, 0}, {reads == Reads::yes ? from_ : -1, POLLIN, 0}};
      if (::poll(watched, 2, static_cast<int>(patience.count())) <= 0) return false;
      if (watched[1].revents != 0 && !fill()) return false;
      if ((watched[0].revents & ~POLLOUT) != 0) return false;
      if ((watched[0].revents & POLLOUT) == 0) continue;
      const ssize_t written = ::write(to_, bytes.data() + at, bytes.size() - at);
      if (written < 0 && errno != EAGAIN) return false;
      if (written > 0) at += static_cast<std::size_t>(written);
    }
    return true;
  }
  // The next message; empty if none comes within `patience`.
  std::string line(milliseconds patience = kPatience) {
    std::size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
      pollfd ready{from_, POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0 || !fill()) return {};
    }
    std::string out = read_.substr(0, end);
    read_.erase(0, end + 1);
    return out;
  }
  void end_input() {
    if (to_ >= 0) ::close(to_);
    to_ = -1;
  }
  long peak_mib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string text; std::getline(status, text);)
      if (text.starts_with("VmHWM:")) return std::atol(text.c_str() + 6) / 1024;
    return -1;
  }
  // Its exit code, -1 if it runs on; `peak` gets the most memory it had, in MiB.
  int wait(long* peak) {
    int status = 0;
    rusage used{};
    const bool ended =
        within(kPatience, [&] { return ::wait4(pid_, &status, WNOHANG, &used) == pid_; });
    if (!ended) return -1;
    pid_ = -1;
    *peak = used.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  bool fill() {
    char piece[65536];
    const ssize_t got = ::read(from_, piece, sizeof piece);
    if (got <= 0) return false;
    read_.append(piece, static_cast<std::size_t>(got));
    return true;
  }
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string read_;
};

}  // namespace remit::wire_test
