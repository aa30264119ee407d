// remit-pty: runs a command on a pseudo-terminal of its own and types into it, for tests and the
// demo of commands that insist on a person's terminal.
//
//   remit-pty [--timeout SECONDS] [--expect TEXT | --send LINE | --secret LINE]... -- COMMAND
//   ARG...
//
// Steps run in order: --expect waits until TEXT was printed (after what earlier steps matched),
// --send types a line, --secret waits until the command switched echo off, then types a line.
// What the command prints goes to stdout. Exit code: the command's, 124 if a step timed out, 125
// for an error of this program.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kTimedOut = 124;
constexpr int kBroken = 125;
constexpr int kPollMs = 20;  // echo has no event to wait for; output has

using SteadyTime = std::chrono::steady_clock::time_point;

struct Step {
  enum class Kind { expect, send, secret } kind = Kind::expect;
  std::string text;
};

class Terminal {
 public:
  Terminal(int master, SteadyTime deadline) : master_(master), deadline_(deadline) {}

  // Returns false if the deadline passed or the command ended before the step was done.
  bool run(const Step& step) {
    switch (step.kind) {
      case Step::Kind::expect:
        while (!seen(step.text)) {
          if (!pump()) return seen(step.text);
        }
        return true;
      case Step::Kind::secret:
        while (echoes()) {
          if (!pump()) return false;
        }
        return type(step.text);
      case Step::Kind::send:
        return type(step.text);
    }
    return false;
  }

  // Reads until the command closes the terminal; false if the deadline passed.
  bool drain() {
    while (pump()) {
    }
    return ended_;
  }

 private:
  bool seen(const std::string& text) {
    const std::size_t at = output_.find(text, matched_);
    if (at == std::string::npos) return false;
    matched_ = at + text.size();
    return true;
  }

  bool echoes() const {
    termios mode{};
    return ::tcgetattr(master_, &mode) != 0 || (mode.c_lflag & ECHO) != 0;
  }

  bool type(const std::string& line) const {
    const std::string bytes = line + "\n";
    return ::write(master_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }

  // Takes what the command printed, waiting a little. False: no more will come, or too late.
  bool pump() {
    if (ended_ || std::chrono::steady_clock::now() > deadline_) return false;
    pollfd waiting{master_, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) return true;
    char buffer[4096];
    const ssize_t got = ::read(master_, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) {  // EIO: the last holder of the other side is gone
      ended_ = true;
      return false;
    }
    const std::string_view text(buffer, static_cast<std::size_t>(got));
    output_ += text;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return true;
  }

  int master_;
  SteadyTime deadline_;
  std::string output_;
  std::size_t matched_ = 0;
  bool ended_ = false;
};

int usage() {
  std::fputs(
      "usage: remit-pty [--timeout S] [--expect TEXT | --send LINE | --secret LINE]... -- "
      "COMMAND ARG...\n",
      stderr);
  return kBroken;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kBroken;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Step> steps;
  int timeout_s = 30;
  int i = 1;
  for (; i + 1 < argc && std::strcmp(argv[i], "--") != 0; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--timeout") {
      timeout_s = std::atoi(argv[i + 1]);
    } else if (option == "--expect") {
      steps.push_back({Step::Kind::expect, argv[i + 1]});
    } else if (option == "--send") {
      steps.push_back({Step::Kind::send, argv[i + 1]});
    } else if (option == "--secret") {
      steps.push_back({Step::Kind::secret, argv[i + 1]});
    } else {
      return usage();
    }
  }
  if (i + 1 >= argc || std::strcmp(argv[i], "--") != 0 || timeout_s <= 0) return usage();

  int master = -1;
  const winsize size{40, 120, 0, 0};
  const pid_t child = ::forkpty(&master, nullptr, nullptr, &size);
  if (child < 0) {
    std::perror("remit-pty: forkpty");
    return kBroken;
  }
  if (child == 0) {
    ::execvp(argv[i + 1], argv + i + 1);
    std::perror(argv[i + 1]);
    ::_exit(127);
  }
  Terminal terminal(master, std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s));
  for (const Step& step : steps) {
    if (terminal.run(step)) continue;
    if (::waitpid(child, nullptr, WNOHANG) == 0) {
      std::fprintf(stderr, "remit-pty: waited in vain for step '%s'\n", step.text.c_str());
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    return kTimedOut;
  }
  if (!terminal.drain()) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return kTimedOut;
  }
  return wait_for(child);
}
