// The few system calls that glibc 2.36 does not wrap, and constants newer than its headers. Values
// are those of the kernel's uapi headers; nothing here has a policy.
#pragma once

#include <linux/audit.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace remit::sandbox {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system-call table of this architecture has not been reviewed"
#endif

constexpr std::uint32_t kFchmodat2 = 452;  // the same number everywhere

inline long sys_openat2(int dir, const char* path, const open_how& how) {
  return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

inline long sys_pivot_root(const char* new_root, const char* put_old) {
  return syscall(SYS_pivot_root, new_root, put_old);
}

inline long sys_close_range(unsigned first, unsigned last) {
  return syscall(SYS_close_range, first, last, 0U);
}

// clone(2) with fork's meaning: a copy of the caller, with these flags besides. clone3 is not
// needed for any flag used here, and clone works where a container's filter answers clone3 with
// ENOSYS.
inline long sys_clone(std::uint64_t flags) {
#if defined(__x86_64__) || defined(__aarch64__)
  return syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
#else
#error "the argument order of clone is not known for this architecture"
#endif
}

inline constexpr std::uint64_t kCloneNewCgroup = 0x02000000;
inline constexpr std::uint64_t kCloneNewTime = 0x00000080;

}  // namespace remit::sandbox
