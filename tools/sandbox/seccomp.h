// The system-call filter of a contained command: one classic BPF program, built from a table.
//
// A filter sees registers only. What passes its arguments by pointer (clone3, openat2) is therefore
// answered ENOSYS, so that libc falls back to the form that can be judged; a call newer than the
// reviewed table is ENOSYS too. A foreign architecture and x32 kill the process, because their
// numbers mean other calls. Sources: man 2 seccomp, linux/seccomp.h, the syscall tables of
// Linux 6.18.
//
// Threads: filter_program() is pure; install_filter() acts on the calling thread.
#pragma once

#include <linux/filter.h>

#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

std::vector<sock_filter> filter_program();

// For a slot without namespaces (tier t2) the same and more: what its view, its own processes and
// its own IPC would have kept from it. `landlock_abi` below 3 does not cover truncation, below 6
// not signals; as_root: the command has a user id of its own, so that signals need no rule.
std::vector<sock_filter> bare_filter_program(int landlock_abi, bool as_root);

// Needs no_new_privs. Irrevocable; inherited by every descendant.
Result<void> install_filter(const std::vector<sock_filter>& program);

}  // namespace remit::sandbox
