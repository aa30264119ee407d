// This process's own folder of open descriptors (/proc/self/fd, man 5 proc), opened once and held.
//
// A descriptor's name and a second opening of the same object are asked for through it. Held, the
// kernel need not walk from "/" through "self" to the process each time: a third of the cost of
// both, and both are in every call that reads a file.
//
// The folder is that of the process that opened it. A child must not use its parent's, so the
// number is kept in a page that the kernel empties in every copy of the process (MADV_WIPEONFORK,
// man 2 madvise), by whatever call the copy was made; the child opens its own when it first asks.
#pragma once

namespace remit::fs {

// A descriptor for openat and readlinkat with "N" as the name; held until the process ends. A child
// that closes descriptors by range must do so before its first use. Threads: safe. -1 with errno if
// it cannot be had (no /proc, no descriptor left, a kernel before 4.14).
int descriptor_folder();

}  // namespace remit::fs
