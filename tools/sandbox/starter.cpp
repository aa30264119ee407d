#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "base/resident.h"
#include "tools/sandbox/canary.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/landlock.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/plan.h"
#include "tools/sandbox/scratch.h"
#include "tools/sandbox/slot.h"
#include "tools/sandbox/starter_process.h"
#include "tools/sandbox/supervisor.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

constexpr int kControlFd = 3;

// Nothing of the server stays: descriptors, signal set-up, terminal, groups, environment.
bool shed_the_server(const Fd& control, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) return false;
  setsid();  // an interrupt typed at the server's terminal is the server's to handle
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  for (int fd = 0; fd < 3; ++fd)
    if (dup2(null, fd) < 0) return false;
  if (control.get() != kControlFd && dup3(control.get(), kControlFd, O_CLOEXEC) < 0) return false;
  sys_close_range(kControlFd + 1, ~0U);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  signal(SIGCHLD, SIG_IGN);  // supervisors are reaped by the kernel
  signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // As root, the extra groups would be kept by every slot: setgroups is denied there.
  if (geteuid() == 0 && setgroups(0, nullptr) != 0) return false;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    explicit_bzero(*variable, std::strlen(*variable));
  clearenv();
  prctl(PR_SET_NAME, "remit-starter");
  return chdir("/") == 0;
}

class Starter {
 public:
  Starter(Fd control, const StarterOptions& options)
      : control_(std::move(control)), options_(options) {
    settings_.state_directory = options.state_directory;
    settings_.uid_base = options.uid_base;
    settings_.landlock_abi = std::min(landlock_abi(), options.landlock_abi_max);
    settings_.set_tier(options.forced_tier.value_or(policy::Tier::t1));
    settings_.cgroups = find_cgroups();
    settings_.starter = getpid();
    sweep_cgroups(settings_.cgroups);
    sweep_scratch(settings_.state_directory, settings_.uid_base);
    mounts_ = Fd(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
    settings_.layer_on_disk = options.layer_on_disk || !tmpfs_has_user_attributes();
  }

  // Until the server closes its end.
  void serve() {
    auto lifeline = make_pipe(0);
    if (!lifeline) return;
    lifeline_read_ = std::move(lifeline->first);
    lifeline_write_ = std::move(lifeline->second);
    for (;;) {
      pollfd wanted{control_.get(), POLLIN, 0};
      const int ready = poll(&wanted, 1, patience());
      if (ready < 0 && errno != EINTR) return;
      if (ready == 0) idle();
      if (ready <= 0) continue;
      auto message = receive_message(control_.get());
      if (!message && message.error().kind != ErrorKind::too_large) return;
      if (!message) continue;
      if (!*message) return;
      if (!(*message)->fds.empty()) handle(**message);
    }
  }

 private:
  bool short_of_slots() const { return wanted_base_ && waiting_.size() < options_.warm_slots; }

  // Requests go before refilling, and refilling starts after a pause only: the command that was
  // just started has the machine first. Nobody's slots wait for ever.
  int patience() const {
    if (short_of_slots()) return static_cast<int>(kRefillPause.count());
    if (!rested_) return static_cast<int>(kStartRest.count());
    return wanted_base_ ? static_cast<int>(kWarmLife.count()) : -1;
  }

  void idle() {
    if (short_of_slots()) return refill();
    if (!std::exchange(rested_, true)) return give_back_start_memory();
    waiting_.clear();
    wanted_base_.reset();
  }

  void handle(Message& message) {
    const int socket = message.fds[0].get();
    Result<void> done = fail(ErrorKind::internal, "unknown request to the starter");
    if (message.kind == kRunRequest) done = start_run(message);
    if (message.kind == kCanaryRequest) done = start_canary(message);
    if (message.kind == kReloadRequest) done = reload(socket);
    if (!done) static_cast<void>(send_message(socket, kFailed, encode(done.error())));
  }

  Result<void> start_run(Message& message) {
    if (message.fds.size() != 4) return fail(ErrorKind::internal, "incomplete request");
    TRY(const std::string bytes, read_sealed(message.fds[1], kPlanBytes));
    TRY(const policy::SpawnPlan plan, decode_plan(bytes));
    TRY_DO(check_plan(plan));
    settle_tier();
    if (!proven_ || settings_.tier == policy::Tier::t3)
      return fail(ErrorKind::unavailable, "no slot was proven to hold on this machine", {},
                  "sandbox_unavailable");
    if (options_.gate) TRY_DO(options_.gate(plan, {settings_.tier, profile_hash(settings_)}));
    TRY(SlotBase base, slot_base_of(plan, settings_.uid_base));
    const auto order = [&](const Waiting& slot) {
      return send_message(
          slot.orders.get(), kOrder, "",
          {message.fds[0].get(), message.fds[1].get(), message.fds[2].get(), message.fds[3].get()});
    };
    forget_stale(base);
    wanted_base_ = std::move(base);
    while (!waiting_.empty()) {
      const Waiting slot = std::move(waiting_.front());
      waiting_.pop_front();
      if (order(slot)) return {};  // one that died while it waited is not missed
    }
    TRY(const Waiting slot,
        make_slot({message.fds[0].get(), message.fds[2].get(), message.fds[3].get()}));
    return order(slot);
  }

  // Slots made for other roots or before the host's mounts changed see another world.
  void forget_stale(const SlotBase& base) {
    pollfd mounts{mounts_.get(), POLLPRI, 0};
    const bool changed = poll(&mounts, 1, 0) > 0 && (mounts.revents & (POLLPRI | POLLERR)) != 0;
    std::erase_if(waiting_, [&](const Waiting& slot) { return changed || !(slot.base == base); });
  }

  Result<Waiting> make_slot(std::vector<int> close_first) {
    for (const Fd* mine : {&control_, &lifeline_write_, &mounts_})
      close_first.push_back(mine->get());
    for (const Waiting& other : waiting_) close_first.push_back(other.orders.get());
    return start_supervisor(settings_, *wanted_base_, ++slots_, lifeline_read_, close_first);
  }

  void refill() {
    auto slot = make_slot({});
    // No process to be had now: the next command asks for a fresh slot and tells why it fails.
    if (slot) return waiting_.push_back(std::move(*slot));
    waiting_.clear();
    wanted_base_.reset();
  }

  Result<void> reload(int socket) {
    if (!options_.reload) return fail(ErrorKind::unavailable, "nothing can be reloaded here");
    TRY(Reloaded made, options_.reload());
    TRY(const Fd bytes, sealed_memory(made.bytes));
    options_.gate = std::move(made.gate);
    return send_message(socket, kOutcome, "", {bytes.get()});
  }

  // What the canary found, from its process itself: the server's word for it would not do.
  void settle_tier() {
    if (!canary_) return;
    unsigned char tier = static_cast<unsigned char>(policy::Tier::t3);
    proven_ = read(canary_.get(), &tier, 1) == 1;
    canary_.reset();
    settings_.set_tier(static_cast<policy::Tier>(tier));
  }

  Result<void> start_canary(Message& message) {
    if (canary_ || proven_) return fail(ErrorKind::internal, "the canary runs once");
    TRY(auto found, make_pipe(0));
    const pid_t pid = fork();
    if (pid < 0) return fail_errno(errno, "start the canary");
    if (pid > 0) {
      canary_ = std::move(found.first);
      return {};
    }
    control_.reset();
    lifeline_write_.reset();
    waiting_.clear();
    signal(SIGCHLD, SIG_DFL);
    try {
      const policy::SandboxReport report = run_canary(settings_, lifeline_read_);
      const auto tier = static_cast<unsigned char>(report.tier);
      if (write(found.second.get(), &tier, 1) != 1) _exit(1);
      auto memory = sealed_memory(encode(report));
      if (memory)
        static_cast<void>(send_message(message.fds[0].get(), kOutcome, "", {memory->get()}));
      _exit(0);
    } catch (...) {
      _exit(1);
    }
  }

  Fd control_;
  Fd lifeline_read_, lifeline_write_;  // the write end exists here only
  StarterOptions options_;
  Settings settings_;
  Fd canary_;            // brings the tier, once
  bool rested_ = false;  // has given back what only the start needed
  bool proven_ = false;  // the canary has said it; until then settings_ has the tier to try
  Fd mounts_;            // tells when the host's mounts have changed (man 5 proc, /proc/pid/mounts)
  std::deque<Waiting> waiting_;
  std::optional<SlotBase> wanted_base_;  // of the last command: what waiting slots are made for
  std::uint64_t slots_ = 0;
};

}  // namespace

void starter_main(Fd control, pid_t parent, const StarterOptions& options) {
  try {
    if (!shed_the_server(control, parent)) _exit(1);
    static_cast<void>(control.release());
    Starter starter(Fd(kControlFd), options);
    starter.serve();
    _exit(0);
  } catch (...) {
    _exit(1);
  }
}

}  // namespace remit::sandbox
