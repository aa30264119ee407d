#include "tools/sandbox/slot.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/resident.h"
#include "tools/sandbox/bare_rules.h"
#include "tools/sandbox/channel.h"
#include "tools/sandbox/landlock.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/plan.h"
#include "tools/sandbox/seccomp.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

constexpr int kShellFailed = 127;
constexpr std::uint32_t kProcessSlack = 16;

// Limits that no control group keeps, so that resource limits of each process must.
struct Fallbacks {
  bool memory;
  bool processes;
};

Result<void> take_identity(const Identity& identity) {
  // Saved and file-system ids too. With one id mapped and setgroups denied nothing else is
  // possible, and from here on the slot owns what it makes.
  if (setresgid(identity.inside_gid, identity.inside_gid, identity.inside_gid) != 0 ||
      setresuid(identity.inside_uid, identity.inside_uid, identity.inside_uid) != 0)
    return fail_errno(errno, "take the slot's ids");
  return {};
}

// Dies with the supervisor. Set after the ids: a change of ids clears it. The race of a supervisor
// that died before is closed by looking whether its socket still has an owner.
Result<void> die_with_supervisor(const Fd& control) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno(errno, "tie the slot to its parent");
  pollfd waiting{control.get(), 0, 0};
  if (poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLHUP) != 0) _exit(1);
  return {};
}

Result<void> empty_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;  // past the kernel's last one
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      return fail_errno(errno, "drop a capability from the bounding set");
  }
  return {};
}

Result<void> drop_rights() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "set no_new_privs");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return fail_errno(errno, "clear ambient capabilities");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) return fail_errno(errno, "drop capabilities");
  // The environment and memory of this process are the server's: not for the command to read
  // through /proc/1.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno(errno, "make the slot's init unreadable");
  return {};
}

Result<void> limit(__rlimit_resource resource, std::uint64_t soft, std::uint64_t hard,
                   const char* name) {
  rlimit value{soft, hard};
  rlimit now{};
  if (getrlimit(resource, &now) == 0) {
    value.rlim_max = std::min<rlim_t>(value.rlim_max, now.rlim_max);
    value.rlim_cur = std::min<rlim_t>(value.rlim_cur, value.rlim_max);
  }
  if (setrlimit(resource, &value) != 0) return fail_errno(errno, std::string("limit ") + name);
  return {};
}

// `shares_user`: other processes of this machine have the same user id and are counted with these.
Result<void> set_limits(const policy::SpawnLimits& limits, Fallbacks fallbacks, bool shares_user) {
  const auto cpu = static_cast<std::uint64_t>(limits.cpu.count());
  TRY_DO(limit(RLIMIT_CORE, 0, 0, "core files"));
  TRY_DO(limit(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes, "file size"));
  TRY_DO(limit(RLIMIT_NOFILE, limits.open_files, limits.open_files, "open files"));
  TRY_DO(limit(RLIMIT_CPU, cpu, cpu + 1, "cpu time"));
  // Counted in the slot's own user namespace (Linux 5.14), so other processes of the same user do
  // not matter. Where a group counts too, it must be hit first: only a group tells that it was.
  const std::uint64_t processes =
      limits.processes + std::uint64_t{fallbacks.processes ? 0U : kProcessSlack};
  if (!shares_user) TRY_DO(limit(RLIMIT_NPROC, processes, processes, "processes"));
  if (fallbacks.memory) {
    const std::uint64_t bytes = limits.memory_bytes * kAddressSpaceFactor;
    TRY_DO(limit(RLIMIT_AS, bytes, bytes, "memory"));
  }
  return {};
}

// The one command that a slot runs, as it came with kPlan.
struct Command {
  policy::SpawnPlan plan;
  Fd out, err;
  Fallbacks fallbacks;
};

Result<void> prepare_shell(const SlotContext& context, const Command& command) {
  if (setsid() < 0) return fail_errno(errno, "start a session");
  const Fd null(open("/dev/null", O_RDONLY));
  if (!null || dup2(null.get(), 0) < 0 || dup2(command.out.get(), 1) < 0 ||
      dup2(command.err.get(), 2) < 0)
    return fail_errno(errno, "set up the command's streams");
  TRY_DO(set_limits(command.plan.limits, command.fallbacks,
                    context.bare && !context.identity.as_root));
  if (context.bare) {
    TRY(LandlockRules rules, LandlockRules::make(context.landlock_abi, Covered::command));
    TRY_DO(allow_bare_view(rules, command.plan.view, context.home));
    TRY_DO(rules.enforce());
    return install_filter(*context.filter);
  }
  std::vector<std::string> writable{command.plan.view.workspace, "/tmp", "/dev/shm"};
  if (!command.plan.view.memory.empty()) writable.push_back(command.plan.view.memory);
  TRY_DO(confine_files(context.landlock_abi, writable));
  return install_filter(*context.filter);
}

[[noreturn]] void run_shell(const SlotContext& context, const Command& command) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.plan.environment)
    variables.push_back(name + "=" + (context.bare && name == "HOME" ? context.home : value));
  if (context.bare) variables.push_back("TMPDIR=" + context.home);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string text = command.plan.command;
  std::array<char[16], 4> fixed{"bash", "--noprofile", "--norc", "-c"};
  std::array<char*, 6> arguments{fixed[0], fixed[1], fixed[2], fixed[3], text.data(), nullptr};

  Result<void> ready = prepare_shell(context, command);
  if (ready) {
    // Only the control socket outlives this, and exec closes it: it carries the news of a failed
    // exec.
    const int control = 3;
    if (context.control.get() != control) dup3(context.control.get(), control, O_CLOEXEC);
    sys_close_range(control + 1, ~0U);
    execve("/usr/bin/bash", arguments.data(), environment.data());
    ready = fail_errno(errno, "start /usr/bin/bash");
    static_cast<void>(send_message(control, kFailed, encode(ready.error())));
  } else {
    static_cast<void>(send_message(context.control.get(), kFailed, encode(ready.error())));
  }
  _exit(kShellFailed);
}

Result<Message> expect(const Fd& control, char kind) {
  TRY(auto message, receive_message(control.get()));
  if (!message) _exit(1);  // the supervisor is gone
  if (message->kind != kind) return fail(ErrorKind::internal, "unexpected message to a slot");
  return std::move(*message);
}

// Everything that needs no plan.
Result<void> build_ahead(SlotContext& context, std::vector<std::string>& degraded) {
  TRY_DO(expect(context.control, kMapped));
  // Only root can without a user namespace; for others no_new_privs makes the set moot.
  if (context.bare && geteuid() == 0) TRY_DO(empty_bounding_set());
  TRY_DO(take_identity(context.identity));
  TRY_DO(die_with_supervisor(context.control));
  if (context.bare) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail_errno(errno, "hold the descendants");
    umask(022);
    return {};
  }
  if (sethostname("remit", 5) != 0) return fail_errno(errno, "name the slot");
  if (!context.identity.as_root) {
    TRY(context.trees, open_plan_trees(*context.roots, context.layer_directory, true));
  }
  return build_base(base_view(context.identity), context.trees, degraded);
}

Result<Command> take_command(const SlotContext& context) {
  give_back_when_quiet({context.control.get()});
  TRY(Message message, expect(context.control, kPlan));
  if (message.fds.size() != 3) return fail(ErrorKind::internal, "incomplete plan to a slot");
  TRY(const std::string bytes, read_sealed(message.fds[0], kPlanBytes));
  TRY(policy::SpawnPlan plan, decode_plan(bytes));
  const auto unlimited = [&](char resource) {
    return message.body.find(resource) == std::string::npos;
  };
  return Command{std::move(plan), std::move(message.fds[1]), std::move(message.fds[2]),
                 Fallbacks{unlimited('m'), unlimited('p')}};
}

Result<void> build_and_report(SlotContext& context, const Command& command,
                              const std::vector<std::string>& degraded) {
  if (context.bare) return send_message(context.control.get(), kReady, "");
  TRY(const Layers layers, build_plan(command.plan, context.trees));
  std::string points;
  for (const std::string& point : degraded) points += point + "\n";
  if (layers.memory)
    return send_message(context.control.get(), kReady, points,
                        {layers.upper.get(), layers.lower.get(), layers.memory.get()});
  return send_message(context.control.get(), kReady, points,
                      {layers.upper.get(), layers.lower.get()});
}

// Starts the shell and waits for its end, reaping orphans meanwhile.
Result<std::string> run_to_the_end(const SlotContext& context, Command& command) {
  if (chdir(command.plan.cwd.c_str()) != 0)
    return fail_errno(errno, "enter the working directory " + command.plan.cwd);
  if (!context.bare) TRY_DO(empty_bounding_set());
  TRY_DO(drop_rights());
  const long shell = sys_clone(CLONE_FS | SIGCHLD);
  if (shell < 0) return fail_errno(errno, "start the shell's process");
  if (shell == 0) run_shell(context, command);
  command.out.reset();
  command.err.reset();
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == shell) break;
    if (ended < 0 && errno != EINTR) return fail_errno(errno, "wait for the shell");
  }
  std::array<char, PATH_MAX> cwd{};
  // "(unreachable)/…" is not an absolute path: the supervisor then reports none.
  if (syscall(SYS_getcwd, cwd.data(), cwd.size()) < 0) cwd[0] = '\0';
  return std::to_string(status) + " " + cwd.data();
}

Result<std::string> carry_out(SlotContext& context) {
  std::vector<std::string> degraded;
  TRY_DO(build_ahead(context, degraded));
  TRY(Command command, take_command(context));
  TRY_DO(build_and_report(context, command, degraded));
  return run_to_the_end(context, command);
}

[[noreturn]] void slot_main(SlotContext& context) {
  for (const int fd : context.foreign) close(fd);
  const Result<std::string> ended = carry_out(context);
  if (ended)
    static_cast<void>(send_message(context.control.get(), kExited, *ended));
  else
    static_cast<void>(send_message(context.control.get(), kFailed, encode(ended.error())));
  _exit(0);
}

}  // namespace

Result<pid_t> start_slot(SlotContext& context) {
  const std::uint64_t namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                   CLONE_NEWUTS | CLONE_NEWNET | kCloneNewCgroup;
  const long pid = sys_clone((context.bare ? 0 : namespaces) | SIGCHLD);
  if (pid < 0) {
    Error error = errno_error(errno, "make the slot's namespaces");
    error.kind = ErrorKind::unavailable;
    error.code = "sandbox_unavailable";
    return tl::unexpected<Error>(std::move(error));
  }
  if (pid == 0) {
    try {
      slot_main(context);
    } catch (...) {  // out of memory: nothing can be said, and the closed socket says it
      _exit(1);
    }
  }
  return static_cast<pid_t>(pid);
}

}  // namespace remit::sandbox
