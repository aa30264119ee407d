#include "server/front/workers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/datagram.h"
#include "base/log.h"
#include "base/text.h"
#include "server/limits.h"
#include "server/process.h"
#include "server/transport/handing.h"

namespace remit::front {
namespace {

using std::chrono::milliseconds;

constexpr int kFirstGiven = 3;
constexpr int kSpare = 64;  // descriptors are moved above this one before they get their numbers

// After fork: nothing but system calls.
[[noreturn]] void become(const char* program, char* const* argv, int null, int third, int fourth,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(server::kUnavailable);
  const int high_third = third < 0 ? -1 : ::fcntl(third, F_DUPFD, kSpare);
  const int high_fourth = fourth < 0 ? -1 : ::fcntl(fourth, F_DUPFD, kSpare);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  int next = kFirstGiven;
  if (high_third >= 0) ::dup2(high_third, next++);
  if (high_fourth >= 0) ::dup2(high_fourth, next++);
  ::close_range(static_cast<unsigned>(next), ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(program, argv);
  ::_exit(server::kUnavailable);
}

// Whether a connection waits in a channel, or nobody is left who could send one.
enum class Waiting { nothing, connection, nobody };
Waiting look(const Fd& channel) {
  char byte = 0;
  const ssize_t got = ::recv(channel.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return Waiting::connection;
  return got == 0 ? Waiting::nobody : Waiting::nothing;
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<pid_t> start_process(const Start& start) {
  std::vector<std::string> words = start.words;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail_errno(errno, "open /dev/null");
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorKind::unavailable, errno_error(errno, "start a process").message);
  if (child == 0)
    become(start.program.c_str(), argv.data(), null.get(), start.third, start.fourth, self);
  return child;
}

milliseconds rest_after(int times) {
  milliseconds rest{0};
  for (int i = 1; i < times && rest < limits::kWorkerBackoffMax; ++i)
    rest = std::max(limits::kWorkerBackoff, rest * 2);
  return std::min(rest, limits::kWorkerBackoffMax);
}

Workers::~Workers() {
  end_all();
}

Result<Fd> Workers::open(const Key& key, Plan plan) {
  const auto now = SteadyClock::now();
  std::erase_if(workers_, [&](const auto& one) {
    return !one.second.channel && one.second.rests_until + limits::kWorkerSettled < now;
  });
  const auto known = workers_.find(key);
  if (known == workers_.end()) {
    const auto of_agent = static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(),
                      [&](const auto& one) { return one.first.first == key.first; }));
    if (of_agent >= limits::kWorkersOfAgent)
      return fail(ErrorKind::unavailable,
                  "this agent works on " + std::to_string(of_agent) +
                      " instructions already, the most that one may; retry when one is idle");
    if (workers_.size() >= limits::kWorkers)
      return fail(ErrorKind::unavailable, std::to_string(workers_.size()) +
                                              " workers are all that may be; retry when one is "
                                              "idle");
  } else if (known->second.rests_until > now) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(known->second.rests_until - now);
    return fail(ErrorKind::unavailable,
                "the worker of this agent has ended " + std::to_string(known->second.crashes) +
                    " times in a row; the next start is in " + std::to_string(left.count()) +
                    " s (its own words are in the server's log)");
  }
  TRY(auto ends, transport::make_channel());
  Worker& worker = workers_[key];
  if (worker.pid != 0) {  // it reads a channel that nobody writes to any more
    tell_to_end(std::exchange(worker.pid, 0));
  }
  worker.plan = std::move(plan);
  worker.channel = std::move(ends.second);
  return std::move(ends.first);
}

void Workers::start(const Key& key, Worker& worker) {
  auto file = sealed_memory(worker.plan.packed);
  const auto pid =
      file ? start_process({program_, worker.plan.words, worker.channel.get(), file->get()})
           : tl::unexpected<Error>(file.error());
  worker.started = SteadyClock::now();
  if (!pid) return crashed(key, worker, pid.error().message);
  worker.pid = *pid;
  log::info("a worker starts",
            {{"agent", key.first}, {"instruction", key.second}, {"pid", std::to_string(*pid)}});
}

void Workers::crashed(const Key& key, Worker& worker, const std::string& how) {
  const auto now = SteadyClock::now();
  worker.crashes = now - worker.started >= limits::kWorkerSettled ? 1 : worker.crashes + 1;
  const milliseconds rest = rest_after(worker.crashes);
  worker.rests_until = now + rest;
  if (rest > milliseconds(0)) worker.channel.reset();
  log::error("a worker crashed", {{"agent", key.first},
                                  {"instruction", key.second},
                                  {"how", how},
                                  {"in_a_row", std::to_string(worker.crashes)},
                                  {"rests_ms", std::to_string(rest.count())}});
}

bool Workers::ended(pid_t pid, int status) {
  if (retired_.erase(pid) > 0) return true;
  for (auto at = workers_.begin(); at != workers_.end(); ++at) {
    auto& [key, worker] = *at;
    if (worker.pid != pid) continue;
    worker.pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      crashed(key, worker, how_it_ended(status));
      return true;
    }
    log::info("a worker ended, for it was idle",
              {{"agent", key.first}, {"instruction", key.second}});
    // What came meanwhile is for the next one. Else the channel is closed, and the front, whose
    // next connection finds nobody, asks for a new one.
    if (look(worker.channel) == Waiting::connection)
      worker.crashes = 0;
    else
      workers_.erase(at);
    return true;
  }
  return false;
}

void Workers::retire(const std::string& agent) {
  std::erase_if(workers_, [&](const auto& one) {
    if (one.first.first != agent) return false;
    if (one.second.pid != 0) tell_to_end(one.second.pid);
    return true;
  });
}

void Workers::tell_to_end(pid_t pid) {
  ::kill(pid, SIGTERM);
  retired_[pid] = SteadyClock::now() + limits::kWorkerEnd;
}

milliseconds Workers::kill_late() {
  const auto now = SteadyClock::now();
  milliseconds next{-1};
  for (auto& [pid, deadline] : retired_) {
    if (deadline <= now) {
      log::warning("a worker that was told to end is killed", {{"pid", std::to_string(pid)}});
      ::kill(pid, SIGKILL);
      deadline = now + limits::kWorkerEnd;  // it is forgotten when ended() hears of it
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - now);
    next = next < milliseconds(0) ? left : std::min(next, left);
  }
  return next;
}

void Workers::end_all(pid_t other) {
  for (const auto& [key, worker] : workers_)
    if (worker.pid != 0) tell_to_end(worker.pid);
  workers_.clear();
  if (other != 0) tell_to_end(other);
  std::vector<pid_t> left;
  for (const auto& [pid, deadline] : std::exchange(retired_, {})) left.push_back(pid);
  await_ends(std::move(left), limits::kWorkerEnd);
}

void await_ends(std::vector<pid_t> left, milliseconds patience) {
  const auto deadline = SteadyClock::now() + patience;
  constexpr milliseconds kLook{10};
  while (!left.empty()) {
    std::erase_if(left, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    if (left.empty()) return;
    if (SteadyClock::now() >= deadline) break;
    ::poll(nullptr, 0, static_cast<int>(kLook.count()));
  }
  for (const pid_t pid : left) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
}

std::vector<int> Workers::watched() const {
  std::vector<int> out;
  for (const auto& [key, worker] : workers_)
    if (worker.pid == 0 && worker.channel) out.push_back(worker.channel.get());
  return out;
}

void Workers::start_waiting() {
  for (auto at = workers_.begin(); at != workers_.end();) {
    auto& [key, worker] = *at;
    const bool asleep = worker.pid == 0 && worker.channel;
    const Waiting waiting = asleep ? look(worker.channel) : Waiting::nothing;
    if (waiting == Waiting::connection) start(key, worker);
    at = waiting == Waiting::nobody ? workers_.erase(at) : std::next(at);
  }
}

std::size_t Workers::running() const {
  return static_cast<std::size_t>(std::count_if(
      workers_.begin(), workers_.end(), [](const auto& one) { return one.second.pid != 0; }));
}

}  // namespace remit::front
