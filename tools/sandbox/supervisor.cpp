#include "tools/sandbox/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "tools/sandbox/changes.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/scratch.h"
#include "tools/sandbox/slot.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kShellSignalBase =
    128;  // bash reports a child's death by signal n as exit code 128+n

// The slot's process; killed and reaped at the latest when this goes.
class SlotProcess {
 public:
  explicit SlotProcess(pid_t pid) : pid_(pid) {}
  ~SlotProcess() {
    kill_now();
    reap();
  }
  SlotProcess(const SlotProcess&) = delete;
  SlotProcess& operator=(const SlotProcess&) = delete;
  void kill_now() const {
    if (!reaped_) kill(pid_, SIGKILL);
  }
  // Returns when the init and with it every process of the namespace is dead.
  const rusage& reap() {
    while (!reaped_) {
      if (wait4(pid_, &status_, 0, &usage_) == pid_ || errno != EINTR) reaped_ = true;
    }
    return usage_;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int status_ = 0;
  rusage usage_{};
  bool reaped_ = false;
};

class Supervision {
 public:
  Supervision(const Settings& settings, Run& run) : settings_(settings), run_(run) {}
  ~Supervision() {
    slot_.reset();
    remove_layer();
  }
  Supervision(const Supervision&) = delete;
  Supervision& operator=(const Supervision&) = delete;

  Result<RunResult> carry_out() {
    TRY_DO(check_plan(run_.plan));
    TRY_DO(build());
    TRY_DO(send_message(control_.get(), kGo,
                        std::string(cgroup_->limits_memory() ? "m" : "") +
                            (cgroup_->limits_processes() ? "p" : "")));
    const auto started = Clock::now();
    TRY_DO(watch());
    usage_ = slot_->reap();
    result_.outcome.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
    describe();
    cgroup_.reset();
    TRY_DO(collect());
    return std::move(result_);
  }

 private:
  // Makes the slot and waits until its view is complete.
  Result<void> build() {
    SlotContext context;
    context.plan = &run_.plan;
    context.filter = &settings_.filter;
    context.landlock_abi = settings_.landlock_abi;
    struct stat owner{};
    if (stat(run_.plan.view.workspace.c_str(), &owner) != 0)
      return fail_errno(errno, "look at the workspace " + run_.plan.view.workspace);
    TRY(context.identity, choose_identity(owner.st_uid, owner.st_gid, settings_.uid_base));
    identity_ = context.identity;
    if (settings_.layer_on_disk) {
      TRY(layer_directory_,
          make_scratch(settings_.state_directory, settings_.starter, std::to_string(run_.number),
                       identity_.outside_uid, identity_.outside_gid));
      context.layer_directory = layer_directory_;
      result_.degraded.emplace_back("layer_on_disk");
    }
    if (identity_.as_root) {
      TRY(context.trees, open_plan_trees(run_.plan.view, layer_directory_, false));
    }
    TRY(auto sockets, socket_pair());
    control_ = std::move(sockets.first);
    context.control = std::move(sockets.second);
    context.foreign = {control_.get(), run_.worker.get(), run_.lifeline.get()};
    context.out = std::move(run_.out);
    context.err = std::move(run_.err);
    clock_gettime(CLOCK_REALTIME_COARSE, &mounted_);
    // The id maps of an undumpable process belong to root (man 5 proc), and a server that changed
    // its ids or protects its memory is undumpable. The slot makes itself so again.
    const int dumpable = prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_DUMPABLE, 1);
    auto started = start_slot(context);
    prctl(PR_SET_DUMPABLE, dumpable == 1 ? 1 : 0);
    TRY(const pid_t pid, std::move(started));
    slot_ = std::make_unique<SlotProcess>(pid);
    context.control.reset();
    context.out.reset();
    context.err.reset();
    TRY(userns_, user_namespace_of(pid));
    TRY_DO(write_id_maps(pid, identity_.inside_uid, identity_.inside_gid, identity_.outside_uid,
                         identity_.outside_gid));
    if (identity_.as_root) {
      TRY_DO(map_plan_trees(context.trees, identity_, userns_, result_.degraded));
    }
    TRY_DO(send_message(control_.get(), kMapped, ""));
    cgroup_ = std::make_unique<Cgroup>(
        settings_.cgroups, std::to_string(settings_.starter) + "-" + std::to_string(run_.number),
        run_.plan.limits, result_.degraded);
    TRY_DO(cgroup_->add(pid));
    return await_ready();
  }

  Result<void> await_ready() {
    TRY(auto message, receive_message(control_.get()));
    if (!message)
      return fail(ErrorKind::unavailable, "the slot died while its view was built", {},
                  "sandbox_unavailable");
    if (message->kind == kFailed) return tl::unexpected<Error>(decode_error(message->body));
    if (message->kind != kReady || message->fds.size() < 2)
      return fail(ErrorKind::internal, "unexpected message from a slot");
    upper_ = std::move(message->fds[0]);
    lower_ = std::move(message->fds[1]);
    if (message->fds.size() > 2) memory_ = std::move(message->fds[2]);
    std::string_view points = message->body;
    while (!points.empty()) {
      const std::size_t end = points.find('\n');
      result_.degraded.emplace_back(points.substr(0, end));
      points.remove_prefix(std::min(points.size(), end == points.npos ? points.size() : end + 1));
    }
    return {};
  }

  // Until the shell has ended or has to be killed.
  Result<void> watch() {
    const auto cpu_limit = std::chrono::microseconds(run_.plan.limits.cpu);
    for (;;) {
      std::array<pollfd, 3> wanted{pollfd{control_.get(), POLLIN, 0},
                                   pollfd{run_.worker.get(), POLLIN, 0},
                                   pollfd{run_.lifeline.get(), POLLIN, 0}};
      const int timeout = cgroup_->counts_cpu() ? static_cast<int>(kCpuPoll.count()) : -1;
      if (poll(wanted.data(), wanted.size(), timeout) < 0 && errno != EINTR)
        return fail_errno(errno, "wait for the slot");
      if (wanted[2].revents != 0) abandon();
      if (wanted[1].revents != 0) {
        auto message = receive_message(run_.worker.get());
        if (!message || !*message) abandon();
        slot_->kill_now();
        result_.outcome.signal = SIGKILL;
        return {};
      }
      if (wanted[0].revents != 0) return finished();
      if (cgroup_->counts_cpu() &&
          cgroup_->cpu_us() > static_cast<std::uint64_t>(cpu_limit.count())) {
        slot_->kill_now();
        result_.outcome.signal = SIGKILL;
        result_.outcome.limit = "cpu";
        return {};
      }
    }
  }

  Result<void> finished() {
    auto message = receive_message(control_.get());
    if (!message) return tl::unexpected<Error>(message.error());
    if (!*message) {  // killed from outside, or by the kernel for memory
      result_.outcome.signal = SIGKILL;
      return {};
    }
    if ((*message)->kind == kFailed) return tl::unexpected<Error>(decode_error((*message)->body));
    const std::string& body = (*message)->body;
    const int status = std::atoi(body.c_str());
    if (WIFEXITED(status)) result_.outcome.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result_.outcome.signal = WTERMSIG(status);
    const std::size_t space = body.find(' ');
    if (space != std::string::npos && body.compare(space + 1, 1, "/") == 0)
      result_.outcome.cwd = body.substr(space + 1);
    return {};
  }

  // Nobody waits for this run any more.
  [[noreturn]] void abandon() {
    slot_->kill_now();
    slot_->reap();
    cgroup_.reset();
    remove_layer();
    _exit(0);
  }

  // Names the limit that was hit and the resources that were used.
  void describe() {
    policy::SpawnOutcome& outcome = result_.outcome;
    const auto microseconds = [](const timeval& t) {
      return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec;
    };
    outcome.user_us = microseconds(usage_.ru_utime);
    outcome.system_us = microseconds(usage_.ru_stime);
    outcome.max_rss_kib = usage_.ru_maxrss;
    const auto died_of = [&](int signal) {
      return outcome.signal == signal || outcome.exit_code == kShellSignalBase + signal;
    };
    if (!outcome.limit.empty()) return;
    if (cgroup_->hit_memory()) {
      outcome.limit = "memory";
    } else if (cgroup_->hit_processes()) {
      outcome.limit = "pids";
    } else if (died_of(SIGXCPU)) {
      outcome.limit = "cpu";
    } else if (died_of(SIGXFSZ)) {
      outcome.limit = "fsize";
    } else {
      struct statfs layer{};
      if (fstatfs(upper_.get(), &layer) == 0 && (layer.f_bavail == 0 || layer.f_ffree == 0))
        outcome.limit = "layer";
    }
  }

  void remove_layer() {
    if (layer_directory_.empty()) return;
    upper_.reset();
    remove_tree(layer_directory_);
    layer_directory_.clear();
  }

  // Once in the slot's user namespace this process can no longer remove the layer's folder: a child
  // that stays outside does so when this process ends.
  Result<void> leave_layer_to_child() {
    if (layer_directory_.empty()) return {};
    TRY(auto ending, make_pipe(0));
    const pid_t child = fork();
    if (child < 0) return fail_errno(errno, "start the process that removes the layer");
    if (child == 0) {
      ending.second.reset();
      char ignored = 0;
      static_cast<void>(!read(ending.first.get(), &ignored, 1));
      remove_layer();
      _exit(0);
    }
    ending_ = std::move(ending.second);
    layer_directory_.clear();
    return {};
  }

  // With the slot's rights only: the tree to be read was made by the command.
  Result<void> collect() {
    TRY_DO(leave_layer_to_child());
    if (setns(userns_.get(), CLONE_NEWUSER) != 0)
      return fail_errno(errno, "enter the slot's user namespace to read its changes");
    if (setresgid(identity_.inside_gid, identity_.inside_gid, identity_.inside_gid) != 0 ||
        setresuid(identity_.inside_uid, identity_.inside_uid, identity_.inside_uid) != 0)
      return fail_errno(errno, "take the slot's ids to read its changes");
    ChangeList list = collect_changes(run_.plan, upper_, lower_, memory_, mounted_);
    result_.outcome.changes = std::move(list.changes);
    result_.outcome.lost = std::move(list.lost);
    return {};
  }

  const Settings& settings_;
  Run& run_;
  Identity identity_;
  std::string layer_directory_;
  Fd control_, userns_, upper_, lower_, memory_;
  Fd ending_;                       // its closing tells the child of leave_layer_to_child()
  std::unique_ptr<Cgroup> cgroup_;  // after the slot: groups are removed when it is dead
  std::unique_ptr<SlotProcess> slot_;
  timespec mounted_{};
  rusage usage_{};
  RunResult result_;
};

void answer(const Fd& worker, Result<RunResult> result) {
  if (result) {
    const std::string bytes = encode(*result);
    auto memory =
        bytes.size() <= kOutcomeBytes
            ? sealed_memory(bytes)
            : Result<Fd>(fail(ErrorKind::too_large, "the command's changes are too many"));
    if (memory) {
      static_cast<void>(send_message(worker.get(), kOutcome, "", {memory->get()}));
      return;
    }
    result = tl::unexpected<Error>(memory.error());
  }
  static_cast<void>(send_message(worker.get(), kFailed, encode(result.error())));
}

}  // namespace

Result<pid_t> start_supervisor(const Settings& settings, Run&& run, std::vector<int> close_first) {
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "start a supervisor");
  if (pid > 0) return pid;
  try {
    for (const int fd : close_first) close(fd);
    static_cast<void>(signal(SIGCHLD, SIG_DFL));
    Run mine = std::move(run);
    Result<RunResult> result = [&] {
      Supervision supervision(settings, mine);
      return supervision.carry_out();
    }();
    answer(mine.worker, std::move(result));
    _exit(0);
  } catch (...) {  // out of memory: the worker sees the closed socket; the slot dies with us
    _exit(1);
  }
}

}  // namespace remit::sandbox
