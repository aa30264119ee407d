#include "base/unfinished.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

namespace remit::fs {
namespace {

// One name of at most a path, a '/', a component and the NUL that ends it.
constexpr std::size_t kSlotBytes = limits::kPathBytes + limits::kNameMax + 2;
constexpr std::size_t kJournalNameBytes = 16;
constexpr std::size_t kTemporaryHexMin = 16;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The journal is written by processes that trust less than the one that sweeps: it can name nothing
// but our own temporary files.
bool is_temporary(std::string_view name) {
  if (!name.starts_with(kTemporaryPrefix)) return false;
  name.remove_prefix(kTemporaryPrefix.size());
  return name.size() >= kTemporaryHexMin && is_hex(name);
}

off_t offset_of(std::size_t slot) {
  return static_cast<off_t>(slot * kSlotBytes);
}

bool lock(const Fd& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

// The folder under its noted name, if it still is the one that has it.
Result<std::optional<Fd>> folder_named(std::string_view path) {
  TRY(const Fd top, open_root("/"));
  while (path.starts_with('/')) path.remove_prefix(1);
  Result<Fd> found = resolve(top, path);
  if (!found && found.error().kind == ErrorKind::not_found) return std::optional<Fd>();
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  TRY(const std::string real, real_path(*found));
  if (real.substr(1) != path) return std::optional<Fd>();
  return std::optional<Fd>(std::move(*found));
}

Result<bool> unlinked(const Fd& folder, const std::string& name, int flags) {
  if (::unlinkat(folder.get(), name.c_str(), flags) == 0) return true;
  if (errno == ENOENT) return false;
  return fail_errno(errno, "remove the unfinished " + escape_ascii(name));
}

// True if there was something under that name.
Result<bool> remove_unfinished(std::string_view path) {
  const std::string name(base_name(path));
  if (!path.starts_with('/') || !is_temporary(name)) return false;
  TRY(const std::optional<Fd> folder, folder_named(parent_of(path)));
  if (!folder) return false;
  struct stat status{};
  if (::fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail_errno(errno, "look at the unfinished " + escape_ascii(name));
  }
  if (!S_ISDIR(status.st_mode)) return unlinked(*folder, name, 0);
  TRY(const Fd inner, open_child(*folder, name, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> files;
  TRY_DO(list_directory(inner, [&](std::string_view file, unsigned char) {
    files.emplace_back(file);
    return true;
  }));
  for (const std::string& file : files) TRY_DO(unlinked(inner, file, 0));
  return unlinked(*folder, name, AT_REMOVEDIR);
}

}  // namespace

Unfinished::Entry& Unfinished::Entry::operator=(Entry&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(slot_, other.slot_);
  return *this;
}

Unfinished::Entry::~Entry() {
  if (owner_ != nullptr) owner_->forget(slot_);
}

Unfinished::~Unfinished() {
  if (own_) ::unlinkat(directory_.get(), own_name_.c_str(), 0);
}

// A sweeper may come between the making of the file and its lock. It then holds the lock or has
// unlinked the file, and another name is taken: often, if many servers start at once.
Result<void> Unfinished::open_own() {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string name = random_hex(kJournalNameBytes);
    Fd file(::openat(directory_.get(), name.c_str(),
                     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return fail_errno(errno, "make a file in writing/ of the state directory");
    if (!lock(file)) continue;
    TRY(const struct stat status, stat_of(file));
    if (status.st_nlink == 0) continue;
    own_ = std::move(file);
    own_name_ = name;
    return {};
  }
  return fail(ErrorKind::unavailable, "no file in writing/ of the state directory could be locked");
}

Result<Unfinished::Entry> Unfinished::note(const Fd& folder, const std::string& name) {
  TRY(std::string path, real_path(folder));
  path = join(path, name);
  path += '\0';
  const std::scoped_lock guard(mutex_);
  if (!own_) TRY_DO(open_own());
  const auto slot = static_cast<std::size_t>(std::ranges::find(used_, false) - used_.begin());
  const ssize_t put = ::pwrite(own_.get(), path.data(), path.size(), offset_of(slot));
  if (put < 0 || static_cast<std::size_t>(put) != path.size()) {
    return fail_errno(put < 0 ? errno : ENOSPC, "note an unfinished file in the state directory");
  }
  if (slot == used_.size()) {
    used_.push_back(true);
  } else {
    used_[slot] = true;
  }
  return Entry(this, slot);
}

void Unfinished::forget(std::size_t slot) {
  const std::scoped_lock guard(mutex_);
  used_[slot] = false;
  // A name that stays noted is one that a sweeper will not find.
  if (::pwrite(own_.get(), "", 1, offset_of(slot)) != 1) log::warning("a written file stays noted");
}

Result<std::size_t> Unfinished::sweep() {
  std::vector<std::string> journals;
  TRY_DO(list_directory(directory_, [&](std::string_view name, unsigned char) {
    if (name.size() == 2 * kJournalNameBytes && is_hex(name)) journals.emplace_back(name);
    return true;
  }));
  std::size_t removed = 0;
  for (const std::string& journal : journals) {
    const Result<std::size_t> count = sweep_one(journal);
    if (count) {
      removed += *count;
      continue;
    }
    // One that cannot be read must not keep the others from being swept.
    log::warning("the notes of a dead process stay", {{"error", count.error().message}});
  }
  return removed;
}

Result<std::size_t> Unfinished::sweep_one(const std::string& journal) {
  const Result<Fd> file = open_child(directory_, journal, O_RDWR);
  if (!file && file.error().kind == ErrorKind::not_found) return 0;  // ended meanwhile
  if (!file) return tl::unexpected<Error>(file.error());
  if (!lock(*file)) return 0;  // its writer lives
  TRY(const std::string noted, read_all(*file, limits::kUnfinishedBytes));
  std::size_t removed = 0;
  bool left = false;
  for (std::size_t at = 0; at < noted.size(); at += kSlotBytes) {
    const std::string_view slot = std::string_view(noted).substr(at, kSlotBytes);
    const std::string_view path = slot.substr(0, slot.find('\0'));
    if (path.empty()) continue;
    const Result<bool> done = remove_unfinished(path);
    if (done) {
      removed += *done ? 1u : 0u;
      continue;
    }
    left = true;
    log::warning("an unfinished file of a dead process stays",
                 {{"path", std::string(path)}, {"error", done.error().message}});
  }
  if (!left) ::unlinkat(directory_.get(), journal.c_str(), 0);
  return removed;
}

}  // namespace remit::fs
