#include "server/front/launcher.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "server/front/desk.h"
#include "server/front/workers.h"
#include "server/limits.h"
#include "server/process.h"
#include "server/transport/handing.h"

namespace remit::front {
namespace {

// Runs in the process of its own until the front is gone.
class Launcher {
 public:
  Launcher(Desk& desk, Fd link, Fd signals)
      : desk_(desk), link_(std::move(link)), signals_(std::move(signals)) {}

  void run() {
    keep_deadlines();
    for (;;) {
      std::vector<pollfd> watched{{link_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      for (const int channel : workers_.watched()) watched.push_back({channel, POLLIN, 0});
      if (::poll(watched.data(), watched.size(), pause()) < 0 && errno != EINTR) return;
      if (watched[1].revents != 0 && !take_signals()) return;
      if (watched[0].revents != 0 && !take_message()) return;
      if (keeper_ == 0 && SteadyClock::now() >= keeper_rests_) keep_deadlines();
      workers_.start_waiting();
    }
  }

  ~Launcher() { workers_.end_all(keeper_); }

 private:
  // How long poll() may sleep; -1: for ever.
  int pause() {
    const std::chrono::milliseconds late = workers_.kill_late();
    if (keeper_ != 0) return static_cast<int>(late.count());
    const auto left =
        std::max(std::chrono::ceil<std::chrono::milliseconds>(keeper_rests_ - SteadyClock::now()),
                 std::chrono::milliseconds(0));
    return static_cast<int>(
        (late < std::chrono::milliseconds(0) ? left : std::min(left, late)).count());
  }

  // False: it is to end.
  bool take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == static_cast<std::uint32_t>(SIGTERM)) return false;
      if (info.ssi_signo == static_cast<std::uint32_t>(SIGHUP) && info.ssi_code != SI_KERNEL)
        reload();
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
      if (!workers_.ended(pid, status) && pid == keeper_) keeper_ended();
    return true;
  }

  // False: the front is gone.
  bool take_message() {
    const auto said = transport::receive_handed(link_.get());
    if (!said) return false;
    const auto message = parse_json(said->text);
    if (!message || !message->is_object()) return true;
    try {
      if (message->contains("reload")) reload();
      if (message->contains("open"))
        return open_channel(message->at("open").get<std::int64_t>(), *message);
    } catch (const Json::exception& error) {
      log::error("the front said something unknown", {{"what", error.what()}});
    }
    return true;
  }

  // Answers whatever comes of it.
  bool open_channel(std::int64_t number, const Json& asked) {
    Json answer{{"opened", number}};
    auto end = opened(asked);
    if (!end) answer["error"] = end.error().message;
    auto told = transport::hand_over(link_.get(), dump(answer), end ? end->get() : -1);
    if (!told && end && told.error().kind != ErrorKind::not_found) {
      // Perhaps it is the descriptor that could not go (unix(7), ETOOMANYREFS).
      answer["error"] = told.error().message;
      told = transport::hand_over(link_.get(), dump(answer), -1);
    }
    if (!told) log::error("the front has no answer", {{"why", told.error().message}});
    return told || told.error().kind != ErrorKind::not_found;
  }
  Result<Fd> opened(const Json& asked) {
    const auto agent = asked.find("agent"), instruction = asked.find("instruction");
    if (agent == asked.end() || !agent->is_string() || instruction == asked.end() ||
        !instruction->is_string())
      return fail(ErrorKind::invalid_argument, "the front asked for nobody");
    const Workers::Key key(agent->get<std::string>(), instruction->get<std::string>());
    TRY(Workers::Plan plan, desk_.plan(key.first, key.second));
    return workers_.open(key, std::move(plan));
  }

  void reload() {
    Desk::Changed changed = desk_.read_again();
    for (const std::string& agent : changed.agents) workers_.retire(agent);
    // Before it is in the ledger, which `remit reload` takes for the answer.
    if (const auto told =
            transport::hand_over(link_.get(), R"({"table":)" + encode(desk_.table()) + "}", -1);
        !told) {
      changed.why = "the front was not told, reload again: " + told.error().message;
      log::error("reload", {{"why", changed.why}});
    }
    desk_.record_reload(changed);
  }

  void keep_deadlines() {
    const auto started = start_process({server::own_binary(), desk_.keeper_words(), -1, -1});
    if (started)
      keeper_ = *started;
    else
      keeper_ended();
    keeper_started_ = SteadyClock::now();
  }
  void keeper_ended() {
    const auto now = SteadyClock::now();
    keeper_ends_ = now - keeper_started_ >= limits::kWorkerSettled ? 1 : keeper_ends_ + 1;
    keeper_ = 0;
    keeper_rests_ = now + std::max(rest_after(keeper_ends_), limits::kWorkerBackoff);
    log::error("the keeper of deadlines ended; it starts again");
  }

  Desk& desk_;
  const Fd link_, signals_;
  Workers workers_{server::own_binary() + "-http"};
  pid_t keeper_ = 0;
  int keeper_ends_ = 0;
  SteadyClock::time_point keeper_started_, keeper_rests_;
};

Fd signals_of_launcher() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// The launcher's whole life. What is said first is the table, or why there is none.
int live(const LauncherOptions& options, Fd link, pid_t parent) {
  Fd signals = signals_of_launcher();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent || !signals) return server::kUnavailable;
  auto desk = Desk::open(options);
  if (!desk) {
    const Json why{{"error", desk.error().message},
                   {"usage", server::exit_code(desk.error()) == server::kUsage}};
    static_cast<void>(transport::hand_over(link.get(), dump(why), -1));
    return server::kUnavailable;
  }
  const std::string first = R"({"token_file":)" + dump(Json((*desk)->token_file())) +
                            R"(,"table":)" + encode((*desk)->table()) + "}";
  if (const auto told = transport::hand_over(link.get(), first, -1); !told)
    return server::kUnavailable;
  Launcher(**desk, std::move(link), std::move(signals)).run();
  return server::kDone;
}

}  // namespace

Result<Launched> launch(const LauncherOptions& options) {
  TRY(auto ends, transport::make_channel());
  const pid_t self = ::getpid();
  Launched out;
  out.pid = ::fork();
  if (out.pid < 0) return fail_errno(errno, "start the process that starts workers");
  if (out.pid == 0) {
    ends.first.reset();
    int code = server::kUnavailable;
    try {
      code = live(options, std::move(ends.second), self);
    } catch (const std::exception& error) {
      log::error("the process that starts workers failed", {{"what", error.what()}});
    }
    ::_exit(code);
  }
  ends.second.reset();
  const auto first = transport::receive_handed(ends.first.get());
  if (!first) return fail(ErrorKind::unavailable, "the process that starts workers ended at once");
  TRY(const Json said, parse_json(first->text));
  if (said.contains("error"))
    return fail(said.value("usage", false) ? ErrorKind::invalid_argument : ErrorKind::unavailable,
                said.value("error", ""));
  out.token_file = said.value("token_file", "");
  TRY(out.table, decode(dump(said["table"])));
  out.link = std::move(ends.first);
  return out;
}

}  // namespace remit::front
