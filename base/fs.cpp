// Over 400 lines because all ways to open, name and replace files beneath a root share helpers.
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/crypto.h"
#include "base/descriptor_folder.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/unfinished.h"

namespace remit {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

namespace fs {
namespace {

// A descriptor as a name in descriptor_folder().
struct DescriptorName {
  std::array<char, 12> text{};
  explicit DescriptorName(const Fd& fd) {
    std::to_chars(text.data(), text.data() + text.size() - 1, fd.get());
  }
};

int open_how(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  struct open_how how{};
  how.flags = flags;
  how.resolve = resolve;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    // EAGAIN: a rename raced with the walk of the path (man 2 openat2); EINTR as usual.
    if ((errno != EAGAIN && errno != EINTR) || attempt >= limits::kOpenRetries) return -1;
  }
}

std::uint64_t resolve_flags(Links links) {
  constexpr std::uint64_t kBase = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return links == Links::none ? kBase | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV : kBase;
}

Error resolve_error(int err, std::string_view path) {
  const std::string shown = escape_ascii(path);
  // EXDEV: left the root (or crossed a mount); ELOOP: a symlink where none is allowed, or a loop.
  if (err == EXDEV || err == ELOOP) {
    return Error{ErrorKind::denied, "path leaves its root: " + shown, {}, "escapes_root", nullptr};
  }
  if (err == ENOSYS) {
    return Error{ErrorKind::unavailable,
                 "this kernel has no openat2 (5.6 or newer is needed)",
                 {},
                 {},
                 nullptr};
  }
  return errno_error(err, "open " + shown);
}

std::int64_t ns_of(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Owner, mode and extended attributes of the file that is replaced, so that a replacement changes
// its content and nothing else. Ownership needs privilege; without it the file becomes ours, as any
// editor that renames leaves it.
Result<void> copy_identity(int from, int to, const struct stat& st) {
  if (::fchown(to, st.st_uid, st.st_gid) != 0 && errno != EPERM) {
    return fail_errno(errno, "keep the owner of the file");
  }
  std::array<char, 4096> names{};
  const ssize_t length = ::flistxattr(from, names.data(), names.size());
  for (ssize_t at = 0; at < length;) {
    const char* name = names.data() + at;
    std::array<char, 8192> value{};
    const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
    if (size >= 0 && ::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) != 0 &&
        errno != EPERM && errno != ENOTSUP) {
      return fail_errno(errno, "keep an extended attribute of the file");
    }
    at += static_cast<ssize_t>(std::strlen(name)) + 1;
  }
  if (::fchmod(to, st.st_mode & 01777) != 0) return fail_errno(errno, "keep the mode of the file");
  return {};
}

bool holds(int dir, const std::string& name, const Expect& expect, struct stat* now) {
  const bool there = ::fstatat(dir, name.c_str(), now, AT_SYMLINK_NOFOLLOW) == 0;
  switch (expect.kind) {
    case Expect::Kind::any:
      return true;
    case Expect::Kind::absent:
      return !there;
    case Expect::Kind::same:
      return there && now->st_dev == expect.dev && now->st_ino == expect.ino &&
             now->st_size == expect.size && ns_of(now->st_mtim) == expect.mtime_ns &&
             ns_of(now->st_ctim) == expect.ctime_ns;
  }
  return false;
}

// Unlinks the temporary file unless the rename took place.
class Temporary {
 public:
  Temporary(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!name_.empty()) ::unlinkat(dir_, name_.c_str(), 0);
  }
  const std::string& name() const { return name_; }
  void keep() { name_.clear(); }

 private:
  int dir_;
  std::string name_;
};

}  // namespace

Expect Expect::of(const struct stat& st) {
  return {Kind::same, st.st_dev, st.st_ino, ns_of(st.st_mtim), ns_of(st.st_ctim), st.st_size};
}

Result<Fd> open_root(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "open directory " + escape_ascii(path));
  return Fd(fd);
}

Result<Fd> resolve(const Fd& root, std::string_view relative, Links links) {
  TRY_DO(check_path(relative));
  const std::string path(relative.empty() ? std::string_view(".") : relative);
  const int fd = open_how(root.get(), path.c_str(), O_PATH | O_CLOEXEC, resolve_flags(links));
  if (fd < 0) return tl::unexpected<Error>(resolve_error(errno, relative));
  return Fd(fd);
}

Result<Fd> open_child(const Fd& directory, std::string_view name, int flags) {
  const std::string copy(name);
  // One name that is no link cannot leave the directory, and openat is cheaper by a tenth: a search
  // opens each file of a tree.
  const bool one_name = name != ".." && name.find('/') == std::string_view::npos;
  if (one_name && (flags & (O_PATH | O_DIRECTORY)) == 0) {
    const int fd =
        ::openat(directory.get(), copy.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return tl::unexpected<Error>(resolve_error(errno, name));
    return Fd(fd);
  }
  // openat2 refuses O_NONBLOCK beside O_PATH, which never waits anyway.
  const int extra =
      (flags & O_PATH) != 0 ? O_NOFOLLOW | O_CLOEXEC : O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int fd = open_how(directory.get(), copy.c_str(), static_cast<std::uint64_t>(flags | extra),
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return tl::unexpected<Error>(resolve_error(errno, name));
  return Fd(fd);
}

Result<RegularFile> open_regular(const Fd& root, std::string_view relative) {
  const std::string path(relative);
  RegularFile out;
  if (::fstatat(root.get(), path.c_str(), &out.status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
    return tl::unexpected<Error>(resolve_error(errno, relative));
  // Asked again of what was opened: the name may be another's by then.
  const auto regular = [&]() -> Result<void> {
    if (S_ISREG(out.status.st_mode)) return {};
    return fail(ErrorKind::invalid_argument, "not a regular file: " + escape_ascii(relative));
  };
  TRY_DO(regular());
  out.fd.reset(open_how(root.get(), path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (!out.fd) return tl::unexpected<Error>(resolve_error(errno, relative));
  TRY(out.status, stat_of(out.fd));
  TRY_DO(regular());
  return out;
}

Result<Fd> reopen(const Fd& path_fd, int flags) {
  const int folder = descriptor_folder();
  if (folder < 0) return fail_errno(errno, "open /proc/self/fd");
  const int fd =
      ::openat(folder, DescriptorName(path_fd).text.data(), flags | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "open the file");
  return Fd(fd);
}

Result<std::string> real_path(const Fd& fd) {
  std::array<char, limits::kPathBytes + 1> target;
  const int folder = descriptor_folder();
  if (folder < 0) return fail_errno(errno, "open /proc/self/fd");
  const ssize_t length =
      ::readlinkat(folder, DescriptorName(fd).text.data(), target.data(), target.size());
  if (length < 0) return fail_errno(errno, "read the name of an open file");
  if (static_cast<std::size_t>(length) > limits::kPathBytes) {
    return fail(ErrorKind::too_large, "path longer than 4096 bytes");
  }
  return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<struct stat> stat_of(const Fd& fd) {
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, "stat the file");
  return st;
}

Result<void> check_path(std::string_view path) {
  const auto bad = [&](const char* why) {
    return fail(
        ErrorKind::invalid_argument,
        std::string("path ") + why + ": " + escape_ascii(path.substr(0, limits::kEchoedInput)), {},
        "bad_path");
  };
  if (path.size() > limits::kPathBytes) return bad("longer than 4096 bytes");
  std::size_t component = 0;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return bad("with a NUL byte");
    if (byte < 0x20 || byte == 0x7f) return bad("with a control character");
    component = c == '/' ? 0 : component + 1;
    if (component > limits::kNameMax) return bad("with a name over 255 bytes");
  }
  if (!valid_utf8(path)) return bad("that is not UTF-8");
  return {};
}

Result<std::string> read_all(const Fd& fd, std::size_t max_bytes) {
  TRY(const struct stat st, stat_of(fd));
  std::string out;
  const auto expected = static_cast<std::size_t>(st.st_size);
  if (expected > max_bytes) {
    return fail(ErrorKind::too_large, "file of " + human_bytes(expected) +
                                          " is over the limit of " + human_bytes(max_bytes));
  }
  std::size_t have = 0;
  for (;;) {
    if (out.size() == have) out.resize(have == 0 ? expected + 1 : have + 65536);
    const ssize_t got =
        ::pread(fd.get(), out.data() + have, out.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the file");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    if (have > max_bytes) {
      return fail(ErrorKind::too_large, "file grew over the limit of " + human_bytes(max_bytes));
    }
  }
  out.resize(have);
  return out;
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const int raw = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (raw < 0) return fail_errno(errno, "open " + escape_ascii(path));
  const Fd fd(raw);
  TRY(const struct stat st, stat_of(fd));
  if (!S_ISREG(st.st_mode)) {
    return fail(ErrorKind::invalid_argument, "not a regular file: " + escape_ascii(path));
  }
  return read_all(fd, max_bytes);
}

Result<std::string> read_at(const Fd& fd, std::uint64_t offset, std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t got =
        ::pread(fd.get(), out.data() + have, bytes - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the file");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> replace_file(const Fd& dir, const std::string& name, std::string_view bytes,
                          mode_t mode, const Expect& expect, Unfinished* unfinished) {
  // The directory may be O_PATH; fsync needs a real descriptor.
  TRY(const Fd folder, reopen(dir, O_RDONLY | O_DIRECTORY));
  const std::string hidden = std::string(kTemporaryPrefix) + random_hex(12);
  Unfinished::Entry entry;  // goes after the temporary name
  if (unfinished != nullptr) {
    TRY(entry, unfinished->note(folder, hidden));
  }
  Temporary temporary(folder.get(), hidden);
  const Fd file(::openat(folder.get(), temporary.name().c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    temporary.keep();
    return fail_errno(errno, "create a file beside " + escape_ascii(name));
  }
  TRY_DO(write_all(file.get(), bytes));
  const Fd old(
      ::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (old) {
    TRY(const struct stat before, stat_of(old));
    TRY_DO(copy_identity(old.get(), file.get(), before));
  } else if (::fchmod(file.get(), mode & 0777) != 0) {
    return fail_errno(errno, "set the mode of " + escape_ascii(name));
  }
  if (::fdatasync(file.get()) != 0) return fail_errno(errno, "sync " + escape_ascii(name));
  struct stat now{};
  if (!holds(folder.get(), name, expect, &now)) {
    return fail(ErrorKind::conflict, escape_ascii(name) + " changed meanwhile", {}, "conflict");
  }
  const unsigned flags = expect.kind == Expect::Kind::absent ? RENAME_NOREPLACE : 0;
  if (::renameat2(folder.get(), temporary.name().c_str(), folder.get(), name.c_str(), flags) != 0) {
    if (errno == EEXIST) {
      return fail(ErrorKind::conflict, escape_ascii(name) + " exists already", {}, "exists");
    }
    return fail_errno(errno, "replace " + escape_ascii(name));
  }
  temporary.keep();
  if (::fsync(folder.get()) != 0) return fail_errno(errno, "sync the directory");
  return {};
}

Result<Fd> make_directories(const Fd& root, std::string_view relative) {
  TRY_DO(check_path(relative));
  TRY(Fd current, resolve(root, ""));
  for (const std::string_view part : split(relative, '/')) {
    if (part.empty() || part == ".") continue;
    const std::string name(part);
    if (::mkdirat(current.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return fail_errno(errno, "make directory " + escape_ascii(relative));
    }
    const int next = open_how(current.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC,
                              resolve_flags(Links::none));
    if (next < 0) return tl::unexpected<Error>(resolve_error(errno, relative));
    current.reset(next);
  }
  return current;
}

Result<void> list_directory(const Fd& directory,
                            const std::function<bool(std::string_view, unsigned char)>& visit) {
  // A descriptor open for reading is used as it is, from its start; an O_PATH one is re-opened.
  Fd reopened;
  if (::lseek(directory.get(), 0, SEEK_SET) < 0) {
    TRY(reopened, reopen(directory, O_RDONLY | O_DIRECTORY));
  }
  const Fd& folder = reopened ? reopened : directory;
  constexpr std::size_t kBuffer = 64u << 10;
  // Not on the stack: tool threads have small ones.
  const std::unique_ptr<char[]> buffer(new char[kBuffer]);
  for (;;) {
    const long got = ::syscall(SYS_getdents64, folder.get(), buffer.get(), kBuffer);
    if (got < 0) return fail_errno(errno, "list the directory");
    if (got == 0) return {};
    for (long at = 0; at < got;) {
      const char* const record = buffer.get() + at;  // struct linux_dirent64, man 2 getdents64
      unsigned short length = 0;
      std::memcpy(&length, record + 16, sizeof length);
      const auto type = static_cast<unsigned char>(record[18]);
      const std::string_view name(record + 19);
      at += length;
      if (name == "." || name == "..") continue;
      if (!visit(name, type)) return {};
    }
  }
}

bool is_plain(std::string_view path) {
  for (;;) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    if (part.size() == path.size()) return true;
    path.remove_prefix(part.size() + 1);
  }
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::string join(std::string_view a, std::string_view b) {
  if (a.empty()) return std::string(b);
  if (b.empty()) return std::string(a);
  std::string out;
  out.reserve(a.size() + 1 + b.size());
  out += a;
  if (out.back() != '/') out += '/';
  out += b;
  return out;
}

bool is_beneath(std::string_view path, std::string_view folder) {
  if (folder.empty() || !path.starts_with(folder)) return false;
  return path.size() == folder.size() || folder == "/" || path[folder.size()] == '/';
}

std::string absolute(std::string_view path) {
  std::string full;
  if (path.empty() || path.front() != '/') {
    char* cwd = ::getcwd(nullptr, 0);
    if (cwd != nullptr) full = cwd;
    ::free(cwd);
    full += '/';
  }
  full += path;
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(full, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

}  // namespace fs
}  // namespace remit
