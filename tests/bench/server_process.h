// A server on stdio as a benchmark sees it: a child process, one line a question, one an answer.
// Whatever goes wrong ends the benchmark with a word on stderr.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern char** environ;

namespace remit::bench {

inline constexpr int kReplyTimeoutMs = 30'000;

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  std::exit(3);
}

// One running server: a child process and its two pipes.
class Server {
 public:
  explicit Server(const std::vector<std::string>& command) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) die("pipe2 failed");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    if (::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) {
      die("cannot start " + command[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  ~Server() {
    if (to_ >= 0) ::close(to_);
    ::close(from_);
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  pid_t pid() const { return pid_; }

  // Ends its input and waits until it is gone.
  void end_input() {
    ::close(to_);
    to_ = -1;
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // Sends `signal` and waits until it is gone.
  void end_by(int signal) {
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  void send(const std::string& line) const {
    const std::string bytes = line + "\n";
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t wrote = ::write(to_, bytes.data() + done, bytes.size() - done);
      if (wrote <= 0) die("the server closed its input");
      done += static_cast<std::size_t>(wrote);
    }
  }

  // The next line that is an answer (has "id"); notifications are passed over.
  std::string reply() {
    for (;;) {
      const std::size_t end = buffer_.find('\n');
      if (end == std::string::npos) {
        fill();
        continue;
      }
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.find("\"id\"") != std::string::npos) return line;
    }
  }

  std::string ask(const std::string& line) {
    send(line);
    return reply();
  }

 private:
  void fill() {
    pollfd waiting{from_, POLLIN, 0};
    if (::poll(&waiting, 1, kReplyTimeoutMs) <= 0) die("no answer within 30 s");
    char bytes[65536];
    const ssize_t got = ::read(from_, bytes, sizeof bytes);
    if (got <= 0) die("the server ended without an answer");
    buffer_.append(bytes, static_cast<std::size_t>(got));
  }

  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string buffer_;
};

inline constexpr const char* kInitialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})";
inline constexpr const char* kInitialized =
    R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
inline void handshake(Server& server) {
  server.ask(kInitialize);
  server.send(kInitialized);
}

}  // namespace remit::bench
