#include "tools/sandbox/confine.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/fs.h"
#include "tools/sandbox/landlock.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {
namespace {

Result<void> lock_files(const ConfinePlan& plan) {
  TRY(LandlockRules rules, LandlockRules::make(landlock_abi(), Covered::files));
  for (const std::string& path : plan.readable) TRY_DO(rules.allow(path, Reach::data));
  for (const std::string& path : plan.writable) TRY_DO(rules.allow(path, Reach::change));
  for (const std::string& path : plan.writable_files) TRY_DO(rules.allow(path, Reach::change));
  return rules.enforce();
}

constexpr std::uint32_t refuse(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// What a server that has started never does: run programs, make processes, namespaces or mounts,
// trace others, open sockets (but unix datagrams: they wake other processes), change a file by its
// name in ways that Landlock does not see (files are changed through descriptors).
std::vector<sock_filter> program() {
  std::vector<sock_filter> code;
  const auto load = [&](std::size_t offset) {
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  };
  const auto answer = [&](std::uint32_t what) { code.push_back(BPF_STMT(BPF_RET | BPF_K, what)); };
  load(offsetof(seccomp_data, arch));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  answer(SECCOMP_RET_KILL_PROCESS);
  load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  constexpr std::uint32_t kX32 = 0x40000000;
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
  answer(SECCOMP_RET_KILL_PROCESS);
#endif
  // The kernel reads clone3's flags through a pointer that no filter can follow; libc then uses
  // clone.
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
  answer(refuse(ENOSYS));
  for (const long number : {long{SYS_execve},
                            long{SYS_execveat},
                            long{SYS_ptrace},
                            long{SYS_mount},
                            long{SYS_umount2},
                            long{SYS_unshare},
                            long{SYS_setns},
                            long{SYS_pivot_root},
                            long{SYS_chroot},
                            long{SYS_bpf},
                            long{SYS_perf_event_open},
                            long{SYS_process_vm_readv},
                            long{SYS_process_vm_writev},
                            long{SYS_open_tree},
                            long{SYS_move_mount},
                            long{SYS_fsopen},
                            long{SYS_mount_setattr},
                            long{SYS_userfaultfd},
                            long{SYS_io_uring_setup},
                            long{SYS_init_module},
                            long{SYS_finit_module},
                            long{SYS_kexec_load},
                            long{SYS_reboot},
                            long{SYS_add_key},
                            long{SYS_keyctl},
#if defined(__x86_64__)
                            long{SYS_fork},
                            long{SYS_vfork},
                            long{SYS_chmod},
                            long{SYS_chown},
                            long{SYS_lchown},
                            long{SYS_utime},
                            long{SYS_utimes},
                            long{SYS_futimesat},
                            long{SYS_iopl},
                            long{SYS_ioperm},
#endif
                            long{SYS_fchmodat},
                            long{kFchmodat2},
                            long{SYS_fchownat},
                            long{SYS_truncate},
                            long{SYS_setxattr},
                            long{SYS_lsetxattr},
                            long{SYS_removexattr},
                            long{SYS_lremovexattr},
                            long{SYS_kcmp},
                            long{SYS_request_key},
                            long{SYS_open_by_handle_at},
                            long{SYS_pidfd_getfd}}) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    answer(refuse(EPERM));
  }
  // clone: threads only.
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
  load(offsetof(seccomp_data, args[0]));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
  answer(refuse(EPERM));
  answer(SECCOMP_RET_ALLOW);
  // socket: AF_UNIX with SOCK_DGRAM only; the upper bits of the type are flags.
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 6));
  load(offsetof(seccomp_data, args[0]));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 3));
  load(offsetof(seccomp_data, args[1]));
  code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, 1, 0));
  answer(refuse(EPERM));
  answer(SECCOMP_RET_ALLOW);
  return code;
}

Result<void> lock_calls() {
  std::vector<sock_filter> code = program();
  const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
    return fail_errno(errno, "install the system-call filter");
  }
  return {};
}

// A server of root needs to reach files of other owners in its roots, and nothing else of root's.
Result<void> drop_capabilities() {
  constexpr std::uint32_t kKept =
      1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_KILL;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return fail_errno(errno, "read the capabilities");
  sets[0].permitted &= kKept;
  sets[0].effective &= kKept;
  sets[0].inheritable = 0;
  sets[1] = {};
  if (::syscall(SYS_capset, &header, sets) != 0) return fail_errno(errno, "give up capabilities");
  return {};
}

Result<std::size_t> count_threads() {
  TRY(const Fd tasks, fs::open_root("/proc/self/task"));
  std::size_t count = 0;
  TRY_DO(fs::list_directory(tasks, [&](std::string_view, unsigned char) { return ++count, true; }));
  return count;
}

}  // namespace

Result<void> confine_self(const ConfinePlan& plan) {
  TRY(const std::size_t threads, count_threads());
  if (threads != 1) {
    return fail(ErrorKind::internal,
                "the process has " + std::to_string(threads) +
                    " threads already: those would stay outside the lock",
                {}, "threads");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "set no_new_privs");
  TRY_DO(drop_capabilities());
  const Result<void> files = lock_files(plan);
  TRY_DO(lock_calls());
  return files;
}

}  // namespace remit::sandbox
