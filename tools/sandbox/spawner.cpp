// The server's side: start_starter() and the policy::Spawner it returns.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "tools/sandbox/channel.h"
#include "tools/sandbox/follow.h"
#include "tools/sandbox/plan.h"
#include "tools/sandbox/slot.h"
#include "tools/sandbox/starter.h"
#include "tools/sandbox/starter_process.h"
#include "tools/sandbox/supervisor.h"

namespace remit::sandbox {

namespace {

constexpr std::size_t kReportBytes = 1u << 20;
constexpr std::size_t kReloadBytes = 4u << 20;  // a persona and two manifests at their limits
constexpr useconds_t kExitStep = 1000;          // µs between looks at an exiting starter
constexpr int kExitSteps = 500;

class Spawner final : public StarterSpawner {
 public:
  Spawner(pid_t starter, Fd control, Fd canary)
      : starter_(starter), control_(std::move(control)), canary_(std::move(canary)) {}

  // Ends the starter; every command that still runs dies with it.
  ~Spawner() override {
    control_.reset();
    for (int step = 0; step < kExitSteps; ++step) {
      const pid_t ended = waitpid(starter_, nullptr, WNOHANG);
      if (ended == starter_ || (ended < 0 && errno == ECHILD)) return;
      usleep(kExitStep);
    }
    kill(starter_, SIGKILL);
    while (waitpid(starter_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  Result<policy::SpawnOutcome> run(const policy::SpawnPlan& plan, const policy::OutputSink& sink,
                                   std::stop_token stop) override {
    const policy::SandboxReport& machine = report();
    if (machine.tier == policy::Tier::t3)
      return fail(ErrorKind::unavailable, refusal(machine), {}, "sandbox_unavailable");
    TRY_DO(check_plan(plan));
    const std::string bytes = encode(plan);
    if (bytes.size() > kPlanBytes)
      return fail(ErrorKind::too_large,
                  "the command's plan is larger than " + std::to_string(kPlanBytes) + " bytes");
    TRY(const Fd memory, sealed_memory(bytes));
    TRY(auto ends, make_run_ends());
    {
      const std::lock_guard lock(mutex_);
      TRY_DO(send_message(
          control_.get(), kRunRequest, "",
          {ends.second.socket.get(), memory.get(), ends.second.out.get(), ends.second.err.get()}));
    }
    ends.second = {};
    TRY(RunResult result, follow(std::move(ends.first), plan.limits, sink, stop));
    return std::move(result.outcome);
  }

  Result<std::string> reload() override {
    TRY(auto ends, datagram_pair());
    {
      const std::lock_guard lock(mutex_);
      TRY_DO(send_message(control_.get(), kReloadRequest, "", {ends.second.get()}));
    }
    ends.second.reset();
    TRY(const auto message, receive_message(ends.first.get()));
    if (!message) return fail(ErrorKind::unavailable, "the sandbox's starter died");
    if (message->kind != kOutcome || message->fds.size() != 1)
      return tl::unexpected<Error>(decode_error(message->body));
    return read_sealed(message->fds[0], kReloadBytes);
  }

  // The first caller waits for the canary, the others for the first.
  const policy::SandboxReport& report() const override {
    std::call_once(reported_, [this] { report_ = take_report(); });
    return report_;
  }

 private:
  policy::SandboxReport take_report() const {
    policy::SandboxReport report;
    auto received = [&]() -> Result<policy::SandboxReport> {
      TRY(const auto message, receive_message(canary_.get()));
      if (!message) return fail(ErrorKind::unavailable, "the sandbox's starter died");
      if (message->kind != kOutcome || message->fds.size() != 1)
        return tl::unexpected<Error>(decode_error(message->body));
      TRY(const std::string bytes, read_sealed(message->fds[0], kReportBytes));
      return decode_report(bytes);
    }();
    if (received)
      report = std::move(*received);
    else
      report.canary.push_back({"canary", false, received.error().message});
    return report;
  }

  static std::string refusal(const policy::SandboxReport& machine) {
    std::string text = "no command can run here";
    for (const policy::CanaryPoint& point : machine.canary) {
      if (point.ok) continue;
      text += ": " + point.name + " (" + point.detail + ")";
      break;
    }
    if (!machine.remedy.empty()) text += "; " + machine.remedy;
    return text;
  }

  const pid_t starter_;
  std::mutex mutex_;  // one request is sent at a time; nothing is received under it
  Fd control_;
  const Fd canary_;
  mutable std::once_flag reported_;
  mutable policy::SandboxReport report_;
};

}  // namespace

Result<std::unique_ptr<StarterSpawner>> start_starter(const StarterOptions& options) {
  if (options.state_directory.empty() || options.state_directory[0] != '/')
    return fail(ErrorKind::invalid_argument,
                "the sandbox needs the absolute path of a state directory, not '" +
                    options.state_directory + "'");
  TRY(auto control, datagram_pair());
  TRY(auto canary, datagram_pair());
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "start the sandbox's starter");
  if (pid == 0) starter_main(std::move(control.second), parent, options);
  // Already now, so that the canary runs while the server starts.
  TRY_DO(send_message(control.first.get(), kCanaryRequest, "", {canary.second.get()}));
  return std::make_unique<Spawner>(pid, std::move(control.first), std::move(canary.first));
}

}  // namespace remit::sandbox
