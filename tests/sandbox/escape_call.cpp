// Test helper, run inside a slot: makes the system calls named on the command line and prints
// "name ERRNO" or "name ok" for each. No library wraps what it tries, so it is plain calls.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>

namespace {

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  return syscall(number, a, b, c, d, e, f);
}
long text(const char* t) {
  return reinterpret_cast<long>(t);
}

const std::map<std::string, std::function<long()>> kCalls{
    {"clone3", [] { return call(SYS_clone3, 0, 0); }},
    {"openat2", [] { return call(SYS_openat2, AT_FDCWD, text("/"), 0, 0); }},
    {"io_uring_setup", [] { return call(SYS_io_uring_setup, 1, 0); }},
    {"unknown", [] { return call(1000); }},
    {"ptrace", [] { return call(SYS_ptrace, 0, 0, 0, 0); }},
    {"process_vm_readv", [] { return call(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0); }},
    {"kcmp", [] { return call(SYS_kcmp, 1, 1, 0, 0, 0); }},
    {"pidfd_getfd", [] { return call(SYS_pidfd_getfd, 0, 0, 0); }},
    {"perf_event_open", [] { return call(SYS_perf_event_open, 0, 0, -1, -1, 0); }},
    {"bpf", [] { return call(SYS_bpf, 0, 0, 0); }},
    {"userfaultfd", [] { return call(SYS_userfaultfd, 0); }},
    {"unshare_user", [] { return call(SYS_unshare, CLONE_NEWUSER); }},
    {"unshare_mount", [] { return call(SYS_unshare, CLONE_NEWNS); }},
    {"setns", [] { return call(SYS_setns, 0, 0); }},
    {"clone_newuser", [] { return call(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0); }},
    {"clone_newnet_high",
     [] { return call(SYS_clone, (1L << 40) | CLONE_NEWNET | 17, 0, 0, 0, 0); }},
    {"mount", [] { return call(SYS_mount, text("tmpfs"), text("/tmp"), text("tmpfs"), 0, 0); }},
    {"umount2", [] { return call(SYS_umount2, text("/proc"), 2); }},
    {"pivot_root", [] { return call(SYS_pivot_root, text("."), text(".")); }},
    {"chroot", [] { return call(SYS_chroot, text("/tmp")); }},
    {"open_tree", [] { return call(SYS_open_tree, AT_FDCWD, text("/"), 1); }},
    {"move_mount", [] { return call(SYS_move_mount, 0, text(""), 0, text(""), 0); }},
    {"fsopen", [] { return call(SYS_fsopen, text("tmpfs"), 0); }},
    {"mount_setattr", [] { return call(SYS_mount_setattr, AT_FDCWD, text("/"), 0, 0, 0); }},
    {"init_module", [] { return call(SYS_init_module, 0, 0, text("")); }},
    {"kexec_load", [] { return call(SYS_kexec_load, 0, 0, 0, 0); }},
    {"reboot", [] { return call(SYS_reboot, 0, 0, 0, 0); }},
    {"swapon", [] { return call(SYS_swapon, text("/tmp/x"), 0); }},
    {"syslog", [] { return call(SYS_syslog, 3, 0, 0); }},
    {"clock_settime", [] { return call(SYS_clock_settime, 0, 0); }},
    {"sethostname", [] { return call(SYS_sethostname, text("x"), 1); }},
    {"quotactl", [] { return call(SYS_quotactl, 0, 0, 0, 0); }},
    {"add_key", [] { return call(SYS_add_key, text("user"), text("k"), text("v"), 1, -3); }},
    {"request_key", [] { return call(SYS_request_key, text("user"), text("k"), 0, 0); }},
    {"keyctl", [] { return call(SYS_keyctl, 0, -3, 1); }},
    {"open_by_handle_at", [] { return call(SYS_open_by_handle_at, 0, 0, 0); }},
    {"name_to_handle_at", [] { return call(SYS_name_to_handle_at, AT_FDCWD, text("/"), 0, 0, 0); }},
    {"statmount", [] { return call(457, 0, 0, 0, 0); }},
    {"listmount", [] { return call(458, 0, 0, 0, 0); }},
    {"lease", [] { return call(SYS_fcntl, 0, F_SETLEASE, F_RDLCK); }},
    {"personality_read", [] { return call(SYS_personality, 0xffffffff); }},
    {"personality_no_randomize", [] { return call(SYS_personality, 0x0040000); }},
    {"seccomp_listener", [] { return call(SYS_seccomp, 1, 8, 0); }},
    {"memfd_secret", [] { return call(SYS_memfd_secret, 0); }},
    {"tiocsti", [] { return call(SYS_ioctl, 0, TIOCSTI, text("x")); }},
    {"tiocsti_high", [] { return call(SYS_ioctl, 0, (1L << 32) | TIOCSTI, text("x")); }},
    {"tioclinux", [] { return call(SYS_ioctl, 0, TIOCLINUX, text("\2")); }},
    {"realtime",
     [] {
       sched_param p{1};
       return call(SYS_sched_setscheduler, 0, 1, reinterpret_cast<long>(&p));
     }},
    {"sched_setattr", [] { return call(SYS_sched_setattr, 0, 0, 0); }},
    {"priority", [] { return call(SYS_setpriority, PRIO_PROCESS, 0, -5); }},
    {"setxattr", [] { return call(SYS_setxattr, text("/tmp"), text("user.a"), text("v"), 1, 0); }},
    {"setxattrat", [] { return call(463, AT_FDCWD, text("/tmp"), 0, text("user.a"), 0, 0); }},
    {"file_setattr", [] { return call(469, AT_FDCWD, text("/tmp"), 0, 0, 0); }},
    {"fchmod_setuid",
     [] {
       const long fd = call(SYS_openat, AT_FDCWD, text("fc"), O_CREAT | O_RDWR, 0755);
       return call(SYS_fchmod, fd, 04755);
     }},
    {"fchmodat_setgid", [] { return call(SYS_fchmodat, AT_FDCWD, text("."), 02755); }},
    {"fchmodat2_setuid", [] { return call(452, AT_FDCWD, text("."), 04755, 0); }},
    {"openat_setuid",
     [] { return call(SYS_openat, AT_FDCWD, text("oa"), O_CREAT | O_RDWR, 04755); }},
    {"tmpfile_setuid",
     [] { return call(SYS_openat, AT_FDCWD, text("."), O_TMPFILE | O_RDWR, 04755); }},
    {"openat_garbage_mode", [] { return call(SYS_openat, AT_FDCWD, text("."), O_RDONLY, 06777); }},
    {"mkdirat_setgid", [] { return call(SYS_mkdirat, AT_FDCWD, text("md"), 02755); }},
    {"mknodat_setuid", [] { return call(SYS_mknodat, AT_FDCWD, text("mn"), S_IFREG | 04755, 0); }},
    {"mknodat_device",
     [] { return call(SYS_mknodat, AT_FDCWD, text("mc"), S_IFCHR | 0666, 0x103); }},
    {"mknodat_whiteout", [] { return call(SYS_mknodat, AT_FDCWD, text("mw"), S_IFCHR, 0); }},
    {"mkfifo", [] { return call(SYS_mknodat, AT_FDCWD, text("/tmp/fifo"), S_IFIFO | 0644, 0); }},
    {"socketpair_datagram",
     [] {
       int p[2];
       return call(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, reinterpret_cast<long>(p));
     }},
    {"socketpair_family5",
     [] {
       int p[2];
       return call(SYS_socketpair, 5, SOCK_STREAM, 0, reinterpret_cast<long>(p));
     }},
    {"socketpair_stream",
     [] {
       int p[2];
       return call(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
                   reinterpret_cast<long>(p));
     }},
    {"setuid_root", [] { return call(SYS_setuid, getuid() == 0 ? 1 : 0); }},
#if defined(__x86_64__)
    {"open_setuid", [] { return call(SYS_open, text("op"), O_CREAT | O_RDWR, 04755); }},
    {"creat_setuid", [] { return call(SYS_creat, text("cr"), 06755); }},
    {"chmod_setuid", [] { return call(SYS_chmod, text("."), 04755); }},
    {"mknod_setuid", [] { return call(SYS_mknod, text("mk"), S_IFREG | 04755, 0); }},
    {"x32", [] { return call(0x40000000 + 39); }},
    {"int80",
     [] {
       long r = 20;
       asm volatile("int $0x80" : "+a"(r) : : "memory");
       return r;
     }},
#endif
};

}  // namespace

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("socket:", 0) == 0) {
      const int family = atoi(name.c_str() + 7);
      for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW}) {
        const long r = call(SYS_socket, family, type, 0);
        printf("%s %s\n", name.c_str(), r >= 0 ? "ok" : strerrorname_np(errno));
      }
      continue;
    }
    const auto found = kCalls.find(name);
    if (found == kCalls.end()) {
      printf("%s not-a-call\n", name.c_str());
      continue;
    }
    const long result = found->second();
    printf("%s %s\n", name.c_str(), result >= 0 ? "ok" : strerrorname_np(errno));
  }
  return 0;
}
