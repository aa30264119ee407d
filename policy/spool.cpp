#include "policy/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/limits.h"
#include "base/log.h"

namespace remit::policy {

void Spool::write(std::string_view bytes) {
  bytes_ += bytes.size();
  hash_.update(bytes);
  if (failed_) return;
  if (!file_ && head_.size() + bytes.size() <= limits::kPageChars) {
    head_ += bytes;
    return;
  }
  const auto put = [&](std::string_view piece) {
    piece =
        piece.substr(0, limits::kOutputSpill - std::min<std::size_t>(kept_, limits::kOutputSpill));
    kept_ += piece.size();
    if (fs::write_all(file_.get(), piece)) return;
    // A full disk must not stop the command; the result then names no resource.
    log::warning("output could not be spooled", {{"file", name_}});
    failed_ = true;
    file_.reset();
    ::unlinkat(directory_.get(), name_.c_str(), 0);
  };
  if (!file_) {
    const int fd = ::openat(directory_.get(), name_.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
      log::warning("output could not be spooled", {{"file", name_}});
      failed_ = true;
      return;
    }
    file_.reset(fd);
    put(head_);
    head_.clear();
    if (failed_) return;
  }
  put(bytes);
}

bool is_expired(const struct stat& status, std::int64_t now_unix_ms) {
  return now_unix_ms / 1000 - status.st_mtim.tv_sec >=
         std::chrono::seconds(limits::kResultKept).count();
}

void sweep_spools(const Fd& directory, std::int64_t now_unix_ms) {
  std::vector<std::string> old;
  const auto listed = fs::list_directory(directory, [&](std::string_view name, unsigned char) {
    struct stat status{};
    const std::string copy(name);
    if (::fstatat(directory.get(), copy.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        is_expired(status, now_unix_ms)) {
      old.push_back(copy);
    }
    return true;
  });
  if (!listed) return;
  for (const std::string& name : old) ::unlinkat(directory.get(), name.c_str(), 0);
}

}  // namespace remit::policy
