#include "server/cli/console_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "server/cli/flags.h"
#include "server/cli/welcome.h"

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

}  // namespace

Result<std::string> start_console(const ConsoleFlags& flags) {
  const std::string program = own_binary() + "-http";
  std::vector<std::string> words{"remit", "console", "--listen", flags.address};
  for (const auto& [flag, value] :
       {std::pair("--state", flags.state), std::pair("--site", flags.site),
        std::pair("--workspace", flags.workspace), std::pair("--memory", flags.memory)})
    if (!value.empty()) words.insert(words.end(), {flag, value});
  if (flags.behind_proxy) words.emplace_back("--behind-proxy");
  const std::vector<char*> argv = pointers(words);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  int ends[2] = {-1, -1};
  if (!null || ::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "start the console");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "start the console");
  if (child == 0) become_console(program.c_str(), argv.data(), null.get(), theirs.get(), self);
  theirs.reset();
  std::string url = first_line(ours.get());
  if (!url.empty()) return url;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return fail(ErrorKind::unavailable, "the console did not start at " +
                                          escape_ascii(flags.address) + " (" +
                                          escape_ascii(program) + ")");
}

int become_http(const char* command, std::span<const std::string> args) {
  const std::string program = own_binary() + "-http";
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
