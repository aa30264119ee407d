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
#include <optional>

#include "base/resident.h"
#include "tools/sandbox/changes.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/scratch.h"
#include "tools/sandbox/slot.h"
#include "tools/sandbox/slot_process.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kShellSignalBase =
    128;  // bash reports a child's death by signal n as exit code 128+n

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

class Supervision {
 public:
  Supervision(const Settings& settings, const SlotBase& base, std::uint64_t number, Fd orders,
              Fd lifeline)
      : settings_(settings),
        base_(base),
        identity_(base.identity),
        number_(number),
        orders_(std::move(orders)),
        lifeline_(std::move(lifeline)) {}
  ~Supervision() {
    slot_.reset();
    remove_layer();
  }
  Supervision(const Supervision&) = delete;
  Supervision& operator=(const Supervision&) = delete;

  // Makes the slot. What failed is told in answer to the order.
  void prepare() { prepared_ = build(); }

  // Returns with the order; ends the process if none will come.
  Message await_order() {
    give_back_when_quiet({orders_.get(), lifeline_.get()});
    for (;;) {
      std::array<pollfd, 3> wanted{pollfd{orders_.get(), POLLIN, 0},
                                   pollfd{lifeline_.get(), POLLIN, 0},
                                   pollfd{prepared_ ? control_.get() : -1, POLLIN, 0}};
      if (poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) abandon();
      if (wanted[1].revents != 0) abandon();
      if (wanted[0].revents != 0) {
        auto message = receive_message(orders_.get());
        orders_.reset();
        if (!message || !*message || (*message)->kind != kOrder || (*message)->fds.size() != 4)
          abandon();
        return std::move(**message);
      }
      // A slot that died or failed while it waited is of no use to anybody; but an order that comes
      // just now is to be told why.
      pollfd late{orders_.get(), POLLIN, 0};
      if (wanted[2].revents != 0 && poll(&late, 1, static_cast<int>(kOrderGrace.count())) <= 0)
        abandon();
    }
  }

  // Answers the order. Nothing of the command lives when the answer goes out.
  void carry_out(Message order) {
    worker_ = std::move(order.fds[0]);
    Result<RunResult> result = run(std::move(order));
    slot_.reset();
    answer(worker_, std::move(result));
  }

 private:
  Result<RunResult> run(Message order) {
    TRY(const std::string bytes, read_sealed(order.fds[1], kPlanBytes));
    TRY(plan_, decode_plan(bytes));
    TRY_DO(check_plan(plan_));
    if (!prepared_) return tl::unexpected<Error>(prepared_.error());
    clock_gettime(CLOCK_REALTIME_COARSE, &mounted_);
    TRY_DO(send_message(
        control_.get(), kPlan,
        std::string(cgroup_->limits_memory() ? "m" : "") + (cgroup_->limits_processes() ? "p" : ""),
        {order.fds[1].get(), order.fds[2].get(), order.fds[3].get()}));
    order.fds.clear();
    TRY_DO(await_ready());
    const auto started = Clock::now();
    TRY_DO(watch());
    if (settings_.bare()) cgroup_->kill_all();
    usage_ = slot_->reap();
    if (slot_->escaped())
      return fail(ErrorKind::internal, "processes of the command could not be ended");
    result_.outcome.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
    describe();
    cgroup_.reset();
    if (settings_.bare())
      remove_layer();
    else
      TRY_DO(collect());
    return std::move(result_);
  }

  // Makes the slot and sets it to work on everything that needs no plan.
  Result<void> build() {
    SlotContext context;
    if (settings_.bare()) {
      TRY(BareIdentity own, take_bare_identity(base_.identity, settings_.uid_base));
      identity_ = own.identity;
      claim_ = std::move(own.claim);
    }
    context.roots = &base_.roots;
    context.filter = &settings_.filter;
    context.landlock_abi = settings_.landlock_abi;
    context.identity = identity_;
    context.bare = settings_.bare();
    if (context.bare) {
      TRY(layer_directory_,
          make_home(settings_.starter, identity_.outside_uid, identity_.outside_gid));
      context.home = layer_directory_;
      if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail_errno(errno, "hold the descendants");
      result_.degraded = {"workspace_read_only", "names_visible", "no_proc", "home_on_disk",
                          "layer_not_limited"};
    } else if (settings_.layer_on_disk) {
      TRY(layer_directory_,
          make_scratch(settings_.state_directory, settings_.starter, std::to_string(number_),
                       identity_.outside_uid, identity_.outside_gid));
      context.layer_directory = layer_directory_;
      result_.degraded.emplace_back("layer_on_disk");
    }
    if (identity_.as_root && !context.bare) {
      TRY(context.trees, open_plan_trees(base_.roots, layer_directory_, false));
    }
    TRY(auto sockets, datagram_pair());
    control_ = std::move(sockets.first);
    context.control = std::move(sockets.second);
    context.foreign = {control_.get(), orders_.get(), lifeline_.get(), claim_.get()};
    // Root owns an undumpable process's id maps (man 5 proc). The slot makes itself so again.
    const int dumpable = prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_DUMPABLE, 1);
    auto started = start_slot(context);
    prctl(PR_SET_DUMPABLE, dumpable == 1 ? 1 : 0);
    TRY(const pid_t pid, std::move(started));
    result_.outcome.pid = pid;
    slot_ = std::make_unique<SlotProcess>(
        pid, context.bare
                 ? std::optional(SlotProcess::Bare{identity_.as_root ? identity_.outside_uid : 0})
                 : std::nullopt);
    context.control.reset();
    if (!context.bare) TRY_DO(give_namespaces(pid, context.trees));
    TRY_DO(send_message(control_.get(), kMapped, ""));
    cgroup_ = std::make_unique<Cgroup>(
        settings_.cgroups, std::to_string(settings_.starter) + "-" + std::to_string(number_),
        base_.memory_bytes, base_.processes, result_.degraded);
    result_.outcome.cgroup = cgroup_->folder();
    // RLIMIT_NPROC would count the user's other processes, too.
    if (context.bare && !identity_.as_root && !cgroup_->limits_processes())
      result_.degraded.emplace_back("processes_not_limited");
    return cgroup_->add(pid);
  }

  Result<void> give_namespaces(pid_t pid, PlanTrees& trees) {
    TRY(userns_, namespace_of(pid, "user"));
    // Taking a whole namespace of mounts apart waits for the kernel's grace periods. While this
    // process holds it too, that happens after the answer.
    TRY(mounts_, namespace_of(pid, "mnt"));
    TRY_DO(write_id_maps(pid, identity_.inside_uid, identity_.inside_gid, identity_.outside_uid,
                         identity_.outside_gid));
    if (!identity_.as_root) return {};
    return map_plan_trees(trees, identity_, userns_, result_.degraded);
  }

  Result<void> await_ready() {
    TRY(auto message, receive_message(control_.get()));
    if (!message)
      return fail(ErrorKind::unavailable, "the slot died while its view was built", {},
                  "sandbox_unavailable");
    if (message->kind == kFailed) return tl::unexpected<Error>(decode_error(message->body));
    if (settings_.bare() && message->kind == kReady) return {};
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
    const auto cpu_limit = std::chrono::microseconds(plan_.limits.cpu);
    for (;;) {
      std::array<pollfd, 3> wanted{pollfd{control_.get(), POLLIN, 0},
                                   pollfd{worker_.get(), POLLIN, 0},
                                   pollfd{lifeline_.get(), POLLIN, 0}};
      const int timeout = cgroup_->counts_cpu() ? static_cast<int>(kCpuPoll.count()) : -1;
      if (poll(wanted.data(), wanted.size(), timeout) < 0 && errno != EINTR)
        return fail_errno(errno, "wait for the slot");
      if (wanted[2].revents != 0) abandon();
      if (wanted[1].revents != 0) {
        auto message = receive_message(worker_.get());
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

  // Nobody waits for this run any more, or ever will.
  [[noreturn]] void abandon() {
    slot_.reset();
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
    ChangeList list = collect_changes(plan_, upper_, lower_, memory_, mounted_);
    result_.outcome.changes = std::move(list.changes);
    result_.outcome.lost = std::move(list.lost);
    return {};
  }

  const Settings& settings_;
  const SlotBase& base_;
  Identity identity_;
  Fd claim_;  // of the identity, until every process that has it is dead
  const std::uint64_t number_;
  Fd orders_, lifeline_, worker_;
  policy::SpawnPlan plan_;
  std::string layer_directory_;  // the layer on disk, or a bare slot's home
  Fd control_, userns_, mounts_, upper_, lower_, memory_;
  Fd ending_;                       // its closing tells the child of leave_layer_to_child()
  std::unique_ptr<Cgroup> cgroup_;  // after the slot: groups are removed when it is dead
  std::unique_ptr<SlotProcess> slot_;
  Result<void> prepared_;
  timespec mounted_{};
  rusage usage_{};
  RunResult result_;
};

}  // namespace

void Settings::set_tier(policy::Tier new_tier) {
  tier = new_tier;
  filter = bare() ? bare_filter_program(landlock_abi, geteuid() == 0) : filter_program();
}

Result<Waiting> start_supervisor(const Settings& settings, const SlotBase& base,
                                 std::uint64_t number, const Fd& lifeline,
                                 const std::vector<int>& close_first) {
  TRY(auto orders, datagram_pair());
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "start a supervisor");
  if (pid > 0) return Waiting{base, std::move(orders.first)};
  try {
    orders.first.reset();
    for (const int fd : close_first) close(fd);
    static_cast<void>(signal(SIGCHLD, SIG_DFL));
    Fd own_lifeline(fcntl(lifeline.get(), F_DUPFD_CLOEXEC, 0));
    if (!own_lifeline) _exit(1);
    {
      Supervision supervision(settings, base, number, std::move(orders.second),
                              std::move(own_lifeline));
      supervision.prepare();
      supervision.carry_out(supervision.await_order());
    }
    _exit(0);
  } catch (...) {  // out of memory: the worker sees the closed socket; the slot dies with us
    _exit(1);
  }
}

}  // namespace remit::sandbox
