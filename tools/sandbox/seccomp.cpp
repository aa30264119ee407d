// Over 400 lines because the tables of calls and the rules about their arguments are one program.
#include "tools/sandbox/seccomp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

// Numbers shared by every architecture (the generic table) that Debian 12's headers do not have.
constexpr std::uint32_t kStatmount = 457;
constexpr std::uint32_t kListmount = 458;
constexpr std::uint32_t kSetxattrat = 463;
constexpr std::uint32_t kRemovexattrat = 466;
constexpr std::uint32_t kOpenTreeAttr = 467;
constexpr std::uint32_t kFileSetattr = 469;
constexpr std::uint32_t kNewestReviewed = 469;  // Linux 6.18
constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kSetIdBits = 06000;

constexpr std::uint32_t answer(int error) {
  return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA);
}

// Calls refused whatever their arguments.
struct Refused {
  std::uint32_t number;
  int error;
};
constexpr Refused kRefused[] = {
    // Arguments behind a pointer: libc falls back to clone and openat.
    {SYS_clone3, ENOSYS},
    {SYS_openat2, ENOSYS},
    {SYS_io_uring_setup, ENOSYS},
    {SYS_io_uring_enter, ENOSYS},
    {SYS_io_uring_register, ENOSYS},
    // Looking into other processes and the kernel.
    {SYS_ptrace, EPERM},
    {SYS_process_vm_readv, EPERM},
    {SYS_process_vm_writev, EPERM},
    {SYS_kcmp, EPERM},
    {SYS_pidfd_getfd, EPERM},
    {SYS_perf_event_open, EPERM},
    {SYS_bpf, EPERM},
    {SYS_userfaultfd, EPERM},
    {SYS_process_madvise, EPERM},
    {SYS_process_mrelease, EPERM},
    {SYS_fanotify_init, EPERM},
    {SYS_lookup_dcookie, EPERM},
    // Namespaces and mounts.
    {SYS_unshare, EPERM},
    {SYS_setns, EPERM},
    {SYS_mount, EPERM},
    {SYS_umount2, EPERM},
    {SYS_pivot_root, EPERM},
    {SYS_chroot, EPERM},
    {SYS_open_tree, EPERM},
    {SYS_move_mount, EPERM},
    {SYS_fsopen, EPERM},
    {SYS_fsconfig, EPERM},
    {SYS_fsmount, EPERM},
    {SYS_fspick, EPERM},
    {SYS_mount_setattr, EPERM},
    {kOpenTreeAttr, EPERM},
    // The kernel itself.
    {SYS_init_module, EPERM},
    {SYS_finit_module, EPERM},
    {SYS_delete_module, EPERM},
    {SYS_kexec_load, EPERM},
    {SYS_kexec_file_load, EPERM},
    {SYS_reboot, EPERM},
    {SYS_swapon, EPERM},
    {SYS_swapoff, EPERM},
    {SYS_syslog, EPERM},
    {SYS_clock_settime, EPERM},
    {SYS_settimeofday, EPERM},
    {SYS_clock_adjtime, EPERM},
    {SYS_adjtimex, EPERM},
    {SYS_sethostname, EPERM},
    {SYS_setdomainname, EPERM},
    {SYS_quotactl, EPERM},
    {SYS_quotactl_fd, EPERM},
    {SYS_acct, EPERM},
    {SYS_vhangup, EPERM},
#if defined(__x86_64__)
    {SYS_iopl, EPERM},
    {SYS_ioperm, EPERM},
    {SYS_modify_ldt, EPERM},
#endif
    // Keys and handles that outlive or escape the view.
    {SYS_add_key, EPERM},
    {SYS_request_key, EPERM},
    {SYS_keyctl, EPERM},
    {SYS_open_by_handle_at, EPERM},
    {SYS_name_to_handle_at, ENOTSUP},  // as of a file system without handles
    {kStatmount, ENOSYS},              // how the view is made
    {kListmount, ENOSYS},
    {SYS_memfd_secret, EPERM},
    // Real-time scheduling behind a pointer; the register forms are judged below.
    {SYS_sched_setattr, EPERM},
    // File attributes: no capabilities on files, no forged overlay marks. ENOTSUP, because cp -a
    // then goes on without them.
    {SYS_setxattr, ENOTSUP},
    {SYS_lsetxattr, ENOTSUP},
    {SYS_fsetxattr, ENOTSUP},
    {kSetxattrat, ENOTSUP},
    {kFileSetattr, ENOTSUP},
    // The network: no family at all. Typed tools do that work.
    {SYS_socket, EPERM},
};

// Calls whose mode argument may not hold set-id bits: number and index of the argument.
struct ModeArgument {
  std::uint32_t number;
  int index;
};
constexpr ModeArgument kModes[] = {
    {SYS_fchmod, 1}, {SYS_fchmodat, 2}, {kFchmodat2, 2}, {SYS_mkdirat, 2},
#if defined(__x86_64__)
    {SYS_chmod, 1},  {SYS_creat, 1},    {SYS_mkdir, 1},
#endif
};

// Calls whose mode counts only if a file may be made: number, index of flags, index of mode.
struct OpenArguments {
  std::uint32_t number;
  int flags;
  int mode;
};
constexpr OpenArguments kOpens[] = {
    {SYS_openat, 2, 3},
#if defined(__x86_64__)
    {SYS_open, 1, 2},
#endif
};

constexpr ModeArgument kMknods[] = {
    {SYS_mknodat, 2},
#if defined(__x86_64__)
    {SYS_mknod, 1},
#endif
};

constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | 0x02000000U /* cgroup */;

// Appends instructions. Jumps are written as "skip n", counted within one rule, so that a rule can
// be read alone.
class Program {
 public:
  // A rule for one call: `body` runs with the call number matched and ends in a verdict, or leaves
  // the call to later rules; each loads the number again.
  template <class Body>
  void rule(std::uint32_t number, const Body& body) {
    load(offsetof(seccomp_data, nr));
    const std::size_t jump = code_.size();
    emit(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
    body();
    code_[jump].jf = static_cast<std::uint8_t>(code_.size() - jump - 1);
  }
  // The low 32 bits: the kernel truncates modes, families and ioctl commands to them.
  void load_argument(int index) {
    load(static_cast<std::uint32_t>(offsetof(seccomp_data, args)) +
         static_cast<std::uint32_t>(index) * 8U);
  }
  void load(std::size_t offset) {
    emit(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset), 0, 0);
  }
  void mask(std::uint32_t bits) { emit(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0); }
  void verdict(std::uint32_t value) { emit(BPF_RET | BPF_K, value, 0, 0); }
  // If the loaded value equals / has any of the bits, the next instruction runs, else it is
  // skipped.
  void when_equal(std::uint32_t value) { emit(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1); }
  void unless_equal(std::uint32_t value) { emit(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0); }
  void when_any(std::uint32_t bits) { emit(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1); }
  void when_above(std::uint32_t value) { emit(BPF_JMP | BPF_JGT | BPF_K, value, 0, 1); }
  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void emit(int code, std::uint32_t k, std::uint8_t when_true, std::uint8_t when_false) {
    code_.push_back(sock_filter{static_cast<std::uint16_t>(code), when_true, when_false, k});
  }
  std::vector<sock_filter> code_;
};

// What only namespaces and a copy-on-write layer make harmless.
constexpr Refused kRefusedBare[] = {
    // Attributes of files, which Landlock does not cover.
    {SYS_fchmod, EPERM},
    {SYS_fchmodat, EPERM},
    {kFchmodat2, EPERM},
    {SYS_fchown, EPERM},
    {SYS_fchownat, EPERM},
    {SYS_utimensat, EPERM},
    {SYS_removexattr, EPERM},
    {SYS_lremovexattr, EPERM},
    {SYS_fremovexattr, EPERM},
    {kRemovexattrat, EPERM},
    // IPC of the host.
    {SYS_shmget, EPERM},
    {SYS_shmat, EPERM},
    {SYS_shmctl, EPERM},
    {SYS_semget, EPERM},
    {SYS_semop, EPERM},
    {SYS_semctl, EPERM},
    {SYS_semtimedop, EPERM},
    {SYS_msgget, EPERM},
    {SYS_msgsnd, EPERM},
    {SYS_msgrcv, EPERM},
    {SYS_msgctl, EPERM},
    {SYS_mq_open, EPERM},
    {SYS_mq_unlink, EPERM},
    // Locks on files that can only be read, and news of files that cannot.
    {SYS_flock, EPERM},
    {SYS_inotify_init1, ENOSYS},
    // Other processes of the same user.
    {SYS_migrate_pages, EPERM},
    {SYS_move_pages, EPERM},
#if defined(__x86_64__)
    {SYS_chmod, EPERM},
    {SYS_chown, EPERM},
    {SYS_lchown, EPERM},
    {SYS_utime, EPERM},
    {SYS_utimes, EPERM},
    {SYS_futimesat, EPERM},
    {SYS_inotify_init, ENOSYS},
#endif
};

constexpr Refused kSignals[] = {
    {SYS_kill, EPERM},
    {SYS_tkill, EPERM},
    {SYS_tgkill, EPERM},
    {SYS_rt_sigqueueinfo, EPERM},
    {SYS_rt_tgsigqueueinfo, EPERM},
    {SYS_pidfd_send_signal, EPERM},
};

// Calls whose argument may have one value only: a process (0 is oneself, every other number may be
// a stranger), and what the number means (a process, not a group or a user).
struct OnlyValue {
  std::uint32_t number;
  int index;
  std::uint32_t value;
};
constexpr OnlyValue kOnlyValues[] = {
    {SYS_prlimit64, 0, 0},          {SYS_sched_setaffinity, 0, 0},      {SYS_sched_setparam, 0, 0},
    {SYS_sched_setscheduler, 0, 0}, {SYS_setpriority, 0, PRIO_PROCESS}, {SYS_setpriority, 1, 0},
    {SYS_ioprio_set, 0, 1},  // IOPRIO_WHO_PROCESS
    {SYS_ioprio_set, 1, 0},
};

// All that a program needs of a descriptor. Left out are owners (a signal to anybody), locks and
// leases (which hold others up), notices of folders, and attributes of files.
constexpr std::uint32_t kFcntl[] = {F_DUPFD,     F_DUPFD_CLOEXEC, F_GETFD,      F_SETFD,
                                    F_GETFL,     F_SETFL,         F_GETPIPE_SZ, F_SETPIPE_SZ,
                                    F_ADD_SEALS, F_GET_SEALS};
constexpr std::uint32_t kIoctl[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};

void refuse(Program& p, const Refused& call) {
  p.when_equal(call.number);
  p.verdict(answer(call.error));
}

void add_bare_rules(Program& p, int landlock_abi, bool as_root) {
  for (const Refused& call : kRefusedBare) refuse(p, call);
  if (landlock_abi < 6 && !as_root)
    for (const Refused& call : kSignals) refuse(p, call);
  for (const OnlyValue& only : kOnlyValues)
    p.rule(only.number, [&] {
      p.load_argument(only.index);
      p.unless_equal(only.value);
      p.verdict(answer(EPERM));
      // Judged further by the rules for every slot.
    });
  const auto allow_commands = [&](std::uint32_t number, std::span<const std::uint32_t> commands,
                                  int error) {
    p.rule(number, [&] {
      p.load_argument(1);
      for (const std::uint32_t command : commands) {
        p.when_equal(command);
        p.verdict(SECCOMP_RET_ALLOW);
      }
      p.verdict(answer(error));
    });
  };
  allow_commands(SYS_fcntl, kFcntl, EPERM);
  allow_commands(SYS_ioctl, kIoctl, ENOTTY);
  if (landlock_abi >= 3) return;
  refuse(p, {SYS_truncate, EPERM});
  for (const OpenArguments& o : kOpens)
    p.rule(o.number, [&] {
      p.load_argument(o.flags);
      p.mask(O_TRUNC | O_ACCMODE);
      p.when_equal(O_TRUNC | O_RDONLY);
      p.verdict(answer(EPERM));
      p.when_equal(O_TRUNC | O_ACCMODE);  // neither reading nor writing, as Landlock sees it
      p.verdict(answer(EPERM));
      // Judged further by the rule for modes of new files.
    });
}

void add_argument_rules(Program& p) {
  for (const ModeArgument& m : kModes)
    p.rule(m.number, [&] {
      p.load_argument(m.index);
      p.when_any(kSetIdBits);
      p.verdict(answer(EPERM));
      p.verdict(SECCOMP_RET_ALLOW);
    });
  for (const OpenArguments& o : kOpens)
    p.rule(o.number, [&] {
      // Without O_CREAT or O_TMPFILE the mode register is garbage. O_TMPFILE contains O_DIRECTORY,
      // so its own bit alone is tested.
      p.load_argument(o.flags);
      p.mask(O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
      p.when_equal(0);
      p.verdict(SECCOMP_RET_ALLOW);
      p.load_argument(o.mode);
      p.when_any(kSetIdBits);
      p.verdict(answer(EPERM));
      p.verdict(SECCOMP_RET_ALLOW);
    });
  for (const ModeArgument& m : kMknods)
    p.rule(m.number, [&] {
      p.load_argument(m.index);
      p.mask(S_IFMT | kSetIdBits);
      p.when_equal(S_IFIFO);
      p.verdict(SECCOMP_RET_ALLOW);
      p.verdict(answer(EPERM));
    });
  p.rule(SYS_clone, [&] {
    p.load_argument(0);
    p.when_any(kNewNamespaces);
    p.verdict(answer(EPERM));
    p.verdict(SECCOMP_RET_ALLOW);
  });
  p.rule(SYS_ioctl, [&] {
    p.load_argument(1);
    p.when_equal(TIOCSTI);
    p.verdict(answer(EPERM));
    p.when_equal(TIOCLINUX);
    p.verdict(answer(EPERM));
    p.verdict(SECCOMP_RET_ALLOW);
  });
  // A datagram pair still sends to any socket file by name; stream and seqpacket pairs do not.
  p.rule(SYS_socketpair, [&] {
    p.load_argument(0);
    p.unless_equal(AF_UNIX);
    p.verdict(answer(EPERM));
    p.load_argument(1);
    p.mask(~static_cast<std::uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK));
    p.when_equal(SOCK_STREAM);
    p.verdict(SECCOMP_RET_ALLOW);
    p.when_equal(SOCK_SEQPACKET);
    p.verdict(SECCOMP_RET_ALLOW);
    p.verdict(answer(EPERM));
  });
  // Whoever opens a leased file waits for its holder: outside, too, where the file is a log.
  p.rule(SYS_fcntl, [&] {
    p.load_argument(1);
    p.when_equal(F_SETLEASE);
    p.verdict(answer(EPERM));
    p.verdict(SECCOMP_RET_ALLOW);
  });
  // What a 32-bit uname needs, and asking; not what makes memory easier to attack.
  p.rule(SYS_personality, [&] {
    p.load_argument(0);
    for (const std::uint32_t persona : {0U, 0x8U, 0xffffffffU}) {  // PER_LINUX, PER_LINUX32
      p.when_equal(persona);
      p.verdict(SECCOMP_RET_ALLOW);
    }
    p.verdict(answer(EPERM));
  });
  p.rule(SYS_seccomp, [&] {
    p.load_argument(1);
    p.when_any(SECCOMP_FILTER_FLAG_NEW_LISTENER);  // it would answer calls in the kernel's place
    p.verdict(answer(EPERM));
    p.verdict(SECCOMP_RET_ALLOW);
  });
  p.rule(SYS_sched_setscheduler, [&] {
    p.load_argument(1);
    p.mask(~0x40000000U);                              // SCHED_RESET_ON_FORK
    for (const std::uint32_t policy : {1U, 2U, 6U}) {  // FIFO, RR, DEADLINE
      p.when_equal(policy);
      p.verdict(answer(EPERM));
    }
    p.verdict(SECCOMP_RET_ALLOW);
  });
  p.rule(SYS_setpriority, [&] {
    p.load_argument(2);
    p.when_any(0x80000000U);  // negative: more than the default share
    p.verdict(answer(EPERM));
    p.verdict(SECCOMP_RET_ALLOW);
  });
}

}  // namespace

namespace {

// `add`: further rules, which come before those about arguments.
template <class Add>
std::vector<sock_filter> build(const Add& add) {
  Program p;
  p.load(offsetof(seccomp_data, arch));
  p.when_equal(kArchitecture);
  p.load(offsetof(seccomp_data, nr));  // runs for our architecture only
  // After the line above the accumulator holds either a call number or a foreign architecture
  // constant, and those have high bits that no call number has.
  p.when_above(kX32Bit - 1);
  p.verdict(SECCOMP_RET_KILL_PROCESS);
  p.when_above(kNewestReviewed);
  p.verdict(answer(ENOSYS));
  for (const Refused& call : kRefused) refuse(p, call);
  add(p);
  add_argument_rules(p);
  p.verdict(SECCOMP_RET_ALLOW);
  return p.take();
}

}  // namespace

std::vector<sock_filter> filter_program() {
  return build([](Program&) {});
}

std::vector<sock_filter> bare_filter_program(int landlock_abi, bool as_root) {
  return build([&](Program& p) { add_bare_rules(p, landlock_abi, as_root); });
}

Result<void> install_filter(const std::vector<sock_filter>& program) {
  sock_fprog fprog{static_cast<unsigned short>(program.size()),
                   const_cast<sock_filter*>(program.data())};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog) != 0)
    return fail_errno(errno, "install the system-call filter");
  return {};
}

}  // namespace remit::sandbox
