#include "tools/sandbox/changes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/crypto.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

namespace {

using policy::Change;
using policy::ChangeKind;

constexpr std::size_t kCompareBytes = 256u << 10;
constexpr mode_t kKeptBits = 01777;  // permission bits and sticky; set-id bits are dropped

bool is_newer(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

Fd open_directory(int dir, const char* name) {
  return Fd(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<struct stat> look(int dir, const char* name) {
  struct stat st{};
  if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return st;
}

// The names in a directory, sorted, and whether all could be read.
std::vector<std::string> names_in(const Fd& directory) {
  std::vector<std::string> names;
  const int copy = openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return names;
  DIR* stream = fdopendir(copy);
  if (stream == nullptr) {
    close(copy);
    return names;
  }
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

std::string link_target(int dir, const char* name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlinkat(dir, name, target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

bool has_mark(const Fd& file, const char* name) {
  char value = 0;
  return fgetxattr(file.get(), name, &value, 1) >= 0 || errno == ERANGE;
}

class Collector {
 public:
  Collector(const policy::SpawnPlan& plan, const timespec& mounted)
      : mounted_(mounted), most_entries_(plan.limits.layer_inodes) {
    for (const policy::Executed& file : plan.executed)
      if (file.version.empty()) bound_.emplace(file.path, sha256_hex(file.content));
  }

  void walk(const Fd& upper, const Fd& lower, const std::string& path, int depth) {
    if (depth > kLayerDepth) return lose(path, "folders nested too deeply");
    const std::vector<std::string> names = names_in(upper);
    for (const std::string& name : names) {
      if (full()) return;
      const auto above = look(upper.get(), name.c_str());
      if (!above) {
        lose(path + "/" + name, std::strerror(errno));
        continue;
      }
      compare(upper, lower, path + "/" + name, name.c_str(), *above, depth);
    }
    if (lower && has_mark(upper, "user.overlay.opaque")) {
      for (const std::string& name : names_in(lower))
        if (!std::binary_search(names.begin(), names.end(), name))
          removed(lower, name.c_str(), path + "/" + name, depth);
    }
  }

  // The tmpfs over Agent_Memory has no lower layer: whatever is in it was made by the command, but
  // for the mount points of the readable documents.
  void walk_memory(const Fd& upper, const std::string& path, const std::string& relative,
                   const std::set<std::string>& ours, int depth) {
    if (depth > kLayerDepth) return lose(path, "folders nested too deeply");
    for (const std::string& name : names_in(upper)) {
      if (full()) return;
      const std::string inner = relative.empty() ? name : relative + "/" + name;
      const std::string full_path = path + "/" + name;
      const auto above = look(upper.get(), name.c_str());
      if (!above) continue;
      if (S_ISDIR(above->st_mode)) {
        if (ours.count(inner) == 0) add(full_path, ChangeKind::mkdir, *above);
        const Fd next = open_directory(upper.get(), name.c_str());
        if (next) walk_memory(next, full_path, inner, ours, depth + 1);
      } else if (ours.count(inner) == 0) {
        compare(upper, Fd(), full_path, name.c_str(), *above, depth);
      }
    }
  }

  ChangeList take() {
    const auto removes = [](const Change& c) {
      return c.kind == ChangeKind::remove || c.kind == ChangeKind::rmdir;
    };
    std::sort(list_.changes.begin(), list_.changes.end(), [&](const Change& a, const Change& b) {
      return a.path != b.path ? a.path < b.path : removes(a) && !removes(b);
    });
    if (more_lost_ > 0) list_.lost.push_back("and " + std::to_string(more_lost_) + " more changes");
    return std::move(list_);
  }

 private:
  void compare(const Fd& upper, const Fd& lower, const std::string& path, const char* name,
               const struct stat& above, int depth) {
    const auto below = look(lower.get(), name);
    if (S_ISCHR(above.st_mode) && above.st_rdev == makedev(0, 0)) {
      if (below) removed(lower, name, path, depth);
      return;
    }
    const bool same_type = below && (below->st_mode & S_IFMT) == (above.st_mode & S_IFMT);
    if (S_ISDIR(above.st_mode)) {
      const Fd inner = open_directory(upper.get(), name);
      if (!inner) return lose(path, std::strerror(errno));
      if (below && !same_type) removed(lower, name, path, depth);
      if (!same_type)
        add(path, ChangeKind::mkdir, above);
      else if (((above.st_mode ^ below->st_mode) & kKeptBits) != 0)
        add(path, ChangeKind::mode, above);
      return walk(inner, same_type ? open_directory(lower.get(), name) : Fd(), path, depth + 1);
    }
    if (S_ISREG(above.st_mode)) return regular(upper, lower, path, name, above, below, depth);
    if (S_ISLNK(above.st_mode)) {
      const std::string target = link_target(upper.get(), name);
      if (same_type && target == link_target(lower.get(), name)) return;
      if (below && !S_ISLNK(below->st_mode)) removed(lower, name, path, depth);
      Change& change = add(path, ChangeKind::symlink, above);
      change.content = target;
      change.bytes = target.size();
      change.sha256 = sha256_hex(target);
      if (same_type) change.preimage_sha256 = preimage(lower, name, *below);
      return;
    }
    lose(path, S_ISFIFO(above.st_mode) ? "a FIFO is not kept" : "a special file is not kept");
  }

  void regular(const Fd& upper, const Fd& lower, const std::string& path, const char* name,
               const struct stat& above, const std::optional<struct stat>& below, int depth) {
    const Fd file(openat(upper.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return lose(path, std::strerror(errno));
    if (above.st_size == 0 && has_mark(file, "user.overlay.whiteout")) {
      if (below) removed(lower, name, path, depth);
      return;
    }
    const auto size = static_cast<std::size_t>(above.st_size);
    if (size > kChangeBytes - std::min(kChangeBytes, bytes_))
      return lose(path, "its " + std::to_string(size) + " bytes are more than a change list holds");
    auto content = fs::read_all(file, kChangeBytes);
    if (!content) return lose(path, content.error().message);
    const std::string hash = sha256_hex(*content);
    const bool replaces = below && S_ISREG(below->st_mode);
    std::string before = replaces ? preimage(lower, name, *below) : std::string();
    // What the command found there were the bytes it was bound to. Whatever lies below by now, as
    // the command left it is no change; another content outside is a conflict.
    if (const auto bound = bound_.find(path); bound != bound_.end()) {
      if (hash == bound->second && (!replaces || before != hash)) return;
      if (before != bound->second) before = "newer";
    }
    if (replaces && before == hash) {
      // Opened for writing or only its mode or times changed.
      if (((above.st_mode ^ below->st_mode) & kKeptBits) == 0) return;
      Change& change = add(path, ChangeKind::mode, above);
      change.preimage_sha256 = std::move(before);
      return;
    }
    if (below && !replaces) removed(lower, name, path, depth);
    Change& change = add(path, replaces ? ChangeKind::modify : ChangeKind::create, above);
    bytes_ += content->size();
    change.bytes = content->size();
    change.sha256 = hash;
    change.content = std::move(*content);
    change.preimage_sha256 = std::move(before);
  }

  // Everything at and below a lower name is gone.
  void removed(const Fd& lower, const char* name, const std::string& path, int depth) {
    if (full()) return;
    if (depth > kLayerDepth) return lose(path, "folders nested too deeply");
    const auto below = look(lower.get(), name);
    if (!below) return;
    if (!S_ISDIR(below->st_mode)) {
      add(path, ChangeKind::remove, *below).preimage_sha256 = preimage(lower, name, *below);
      return;
    }
    add(path, ChangeKind::rmdir, *below);
    const Fd inner = open_directory(lower.get(), name);
    if (!inner) return lose(path, "removed, but what was in it cannot be listed");
    for (const std::string& entry : names_in(inner))
      removed(inner, entry.c_str(), path + "/" + entry, depth + 1);
  }

  // SHA-256 of what the command found at a lower name, "newer" if it changed since.
  std::string preimage(const Fd& lower, const char* name, const struct stat& below) {
    if (is_newer(below.st_ctim, mounted_)) return "newer";
    if (S_ISLNK(below.st_mode)) return sha256_hex(link_target(lower.get(), name));
    const Fd file(openat(lower.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat st{};
    if (!file || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return "newer";
    Sha256 hash;
    std::string buffer(kCompareBytes, '\0');
    for (;;) {
      const ssize_t got = read(file.get(), buffer.data(), buffer.size());
      if (got < 0) return "newer";
      if (got == 0) break;
      hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    }
    // Once more: it may have been written while it was read.
    if (fstat(file.get(), &st) != 0 || is_newer(st.st_ctim, mounted_)) return "newer";
    return hash.finish_hex();
  }

  Change& add(const std::string& path, ChangeKind kind, const struct stat& st) {
    bytes_ += path.size();
    Change& change = list_.changes.emplace_back();
    change.path = path;
    change.kind = kind;
    change.mode = st.st_mode & kKeptBits;
    return change;
  }

  void lose(const std::string& path, const std::string& reason) {
    if (list_.lost.size() < kLostItems)
      list_.lost.push_back(path + ": " + reason);
    else
      ++more_lost_;
  }

  bool full() {
    if (list_.changes.size() < most_entries_ && bytes_ < kChangeBytes) return false;
    ++more_lost_;
    return true;
  }

  timespec mounted_;
  std::map<std::string, std::string> bound_;  // approved scripts: path, SHA-256 of what was shown
  std::size_t most_entries_;
  std::size_t bytes_ = 0;
  std::size_t more_lost_ = 0;
  ChangeList list_;
};

// The names in the memory's tmpfs that the view made itself: documents and the folders above them.
std::set<std::string> mount_points(const std::vector<std::string>& documents) {
  std::set<std::string> names;
  for (const std::string& document : documents) {
    for (std::size_t slash = document.find('/'); slash != std::string::npos;
         slash = document.find('/', slash + 1))
      names.insert(document.substr(0, slash));
    names.insert(document);
  }
  return names;
}

}  // namespace

ChangeList collect_changes(const policy::SpawnPlan& plan, const Fd& upper, const Fd& lower,
                           const Fd& memory, const timespec& mounted) {
  Collector collector(plan, mounted);
  const Fd top = open_directory(upper.get(), ".");
  const Fd below = open_directory(lower.get(), ".");
  collector.walk(top, below, plan.view.workspace, 0);
  if (memory) {
    const Fd covered = open_directory(memory.get(), ".");
    collector.walk_memory(covered, plan.view.memory, "", mount_points(plan.view.memory_documents),
                          0);
  }
  return collector.take();
}

}  // namespace remit::sandbox
