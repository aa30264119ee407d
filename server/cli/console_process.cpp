#include "server/cli/console_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "server/cli/flags.h"
#include "server/cli/welcome.h"
#include "server/limits.h"
#include "server/process.h"

namespace remit::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// After fork: nothing but system calls.
[[noreturn]] void become_console(const char* program, char* const* argv, int null, int out,
                                 pid_t parent) {
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() == parent) ::execv(program, argv);
  ::_exit(kUnavailable);
}

// The first line, or what came until the end or the deadline.
std::string first_line(int from) {
  std::string out;
  const auto deadline = SteadyClock::now() + limits::kConsoleStart;
  while (out.size() < limits::kPathBytes) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd watched{from, POLLIN, 0};
    if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) == 0) return {};
    char c = 0;
    const ssize_t got = ::read(from, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    if (c == '\n') return out;
    out += c;
  }
  return {};
}

// What the console is started as. `after`: what ended the one before, or "".
std::vector<std::string> command_of(const ConsoleFlags& flags, const std::string& after) {
  std::vector<std::string> words{"remit", "console", "--listen", flags.address};
  for (const auto& [flag, value] :
       {std::pair("--state", flags.state), std::pair("--site", flags.site),
        std::pair("--workspace", flags.workspace), std::pair("--memory", flags.memory),
        std::pair("--origin", flags.origin)})
    if (!value.empty()) words.insert(words.end(), {flag, value});
  if (flags.behind_proxy) words.emplace_back("--behind-proxy");
  if (!after.empty()) words.insert(words.end(), {"--after", after});
  return words;
}

struct Started {
  pid_t pid = -1;
  std::string url;  // "": it did not start, and is gone
};

// Starts one and waits until it listens.
Result<Started> start_one(const ConsoleFlags& flags, const std::string& after) {
  const std::string program = server::own_binary() + "-http";
  std::vector<std::string> words = command_of(flags, after);
  const std::vector<char*> argv = pointers(words);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  int ends[2] = {-1, -1};
  if (!null || ::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "start the console");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t self = ::getpid();
  Started out;
  out.pid = ::fork();
  if (out.pid < 0) return fail_errno(errno, "start the console");
  if (out.pid == 0) become_console(program.c_str(), argv.data(), null.get(), theirs.get(), self);
  theirs.reset();
  out.url = first_line(ours.get());
  if (out.url.empty()) {
    ::kill(out.pid, SIGKILL);
    ::waitpid(out.pid, nullptr, 0);
  }
  return out;
}

// HOST:PORT of http://HOST:PORT/console.
std::string address_of(const std::string& url) {
  const std::size_t begin = url.find("//") + 2;
  return url.substr(begin, url.rfind('/') - begin);
}

std::string end_of(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit code " + std::to_string(WEXITSTATUS(status));
}

// Waits for the console's end, and starts it again unless it ended by itself; returns when it is
// not to be started any more.
void keep(ConsoleFlags flags, Started console) {
  flags.address = address_of(console.url);
  int tries = 0;
  std::chrono::milliseconds pause = limits::kConsolePause;
  std::string why;
  for (;;) {
    if (!console.url.empty()) {
      const auto began = SteadyClock::now();
      int status = 0;
      while (::waitpid(console.pid, &status, 0) < 0)
        if (errno != EINTR) return;
      if (WIFEXITED(status) && WEXITSTATUS(status) == kDone) return;
      if (SteadyClock::now() - began >= limits::kConsoleStable) {
        tries = 0;
        pause = limits::kConsolePause;
      }
      why = end_of(status);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, limits::kConsoleLongestPause);
    ++tries;
    log::warning("the console ended and is started again",
                 {{"by", why}, {"time", std::to_string(tries)}});
    auto again = start_one(flags, why);
    console = again ? std::move(*again) : Started();
  }
}

// The process that looks after the console: forked before the server locks itself in, because
// afterwards it may start nothing. It ends with the server, and the console with it. Its stdin and
// stdout are not the server's, whose end a client would otherwise not see.
[[noreturn]] void look_after(const ConsoleFlags& flags, int tell, pid_t server) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::prctl(PR_SET_DUMPABLE, 0);
  if (::getppid() != server) ::_exit(kUnavailable);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(null.get(), STDOUT_FILENO);
  auto console = start_one(flags, "");
  if (!console || console->url.empty()) ::_exit(kUnavailable);
  const std::string line = console->url + "\n";
  const bool told = ::write(tell, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  ::close(tell);
  if (told) keep(flags, std::move(*console));
  ::_exit(kDone);
}

}  // namespace

Result<std::string> start_console(const ConsoleFlags& flags) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "start the console");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t self = ::getpid();
  const pid_t keeper = ::fork();
  if (keeper < 0) return fail_errno(errno, "start the console");
  if (keeper == 0) look_after(flags, theirs.get(), self);
  theirs.reset();
  std::string url = first_line(ours.get());
  if (!url.empty()) return url;
  ::kill(keeper, SIGTERM);
  ::waitpid(keeper, nullptr, 0);
  return fail(ErrorKind::unavailable, "the console did not start at " +
                                          escape_ascii(flags.address) + " (" +
                                          escape_ascii(server::own_binary() + "-http") + ")");
}

int become_http(const char* command, std::span<const std::string> args) {
  const std::string program = server::own_binary() + "-http";
  std::vector<std::string> words{"remit", command};
  words.insert(words.end(), args.begin(), args.end());
  ::execv(program.c_str(), pointers(words).data());
  return report({ErrorKind::unavailable,
                 "cannot run " + escape_ascii(program) +
                     ", the part of Remit that speaks HTTP: " + errno_error(errno, "exec").message,
                 {},
                 {},
                 nullptr});
}

}  // namespace remit::cli
