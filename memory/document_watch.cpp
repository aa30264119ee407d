#include "memory/document_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <system_error>

#include "base/limits.h"
#include "base/log.h"

namespace remit::memory {
namespace {

constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::size_t kBuffer = 64u << 10;

std::string child_of(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
}

bool hidden(std::string_view name) {
  return name.starts_with(fs::kTemporaryPrefix);
}

// Not every file system tells the kind of an entry with its name.
bool is_folder(const Fd& parent, std::string_view name, unsigned char type) {
  if (type != DT_UNKNOWN) return type == DT_DIR;
  struct stat status{};
  return ::fstatat(parent.get(), std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

int depth_of(const std::string& folder) {
  return static_cast<int>(std::count(folder.begin(), folder.end(), '/')) + (folder.empty() ? 0 : 1);
}

}  // namespace

Result<std::unique_ptr<DocumentWatch>> DocumentWatch::start(Fd root, Tell tell) {
  Fd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!events) return fail_errno(errno, "watch Agent_Memory");
  Fd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno(errno, "make an eventfd");
  std::unique_ptr<DocumentWatch> self(
      new DocumentWatch(std::move(root), std::move(events), std::move(stop), std::move(tell)));
  self->watch_tree({}, nullptr);
  if (self->folders_.empty())
    return fail(ErrorKind::unavailable,
                "Agent_Memory cannot be watched: the system gives no inotify watch "
                "(fs.inotify.max_user_watches)");
  try {
    self->thread_ = std::thread([raw = self.get()] {
      try {
        raw->run();
      } catch (...) {
        log::error("the watch of Agent_Memory failed");
      }
    });
  } catch (const std::system_error&) {
    return fail(ErrorKind::unavailable,
                "Agent_Memory cannot be watched: the system has no thread left");
  }
  return self;
}

DocumentWatch::~DocumentWatch() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) < 0) log::error("a watch cannot be stopped");
  if (thread_.joinable()) thread_.join();
}

bool DocumentWatch::watch_folder(const std::string& folder, const Fd& fd) {
  if (folders_.size() >= limits::kWatchedFolders) {
    if (!full_) log::warning("Agent_Memory has more folders than are watched");
    full_ = true;
    return false;
  }
  // By descriptor: the folder that was found beneath the root, whatever its name is by now.
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  const int id = ::inotify_add_watch(events_.get(), path.c_str(), kMask);
  if (id < 0) {
    if (!full_)
      log::warning("a folder of Agent_Memory is not watched", {{"why", std::strerror(errno)}});
    full_ = true;
    return false;
  }
  folders_[id] = folder;
  return true;
}

void DocumentWatch::watch_tree(const std::string& top, std::map<std::string, bool>* found) {
  std::deque<std::string> waiting{top};
  while (!waiting.empty()) {
    const std::string folder = std::move(waiting.front());
    waiting.pop_front();
    auto fd = folder.empty() ? fs::reopen(root_, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                             : fs::resolve(root_, folder);
    if (fd && !folder.empty()) fd = fs::reopen(*fd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!fd || !watch_folder(folder, *fd)) continue;
    // Listed after the watch is there: what comes in between is seen twice rather than never.
    const auto listed = fs::list_directory(*fd, [&](std::string_view name, unsigned char type) {
      if (hidden(name)) return true;
      if (is_folder(*fd, name, type)) {
        if (depth_of(folder) < limits::kDirectoryDepth) waiting.push_back(child_of(folder, name));
      } else if (found != nullptr && found->size() < limits::kListedDocuments) {
        found->emplace(child_of(folder, name), true);
      }
      return true;
    });
    if (!listed)
      log::warning("a folder of Agent_Memory cannot be listed", {{"why", listed.error().message}});
  }
}

void DocumentWatch::forget_tree(const std::string& folder) {
  const std::string below = folder + "/";
  for (auto at = folders_.begin(); at != folders_.end();) {
    const bool gone = at->second == folder || at->second.starts_with(below);
    if (gone) ::inotify_rm_watch(events_.get(), at->first);
    at = gone ? folders_.erase(at) : std::next(at);
  }
}

void DocumentWatch::read_events(std::map<std::string, bool>& changed) {
  alignas(inotify_event) std::array<char, kBuffer> buffer;
  const ssize_t size = ::read(events_.get(), buffer.data(), buffer.size());
  if (size <= 0) return;
  for (const char* at = buffer.data(); at < buffer.data() + size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(at);
    at += sizeof *event + event->len;
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      // Anything may have changed: everything there is counts as such, and nothing is unwatched.
      for (const auto& [id, folder] : folders_) ::inotify_rm_watch(events_.get(), id);
      folders_.clear();
      watch_tree({}, &changed);
      continue;
    }
    const auto folder = folders_.find(event->wd);
    if (folder == folders_.end()) continue;
    if ((event->mask & IN_IGNORED) != 0) {
      folders_.erase(folder);
      continue;
    }
    const std::string_view name(event->len > 0 ? event->name : "");
    if (name.empty() || hidden(name)) continue;
    const std::string path = child_of(folder->second, name);
    const bool came = (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
    if ((event->mask & IN_ISDIR) != 0) {
      if (came)
        watch_tree(path, &changed);
      else
        forget_tree(path);
      // What lay in a folder that went has gone without an event of its own.
      if (!came && (event->mask & IN_MOVED_FROM) != 0) changed[path + "/"] = true;
      continue;
    }
    bool& list_differs = changed.emplace(path, false).first->second;
    // A file of ours comes by a rename over the old one, which changes no list; a client that
    // lists once too often loses nothing.
    list_differs = list_differs || (event->mask & IN_CLOSE_WRITE) == 0;
  }
}

void DocumentWatch::run() {
  const auto wait = [&](int timeout_ms) {
    std::array<pollfd, 2> watched{{{events_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), timeout_ms);
    return watched[1].revents == 0;
  };
  while (wait(-1)) {
    std::map<std::string, bool> changed;
    read_events(changed);
    if (changed.empty()) continue;
    // What belongs together comes together: a rename, the files of one commit.
    std::array<pollfd, 1> end{{{stop_.get(), POLLIN, 0}}};
    if (::poll(end.data(), end.size(), static_cast<int>(limits::kWatchSettle.count())) > 0) return;
    read_events(changed);
    tell_(changed);
  }
}

}  // namespace remit::memory
