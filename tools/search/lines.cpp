#include "tools/search/lines.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace remit::search {

namespace {
constexpr std::size_t kForward = 1u << 20;
constexpr std::size_t kBackward = 64u << 10;
}  // namespace

Result<LinePlace> LineIndex::seek(const Fd& fd, std::uint64_t line, std::uint64_t size) {
  line = std::max<std::uint64_t>(line, 1);
  // Extend the index until it covers the line or the file ends.
  const std::uint64_t slot = (line - 1) / kStride;
  while (offsets_.size() <= slot && scanned_ < size) {
    TRY(const std::string bytes,
        fs::read_at(fd, scanned_,
                    static_cast<std::size_t>(std::min<std::uint64_t>(kForward, size - scanned_))));
    if (bytes.empty()) break;
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (const void* hit = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
      at = static_cast<const char*>(hit) + 1;
      if (++newlines_ % kStride == 0) {
        offsets_.push_back(scanned_ + static_cast<std::uint64_t>(at - bytes.data()));
      }
    }
    open_line_ = bytes.back() != '\n';
    scanned_ += bytes.size();
  }
  if (slot >= offsets_.size()) return LinePlace{newlines_ + (open_line_ ? 1 : 0), size, false};
  // Walk from the indexed line to the wanted one.
  std::uint64_t now = slot * kStride + 1, offset = offsets_[slot];
  while (offset < size) {
    if (now == line) return LinePlace{line, offset, true};
    TRY(const std::string bytes, fs::read_at(fd, offset,
                                             static_cast<std::size_t>(std::min<std::uint64_t>(
                                                 kBackward * 4, size - offset))));
    if (bytes.empty()) break;
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (now < line) {
      const void* hit = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
      if (hit == nullptr) {
        at = end;
        break;
      }
      at = static_cast<const char*>(hit) + 1;
      ++now;
    }
    const bool whole_read_used = at == end;
    offset += static_cast<std::uint64_t>(at - bytes.data());
    if (whole_read_used && offset >= size) {
      // The file ended: `now` names a line only if text follows the last newline.
      return LinePlace{bytes.back() == '\n' ? now - 1 : now, size, false};
    }
  }
  return LinePlace{now == 0 ? 0 : now - 1, size, false};
}

std::optional<std::uint64_t> LineIndex::total(std::uint64_t size) const {
  if (scanned_ < size) return std::nullopt;
  return newlines_ + (open_line_ ? 1 : 0);
}

LineIndexes::Entry& LineIndexes::entry(const struct stat& status) {
  const std::int64_t mtime =
      static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->device != status.st_dev || at->inode != status.st_ino) continue;
    const bool same = at->size == status.st_size && at->mtime_ns == mtime;
    const bool grown = at->size < status.st_size;
    if (!same && !grown) at->index = LineIndex();
    at->size = status.st_size;
    at->mtime_ns = mtime;
    entries_.splice(entries_.begin(), entries_, at);
    return entries_.front();
  }
  entries_.emplace_front();
  entries_.front().device = status.st_dev;
  entries_.front().inode = status.st_ino;
  entries_.front().size = status.st_size;
  entries_.front().mtime_ns = mtime;
  if (entries_.size() > kFiles) entries_.pop_back();
  return entries_.front();
}

Result<LinePlace> LineIndexes::seek(const Fd& fd, const struct stat& status, std::uint64_t line) {
  // Copied out and back: a scan of a big file must not hold the lock.
  LineIndex index;
  {
    const std::lock_guard lock(mutex_);
    index = entry(status).index;
  }
  TRY(const LinePlace place, index.seek(fd, line, static_cast<std::uint64_t>(status.st_size)));
  const std::lock_guard lock(mutex_);
  Entry& now = entry(status);
  if (now.index.known() < index.known()) now.index = std::move(index);
  return place;
}

std::optional<std::uint64_t> LineIndexes::total(const struct stat& status) {
  const std::lock_guard lock(mutex_);
  return entry(status).index.total(static_cast<std::uint64_t>(status.st_size));
}

std::uint64_t LineIndexes::known(const struct stat& status) {
  const std::lock_guard lock(mutex_);
  return entry(status).index.known();
}

Result<TailPlace> tail_place(const Fd& fd, std::uint64_t size, std::uint64_t count) {
  TailPlace place{size, 0, size == 0};
  if (size == 0 || count == 0) return place;
  std::uint64_t end = size;  // bytes before this are still to be looked at
  bool first = true;
  while (end > 0) {
    const std::uint64_t begin = end > kBackward ? end - kBackward : 0;
    TRY(const std::string bytes, fs::read_at(fd, begin, static_cast<std::size_t>(end - begin)));
    if (bytes.size() < end - begin) {
      return fail(ErrorKind::conflict, "the file shrank while it was read; read again");
    }
    std::size_t at = bytes.size();
    if (first && bytes.back() == '\n') --at;  // the end of the last line, not of another
    first = false;
    while (at > 0) {
      const void* hit = memrchr(bytes.data(), '\n', at);
      if (hit == nullptr) break;
      at = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
      if (++place.lines == count) {
        place.offset = begin + at + 1;
        return place;
      }
    }
    end = begin;
  }
  ++place.lines;
  place.offset = 0;
  place.from_start = true;
  return place;
}

}  // namespace remit::search
