#include "tools/search/large_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/text.h"

namespace remit::search {

namespace {

// From here on the helpers are worth their start.
constexpr std::uint64_t kLargeFile = 16u << 20;
constexpr std::uint64_t kStretch = limits::kSearchBuffer;
// Read at once behind a stretch, for the rest of its last line.
constexpr std::size_t kOverhang = 4096;
// Stretches of one thread that may be ahead of the first unfinished one.
constexpr std::size_t kAhead = 4;

// What one stretch gave.
struct Part {
  Scanned scanned;
  std::uint64_t lines = 0;
};

class LargeScan {
 public:
  LargeScan(const Fd& fd, std::uint64_t size, const Pattern& pattern, const ScanOptions& options,
            std::size_t threads)
      : fd_(fd),
        size_(size),
        pattern_(pattern),
        options_(options),
        stretches_((size + kStretch - 1) / kStretch),
        waiting_(threads * kAhead) {}

  Result<Scanned> run(std::size_t helpers, const std::function<bool()>& should_stop) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < helpers; ++i) {
      try {
        threads.emplace_back([this] { work({}); });
      } catch (const std::system_error&) {
        break;  // no thread to be had under load: the others do its work
      }
    }
    work(should_stop);
    threads.clear();
    if (error_) return tl::unexpected<Error>(std::move(*error_));
    return std::move(joined_);
  }

 private:
  void work(const std::function<bool()>& should_stop) {
    try {
      std::vector<char> buffer;
      unsigned noise = 0;
      while (const std::optional<std::uint64_t> index = claim()) {
        hand_in(*index, scan_stretch(*index, buffer, noise));
        if (should_stop && should_stop()) interrupt();
      }
    } catch (const std::bad_alloc&) {
      end_with({ErrorKind::unavailable, "out of memory during the search", {}, {}, nullptr});
    } catch (...) {
      end_with({ErrorKind::internal, "the search failed with an exception", {}, {}, nullptr});
    }
  }

  // The next stretch to scan; waits while too many later ones are finished already.
  std::optional<std::uint64_t> claim() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return ended_ || next_ < first_ + waiting_.size(); });
    if (ended_ || next_ == stretches_) return std::nullopt;
    return next_++;
  }

  // Joins every part that has become first.
  void hand_in(std::uint64_t index, Result<Part> part) {
    {
      const std::lock_guard lock(mutex_);
      waiting_[index % waiting_.size()] = std::move(part);
      while (!ended_) {
        std::optional<Result<Part>>& slot = waiting_[first_ % waiting_.size()];
        if (!slot) break;
        join(std::move(*slot));
        slot.reset();
        if (++first_ == stretches_) ended_ = true;
      }
    }
    moved_.notify_all();
  }

  void join(Result<Part> part) {
    if (!part) {
      error_ = std::move(part).error();
      ended_ = true;
      return;
    }
    Scanned& from = part->scanned;
    joined_.bytes += from.bytes;
    joined_.entries += from.entries;
    joined_.matching_lines += from.matching_lines;
    joined_.lossy = joined_.lossy || from.lossy;
    joined_.binary = from.binary;
    const std::size_t room = options_.keep_lines - joined_.lines.size();
    if (from.lines.size() > room) from.lines.resize(room);
    for (Line& line : from.lines) {
      line.number += lines_;
      joined_.lines.push_back(std::move(line));
    }
    lines_ += part->lines;
    kept_ = joined_.lines.size();
    // A NUL ends the text; presence is settled by one match.
    if (from.binary || (options_.want == Want::presence && joined_.matching_lines > 0)) {
      ended_ = true;
    }
  }

  void interrupt() {
    {
      const std::lock_guard lock(mutex_);
      if (!ended_) joined_.interrupted = true;
      ended_ = true;
    }
    moved_.notify_all();
  }

  void end_with(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(error);
      ended_ = true;
    }
    moved_.notify_all();
  }

  // The file from `offset` on: `have` bytes are in the buffer, `want` shall be; how many are now.
  Result<std::size_t> fill(std::vector<char>& buffer, std::size_t have, std::size_t want,
                           std::uint64_t offset) {
    if (buffer.size() < want) buffer.resize(want);
    while (have < want && offset + have < size_) {
      const auto most =
          static_cast<std::size_t>(std::min<std::uint64_t>(want - have, size_ - offset - have));
      const ssize_t got =
          ::pread(fd_.get(), buffer.data() + have, most, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, "read the file");
      if (got == 0) break;  // it shrank: what is there is searched
      have += static_cast<std::size_t>(got);
    }
    return have;
  }

  static std::size_t offset_in(const std::vector<char>& buffer, const void* place) {
    return static_cast<std::size_t>(static_cast<const char*>(place) - buffer.data());
  }

  // The lines that begin in stretch `index`: the last one may end far behind it.
  Result<Part> scan_stretch(std::uint64_t index, std::vector<char>& buffer, unsigned& noise) {
    // One byte earlier: it tells whether a line begins where the stretch does.
    const std::uint64_t offset = index == 0 ? 0 : index * kStretch - 1;
    const auto end = static_cast<std::size_t>((index + 1) * kStretch - offset);  // of the stretch
    std::size_t want = end + kOverhang;
    TRY(std::size_t have, fill(buffer, 0, want, offset));
    Part part;
    std::size_t begin = 0;
    if (index == 0) {
      if (std::string_view(buffer.data(), have).starts_with("\xef\xbb\xbf")) begin = 3;
    } else {
      const void* newline = std::memchr(buffer.data(), '\n', std::min(have, end - 1));
      if (newline == nullptr) return part;  // a line of an earlier stretch runs through this one
      begin = offset_in(buffer, newline) + 1;
    }
    // Where the last line ends: at the stretch's last byte or later.
    std::size_t stop = have;
    for (std::size_t from = end - 1; from < have;) {
      if (const void* newline = std::memchr(buffer.data() + from, '\n', have - from)) {
        stop = offset_in(buffer, newline) + 1;
        break;
      }
      from = stop = have;
      if (have - begin >= limits::kSearchLineBytes) {
        return fail(ErrorKind::too_large,
                    "a line is longer than " + human_bytes(limits::kSearchLineBytes), {}, "line");
      }
      want = std::min(want * 4, begin + limits::kSearchLineBytes);
      TRY(have, fill(buffer, have, want, offset));
    }
    std::string_view text(buffer.data() + begin, stop - begin);
    part.scanned.bytes = text.size();
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
      // The line that holds the NUL is binary, as is what follows.
      part.scanned.binary = true;
      text = text.substr(0, text.rfind('\n', nul) + 1);
    }
    if (text.empty()) return part;
    ScanOptions options = options_;
    options.keep_lines -= std::min(options.keep_lines, kept_.load(std::memory_order_relaxed));
    part.lines = scan_text(text, pattern_, options, noise, part.scanned);
    return part;
  }

  const Fd& fd_;
  const std::uint64_t size_;
  const Pattern& pattern_;
  const ScanOptions& options_;
  const std::uint64_t stretches_;
  std::atomic<std::size_t> kept_{0};  // lines in joined_: later stretches need not keep so many

  std::mutex mutex_;
  std::condition_variable moved_;
  std::uint64_t next_ = 0, first_ = 0;                // to be claimed; to be joined
  std::vector<std::optional<Result<Part>>> waiting_;  // by index, first_ onwards
  bool ended_ = false;
  std::optional<Error> error_;
  Scanned joined_;
  std::uint64_t lines_ = 0;  // of the joined stretches
};

}  // namespace

bool is_large(const Fd& fd, std::uint64_t size, const Pattern& pattern,
              const ScanOptions& options) {
  if (size < kLargeFile || pattern.multiline() || options.before > 0 || options.after > 0) {
    return false;
  }
  std::array<char, 2> head{};
  if (::pread(fd.get(), head.data(), head.size(), 0) != std::ssize(head)) return false;
  const std::string_view mark(head.data(), head.size());
  return mark != "\xff\xfe" && mark != "\xfe\xff";
}

Result<Scanned> scan_large(const Fd& fd, std::uint64_t size, const Pattern& pattern,
                           const ScanOptions& options, std::size_t helpers,
                           const std::function<bool()>& should_stop) {
  return LargeScan(fd, size, pattern, options, helpers + 1).run(helpers, should_stop);
}

}  // namespace remit::search
