// Files beneath a root, by descriptors: the primitives under Access and the state directory.
//
// A path is never checked as a string. It is resolved by the kernel from a held directory
// descriptor with openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) (man 2 openat2), so that "..",
// absolute symlinks and races with a renaming process cannot leave the root. What was opened is
// then asked for its real name. Nothing here decides whether an agent may: that is policy/decide.
//
// Threads: Fd is movable and owned by one thread at a time; the functions are reentrant.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace remit {

// Owner of one file descriptor; closes it. -1 = none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(-1); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

namespace fs {

class Unfinished;  // base/unfinished.h

// How symlinks in the path are treated. `beneath`: followed while they stay beneath the root.
// `none`: any symlink component is refused (Agent_Memory), and mount points are not crossed.
enum class Links { beneath, none };

// Opens the directory `path` (absolute or relative to the cwd) as a root: O_PATH | O_DIRECTORY.
Result<Fd> open_root(const std::string& path);

// Resolves `relative` beneath `root` to an O_PATH descriptor; nothing is read, no device is
// touched, a final symlink is followed. "" or "." is the root itself. Errors: not_found; denied
// with code "escapes_root" if the path leaves the root; invalid_argument for a path that
// check_relative() refuses.
Result<Fd> resolve(const Fd& root, std::string_view relative, Links links = Links::beneath);

// Opens one name in a directory (flags: O_RDONLY or O_PATH, perhaps O_DIRECTORY); a symlink is
// refused. O_NONBLOCK and O_CLOEXEC are always added.
Result<Fd> open_child(const Fd& directory, std::string_view name, int flags);

// A regular file open for reading, and what it was when it was opened.
struct RegularFile {
  Fd fd;
  struct stat status{};
};
// Opens the regular file `relative` beneath `root` by its plain name: no symlink may be on the way
// or at its end, so that the name is the one the kernel has for it. Looked at first: the writer of
// a pipe or a device notices nothing. Errors: as resolve(), and invalid_argument for what is no
// regular file. `relative` has passed check_path().
Result<RegularFile> open_regular(const Fd& root, std::string_view relative);

// Re-opens an O_PATH descriptor for reading (flags: O_RDONLY plus extra open(2) flags), through
// /proc/self/fd, so that it is the same object whatever happened to the name meanwhile. O_NONBLOCK
// and O_CLOEXEC are always added.
Result<Fd> reopen(const Fd& path_fd, int flags);

// The name the kernel has for an open descriptor, absolute ("/srv/app/log/x (deleted)" keeps its
// suffix). For decisions and messages, never for opening again.
Result<std::string> real_path(const Fd& fd);

Result<struct stat> stat_of(const Fd& fd);

// Refuses what no tool accepts: empty component names other than repeated '/', NUL, control
// characters, a component over 255 or a path over kPathBytes bytes, invalid UTF-8. Does not judge
// "..": the kernel does.
Result<void> check_path(std::string_view path);

// Reads a whole regular file, at most max_bytes (else too_large).
Result<std::string> read_all(const Fd& fd, std::size_t max_bytes);
// The same by name, for files the operator named on the command line.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
// Reads up to `bytes` at `offset`; shorter only at the end of the file.
Result<std::string> read_at(const Fd& fd, std::uint64_t offset, std::size_t bytes);
Result<void> write_all(int fd, std::string_view bytes);

// What an atomic replacement must find in place. `any`: no condition; `absent`: the name must be
// free (RENAME_NOREPLACE); `same`: the file must still be the one described by dev/ino/ctime.
struct Expect {
  enum class Kind { any, absent, same } kind = Kind::any;
  dev_t dev = 0;
  ino_t ino = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t size = 0;
  static Expect absent() { return {Kind::absent, 0, 0, 0, 0, 0}; }
  static Expect of(const struct stat& st);
};

// Writes `bytes` to `name` (one component) in the directory `dir`, whole or not at all, durable
// when it returns: random temporary name in the same directory (O_EXCL, 0600), write, mode (and
// owner and xattrs of the file it replaces), fdatasync, check `expect` again, rename, fsync of the
// directory. Errors: conflict if `expect` does not hold (nothing changed), unavailable on
// ENOSPC/EIO. `mode` is used for a new file only. `unfinished` remembers the temporary name for the
// case that this process is killed before the rename; without it such a file stays.
Result<void> replace_file(const Fd& dir, const std::string& name, std::string_view bytes,
                          mode_t mode, const Expect& expect, Unfinished* unfinished = nullptr);

// What has not got its own name yet is called this and random_hex; lists hide it.
inline constexpr std::string_view kTemporaryPrefix = ".remit-tmp-";

// mkdir -p of `relative` beneath root, one component at a time by descriptor, mode 0755 & ~umask.
// Returns an O_PATH descriptor of the last directory. Symlinks on the way are refused.
Result<Fd> make_directories(const Fd& root, std::string_view relative);

// Calls `visit(name, d_type)` for each entry but "." and ".." of a directory descriptor, in kernel
// order; stop by returning false. d_type may be DT_UNKNOWN.
Result<void> list_directory(
    const Fd& directory,
    const std::function<bool(std::string_view name, unsigned char type)>& visit);

// Whether `path` is the one way to spell where it leads if no symlink is on it: relative, with no
// empty, "." or ".." component. "" is not.
bool is_plain(std::string_view path);
// Lexical helpers for names that were already accepted: no "." or ".." logic.
std::string_view base_name(std::string_view path);
std::string_view parent_of(std::string_view path);  // "" when there is no '/'
std::string join(std::string_view a, std::string_view b);
// Whether `path` is `folder` or lies below it, by their letters: "/a/bc" does not lie in "/a/b".
// Both absolute and normal (no "/" at the end but in "/" itself); nothing lies in "".
bool is_beneath(std::string_view path, std::string_view folder);
// Absolute and lexically cleaned ("." and "//" removed, ".." resolved as text). Only for paths the
// operator wrote on the command line.
std::string absolute(std::string_view path);

}  // namespace fs
}  // namespace remit
