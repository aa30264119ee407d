#include "memory/state.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/schema.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr const char* kDatabaseName = "state.db";
constexpr const char* kLockName = "documents.lock";
constexpr const char* kWritingName = "writing";
// man 2 statfs; these two are not in <linux/magic.h>.
constexpr unsigned long kCifsMagic = 0xff534d42, kSmb2Magic = 0xfe534d42;

// A directory named by what it is rather than by what it is called, so that bind mounts and
// symlinks to a root are recognised too.
struct Identity {
  dev_t dev;
  ino_t ino;
  bool operator==(const Identity&) const = default;
};

Result<Identity> identity_of(const Fd& fd) {
  TRY(const struct stat st, fs::stat_of(fd));
  return Identity{st.st_dev, st.st_ino};
}

struct Opened {
  Fd fd;
  std::vector<Identity> ancestors;  // from "/" to the directory itself
  bool whole = true;                // false: fd is the deepest part of the path that exists
};

enum class Missing { make, leave };

// Opens every component by itself: a symlink on the way could be exchanged by whoever owns it.
// Missing components are made with 0700, or left as they are.
Result<Opened> open_directory(const std::string& path, Missing missing) {
  Opened opened;
  TRY(opened.fd, fs::open_root("/"));
  TRY(const Identity top, identity_of(opened.fd));
  opened.ancestors.push_back(top);
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    const std::string name(part);
    if (name == "..") {
      return fail(ErrorKind::invalid_argument,
                  "state directory must not contain '..': " + escape_ascii(path));
    }
    int next =
        ::openat(opened.fd.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && errno == ENOENT && missing == Missing::leave) {
      opened.whole = false;
      return opened;
    }
    if (next < 0 && errno == ENOENT) {
      if (::mkdirat(opened.fd.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
        Error error = errno_error(errno, "make the state directory " + escape_ascii(path));
        error.kind = ErrorKind::unavailable;
        return tl::unexpected<Error>(std::move(error));
      }
      next = ::openat(opened.fd.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (next < 0) {
      if (errno == ELOOP || errno == ENOTDIR) {
        return fail(ErrorKind::unavailable,
                    "state directory " + escape_ascii(path) + ": '" + escape_ascii(name) +
                        "' is a symlink or no directory; give the real path");
      }
      Error error = errno_error(errno, "open the state directory " + escape_ascii(path));
      if (error.kind == ErrorKind::internal) error.kind = ErrorKind::unavailable;
      return tl::unexpected<Error>(std::move(error));
    }
    opened.fd.reset(next);
    TRY(const Identity id, identity_of(opened.fd));
    opened.ancestors.push_back(id);
  }
  return opened;
}

Result<void> check_owner(const Fd& fd, const std::string& path) {
  TRY(const struct stat st, fs::stat_of(fd));
  if (st.st_uid != ::geteuid()) {
    return fail(ErrorKind::unavailable, "state directory " + escape_ascii(path) +
                                            " belongs to uid " + std::to_string(st.st_uid) +
                                            ", not to uid " + std::to_string(::geteuid()) +
                                            "; choose another with --state");
  }
  if ((st.st_mode & 0077) != 0) {
    return fail(ErrorKind::unavailable, "state directory " + escape_ascii(path) +
                                            " is open to others; run chmod 700 on it");
  }
  struct statfs fs_status{};
  if (::fstatfs(fd.get(), &fs_status) == 0) {
    const auto type = static_cast<unsigned long>(fs_status.f_type) & 0xffffffffUL;
    if (type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifsMagic ||
        type == kSmb2Magic) {
      return fail(ErrorKind::unavailable,
                  "state directory " + escape_ascii(path) +
                      " lies on a network file system, whose locks and shared "
                      "memory SQLite cannot trust; choose a local one");
    }
  }
  return {};
}

Result<void> check_roots(const Opened& opened, const std::string& real,
                         const std::vector<std::string>& roots) {
  for (const std::string& root : roots) {
    const Result<Fd> fd = fs::open_root(root);
    if (!fd) {
      if (fd.error().kind == ErrorKind::not_found) continue;  // its owner reports it
      return tl::unexpected<Error>(fd.error());
    }
    TRY(const Identity id, identity_of(*fd));
    TRY(const std::string root_path, fs::real_path(*fd));
    if (std::ranges::find(opened.ancestors, id) != opened.ancestors.end()) {
      return fail(ErrorKind::invalid_argument,
                  "state directory " + escape_ascii(real) + " lies inside the root " +
                      escape_ascii(root_path) +
                      ", where the agent works; choose another with --state");
    }
    if (root_path.starts_with(real + "/")) {
      return fail(ErrorKind::invalid_argument, "root " + escape_ascii(root_path) +
                                                   " lies inside the state directory " +
                                                   escape_ascii(real));
    }
  }
  return {};
}

Result<Fd> open_subdirectory(const Fd& parent, const std::string& name) {
  if (::mkdirat(parent.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, "make " + name + " in the state directory");
  }
  Fd fd(::openat(parent.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + name + " in the state directory");
  TRY(const struct stat st, fs::stat_of(fd));
  if (st.st_uid != ::geteuid() || (st.st_mode & 0077) != 0) {
    return fail(ErrorKind::denied,
                name + " in the state directory is open to others; run chmod 700");
  }
  return fd;
}

Result<std::string> read_key(const Fd& keys, const std::string& name) {
  const Fd fd(::openat(keys.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open key " + name);
  TRY(const struct stat st, fs::stat_of(fd));
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 0077) != 0 ||
      st.st_nlink != 1) {
    return fail(ErrorKind::denied,
                "key " + name +
                    " in the state directory is not a private file of ours; restore "
                    "it from a backup, or remove it and what proves it (" +
                    name + ".pub) and start the servers again");
  }
  TRY(std::string bytes, fs::read_all(fd, kKeyBytes));
  if (bytes.size() != kKeyBytes) {
    return fail(ErrorKind::unavailable, "key " + name + " in the state directory is cut short");
  }
  return bytes;
}

Result<void> check_key_name(const std::string& name) {
  if (!name.empty() && name.find_first_of("/.") == std::string::npos) return {};
  return fail(ErrorKind::internal, "bad key name " + escape_ascii(name));
}

Result<std::string> random_key() {
  return random_bytes(kKeyBytes);
}

// The secret does not stay in this process.
Result<std::string> made_public(Result<std::string> secret) {
  if (!secret) return secret;
  std::string key = signing_public_key(*secret);
  ::explicit_bzero(secret->data(), secret->size());
  return key;
}

// The name appears with its content or not at all, and only once: whoever comes second, or after a
// kill -9 half way, reads the first one's.
Result<std::string> read_or_make_key(const Fd& keys, const std::string& name,
                                     fs::Unfinished* unfinished,
                                     const std::function<Result<std::string>()>& make) {
  Result<std::string> key = read_key(keys, name);
  if (key || key.error().kind != ErrorKind::not_found) return key;
  TRY(std::string bytes, make());
  const Result<void> made =
      fs::replace_file(keys, name, bytes, 0600, fs::Expect::absent(), unfinished);
  ::explicit_bzero(bytes.data(), bytes.size());
  if (!made && made.error().kind != ErrorKind::conflict) return tl::unexpected<Error>(made.error());
  return read_key(keys, name);
}

Result<bool> lock_byte(const Fd& file, off_t at) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return fail_errno(errno, "lock a document");
}

Result<Fd> open_lock_file(State& state) {
  Fd file(::openat(state.directory_fd().get(), kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                   0600));
  if (!file) return fail_errno(errno, "open documents.lock");
  return file;
}

// Sorted, so that two holders of several bytes cannot wait for each other.
std::vector<off_t> lock_offsets(const std::vector<std::string>& names) {
  std::vector<off_t> offsets;
  for (const std::string& name : names) {
    const Sha256Digest digest = sha256(name);
    std::uint64_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    offsets.push_back(static_cast<off_t>(value >> 16));
  }
  std::ranges::sort(offsets);
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  return offsets;
}

}  // namespace

struct State::Parts {
  std::string directory;
  Fd fd;
  const Clock* clock = nullptr;
  std::unique_ptr<Database> database;
  std::unique_ptr<fs::Unfinished> unfinished;
  std::mutex mutex;  // guards keys
  std::map<std::string, std::string> keys;
};

State::State(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
State::~State() = default;

namespace {

// What can be said about a state directory without touching anything.
Result<void> check_state(const StateOptions& options) {
  if (options.directory.empty() || options.directory.front() != '/') {
    return fail(ErrorKind::invalid_argument,
                "state directory must be absolute: " + escape_ascii(options.directory));
  }
  TRY_DO(fs::check_path(options.directory));
  TRY(const Opened there, open_directory(options.directory, Missing::leave));
  std::string name = options.directory;
  if (there.whole) {
    TRY(name, fs::real_path(there.fd));
    TRY_DO(check_owner(there.fd, name));
  }
  return check_roots(there, name, options.roots);
}

}  // namespace

Result<void> State::prepare(const StateOptions& options) {
  TRY_DO(check_state(options));
  TRY_DO(open_directory(options.directory, Missing::make));
  return {};
}

Result<std::unique_ptr<State>> State::open(const StateOptions& options, const Clock& clock) {
  TRY_DO(check_state(options));
  TRY(Opened opened, open_directory(options.directory, Missing::make));
  TRY(const std::string real, fs::real_path(opened.fd));
  // Once more, on the descriptor that stays: the path may have changed since.
  TRY_DO(check_owner(opened.fd, real));
  TRY_DO(check_roots(opened, real, options.roots));

  auto parts = std::make_unique<Parts>();
  parts->directory = real;
  parts->clock = &clock;
  TRY(parts->database, Database::open(real, opened.fd, kDatabaseName, kApplicationId, schema()));
  parts->fd = std::move(opened.fd);
  TRY(Fd writing, open_subdirectory(parts->fd, kWritingName));
  parts->unfinished = std::make_unique<fs::Unfinished>(std::move(writing));
  return std::unique_ptr<State>(new State(std::move(parts)));
}

Database& State::database() {
  return *parts_->database;
}
const Clock& State::clock() const {
  return *parts_->clock;
}
const std::string& State::directory() const {
  return parts_->directory;
}
const Fd& State::directory_fd() const {
  return parts_->fd;
}
fs::Unfinished& State::unfinished() {
  return *parts_->unfinished;
}

Result<std::string> State::key(const std::string& name) {
  TRY_DO(check_key_name(name));
  const std::scoped_lock lock(parts_->mutex);
  const auto found = parts_->keys.find(name);
  if (found != parts_->keys.end()) return found->second;
  TRY(const Fd keys, open_subdirectory(parts_->fd, "keys"));
  TRY(std::string key, read_or_make_key(keys, name, parts_->unfinished.get(), random_key));
  return parts_->keys.emplace(name, std::move(key)).first->second;
}

Result<std::string> State::public_key(const std::string& name) {
  TRY_DO(check_key_name(name));
  const std::scoped_lock lock(parts_->mutex);
  const std::string file = name + ".pub";
  const auto found = parts_->keys.find(file);
  if (found != parts_->keys.end()) return found->second;
  TRY(const Fd keys, open_subdirectory(parts_->fd, "keys"));
  TRY(std::string proves, read_or_make_key(keys, file, parts_->unfinished.get(), [&] {
        return made_public(read_or_make_key(keys, name, parts_->unfinished.get(), random_key));
      }));
  return parts_->keys.emplace(file, std::move(proves)).first->second;
}

std::vector<ConfinedPath> State::confined_paths() const {
  const auto at = [&](const std::string& name) { return fs::join(parts_->directory, name); };
  const std::string database(kDatabaseName);
  return {{ConfinedPath::Kind::file, at(database)},
          {ConfinedPath::Kind::file, at(database + "-wal")},
          {ConfinedPath::Kind::file, at(database + "-shm")},
          {ConfinedPath::Kind::file, at(kLockName)},
          {ConfinedPath::Kind::directory, at("wake")},
          {ConfinedPath::Kind::directory, at("drop")},
          {ConfinedPath::Kind::directory, at("spool")},
          {ConfinedPath::Kind::directory, at(kWritingName)}};
}

Result<Fd> State::subdirectory(const std::string& name) {
  return open_subdirectory(parts_->fd, name);
}

Result<NameLocks> NameLocks::take(State& state, const std::vector<std::string>& names) {
  NameLocks out;
  TRY(out.file_, open_lock_file(state));
  const auto deadline = std::chrono::steady_clock::now() + limits::kStateLockWait;
  for (const off_t at : lock_offsets(names)) {
    // The kernel's own waiting (F_OFD_SETLKW) knows no deadline; contention is rare and short.
    for (long wait_us = 200;; wait_us = std::min(wait_us * 2, 3000L)) {
      TRY(const bool held, lock_byte(out.file_, at));
      if (held) break;
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(ErrorKind::unavailable,
                    "the document was locked for " +
                        std::to_string(limits::kStateLockWait.count()) +
                        " ms by another writer; try again",
                    {}, "locked");
      }
      const struct timespec wait{0, wait_us * 1000};
      ::nanosleep(&wait, nullptr);
    }
  }
  return out;
}

Result<bool> NameLocks::try_take(State& state, const std::vector<std::string>& names,
                                 NameLocks& out) {
  NameLocks locks;
  TRY(locks.file_, open_lock_file(state));
  for (const off_t at : lock_offsets(names)) {
    TRY(const bool held, lock_byte(locks.file_, at));
    if (!held) return false;
  }
  out = std::move(locks);
  return true;
}

}  // namespace remit::memory
