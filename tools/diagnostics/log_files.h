// The log files a call names, opened one by one through Access, and their lines.
//
// A source is a path, a directory's path with a glob in it ("logs/app*.log*"), or a directory (its
// regular files). Each file is decided at the point of use; what is refused, missing or not
// readable as text becomes an entry of could_not_look and never an error of the whole. Files are
// ordered by their first timestamp, not by suffix, so rotated files read in the order they were
// written.
//
// Threads: one set of files belongs to one call.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "policy/access.h"
#include "tools/diagnostics/finding.h"

namespace remit::diagnostics {

struct LogFile {
  std::string path;  // as answers print it
  Fd fd;
  std::uint64_t size = 0, inode = 0;
  std::int64_t changed_ms = 0;
  std::int64_t first_ms = 0;  // of its first dated line; 0 if none
  bool day_first = false;
};

struct LogFiles {
  std::vector<LogFile> files;
  std::vector<NotLooked> could_not_look;
};

Result<LogFiles> open_logs(policy::Access& access, const policy::CallScope& call,
                           const std::vector<std::string>& sources, std::stop_token stop);

// Lines of one file: split at LF only, in order, with number (from 1) and offset. A line longer
// than limits::kLogLineBytes is given by its beginning.
class LineReader {
 public:
  struct Line {
    std::string_view text;  // without LF; valid until the next call
    std::uint64_t number = 0, offset = 0;
  };
  LineReader(const Fd& fd, std::uint64_t max_bytes);
  // False at the end, at max_bytes, or when reading failed (see error()).
  bool next(Line* line);
  std::uint64_t bytes() const { return base_ + at_; }
  bool at_limit() const { return limited_; }
  const std::string& error() const { return error_; }

 private:
  bool refill();
  const Fd& fd_;
  std::uint64_t max_bytes_, base_ = 0, number_ = 0;
  std::string buffer_, error_;
  std::size_t at_ = 0;
  bool end_ = false, limited_ = false;
};

}  // namespace remit::diagnostics
