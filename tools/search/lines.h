// Lines by number in big files: a sparse index (the offset of every 1,024th line), built as far as
// it is needed, extended when the file grows and rebuilt when it is another file. The last lines
// are found backwards from the end without it.
//
// Threads: LineIndexes locks; the functions are reentrant. Errors: errno of pread(2).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::search {

// Where a line begins, and what is known of how many there are.
struct LinePlace {
  std::uint64_t line = 1;    // its number
  std::uint64_t offset = 0;  // of its first byte
  bool found = false;        // false: the file has fewer lines; `line` is then how many
};

class LineIndex {
 public:
  static constexpr std::uint64_t kStride = 1024;

  // Start of line `line` (from 1) in the first `size` bytes of the file. Lines end at '\n'; text
  // after the last '\n' is a line, nothing after it is none.
  Result<LinePlace> seek(const Fd& fd, std::uint64_t line, std::uint64_t size);
  // All lines, if the whole of the first `size` bytes was scanned already.
  std::optional<std::uint64_t> total(std::uint64_t size) const;
  // Lines known so far: at least this many.
  std::uint64_t known() const { return newlines_ + 1; }

 private:
  std::vector<std::uint64_t> offsets_{0};  // of lines 1, 1025, 2049, …
  std::uint64_t scanned_ = 0;              // bytes looked at
  std::uint64_t newlines_ = 0;             // among them
  bool open_line_ = false;                 // the last byte scanned is no newline
};

// The indexes of the last few big files, by identity.
class LineIndexes {
 public:
  // Runs `seek` on the index of this file; the file is recognised by device and inode, and dropped
  // when it shrank or was rewritten in place (mtime moved without growth).
  Result<LinePlace> seek(const Fd& fd, const struct stat& status, std::uint64_t line);
  std::optional<std::uint64_t> total(const struct stat& status);
  std::uint64_t known(const struct stat& status);

 private:
  static constexpr std::size_t kFiles = 16;
  struct Entry {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t mtime_ns = 0;
    LineIndex index;
  };
  Entry& entry(const struct stat& status);

  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
};

// Offset where the last `count` lines of the first `size` bytes begin, and how many lines that is
// (fewer if the file has fewer). Reads backwards, 64 KiB at a time.
struct TailPlace {
  std::uint64_t offset = 0;
  std::uint64_t lines = 0;
  bool from_start = false;  // offset is the beginning of the file
};
Result<TailPlace> tail_place(const Fd& fd, std::uint64_t size, std::uint64_t count);

}  // namespace remit::search
