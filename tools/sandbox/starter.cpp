#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "tools/sandbox/canary.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/landlock.h"
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
    settings_.filter = filter_program();
    settings_.cgroups = find_cgroups();
    settings_.starter = getpid();
    sweep_cgroups(settings_.cgroups);
    sweep_scratch(settings_.state_directory);
    settings_.layer_on_disk = options.layer_on_disk || !tmpfs_has_user_attributes();
  }

  // Until the server closes its end.
  void serve() {
    auto lifeline = make_pipe(0);
    if (!lifeline) return;
    lifeline_read_ = std::move(lifeline->first);
    lifeline_write_ = std::move(lifeline->second);
    for (;;) {
      auto message = receive_message(control_.get());
      if (!message && message.error().kind != ErrorKind::too_large) return;
      if (!message) continue;
      if (!*message) return;
      if (!(*message)->fds.empty()) handle(**message);
    }
  }

 private:
  void handle(Message& message) {
    const int socket = message.fds[0].get();
    Result<void> done = fail(ErrorKind::internal, "unknown request to the starter");
    if (message.kind == kRunRequest) done = start_run(message);
    if (message.kind == kCanaryRequest) done = start_canary(message);
    if (!done) static_cast<void>(send_message(socket, kFailed, encode(done.error())));
  }

  Result<void> start_run(Message& message) {
    if (message.fds.size() != 4) return fail(ErrorKind::internal, "incomplete request");
    Run run;
    TRY(const std::string bytes, read_sealed(message.fds[1], kPlanBytes));
    TRY(run.plan, decode_plan(bytes));
    TRY_DO(check_plan(run.plan));
    if (options_.gate) TRY_DO(options_.gate(run.plan, profile_hash(settings_)));
    run.number = ++runs_;
    run.worker = Fd(fcntl(message.fds[0].get(), F_DUPFD_CLOEXEC, 0));
    run.out = std::move(message.fds[2]);
    run.err = std::move(message.fds[3]);
    run.lifeline = Fd(fcntl(lifeline_read_.get(), F_DUPFD_CLOEXEC, 0));
    if (!run.worker || !run.lifeline) return fail_errno(errno, "copy a descriptor");
    auto started = start_supervisor(
        settings_, std::move(run),
        {control_.get(), lifeline_write_.get(), lifeline_read_.get(), message.fds[0].get()});
    if (!started) return tl::unexpected<Error>(started.error());
    return {};
  }

  Result<void> start_canary(Message& message) {
    const pid_t pid = fork();
    if (pid < 0) return fail_errno(errno, "start the canary");
    if (pid > 0) return {};
    control_.reset();
    lifeline_write_.reset();
    signal(SIGCHLD, SIG_DFL);
    try {
      const policy::SandboxReport report = run_canary(settings_, lifeline_read_);
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
  std::uint64_t runs_ = 0;
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
