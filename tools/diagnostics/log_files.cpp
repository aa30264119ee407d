#include "tools/diagnostics/log_files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "tools/diagnostics/log_line.h"

namespace remit::diagnostics {

namespace {

constexpr std::size_t kBlock = 1u << 20;

Reason reason_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::denied:
    case ErrorKind::needs_approval:
      return Reason::policy;
    case ErrorKind::too_large:
      return Reason::cap;
    case ErrorKind::timeout:
    case ErrorKind::cancelled:
      return Reason::timeout;
    case ErrorKind::invalid_argument:
    case ErrorKind::not_found:
    case ErrorKind::conflict:
    case ErrorKind::unavailable:
    case ErrorKind::internal:
      return Reason::unreachable;
  }
  return Reason::unreachable;
}

// Binary or compressed content is not searched as if it were text.
const char* unreadable(std::string_view head) {
  if (head.substr(0, 2) == "\x1f\x8b") return "gzip-compressed";
  if (head.substr(0, 4) == "\x28\xb5\x2f\xfd") return "zstd-compressed";
  if (head.substr(0, 3) == "BZh") return "bzip2-compressed";
  if (head.substr(0, 6) == std::string_view("\xfd"
                                            "7zXZ\0",
                                            6))
    return "xz-compressed";
  if (head.substr(0, 8) == "LPKSHHRH") return "a binary journal";
  if (head.find('\0') != std::string_view::npos) return "binary";
  return nullptr;
}

class Opener {
 public:
  Opener(policy::Access& access, const policy::CallScope& call, std::stop_token stop)
      : access_(access), call_(call), stop_(std::move(stop)) {}

  void source(const std::string& source) {
    const std::size_t meta = source.find_first_of("*?[");
    if (meta == std::string::npos) return path(source);
    const std::size_t slash = source.rfind('/', meta);
    const std::string directory =
        slash == std::string::npos ? "" : source.substr(0, slash == 0 ? 1 : slash);
    walk(source, directory, slash == std::string::npos ? source : source.substr(slash + 1));
  }

  LogFiles take() {
    std::sort(out_.files.begin(), out_.files.end(), [](const LogFile& a, const LogFile& b) {
      return a.first_ms != b.first_ms ? a.first_ms < b.first_ms : a.path < b.path;
    });
    return std::move(out_);
  }

 private:
  void missed(std::string what, Reason reason, std::string detail, std::string remedy = {}) {
    out_.could_not_look.push_back({std::move(what), reason, std::move(detail), std::move(remedy)});
  }

  void path(const std::string& source) {
    auto opened = access_.open(call_, source);
    if (opened) return keep(opened->where.shown, std::move(opened->fd));
    if (opened.error().kind == ErrorKind::invalid_argument ||
        opened.error().kind == ErrorKind::unavailable) {
      // Perhaps a directory: its files.
      if (auto start = access_.list(call_, source)) return walk(source, source, "*");
    }
    missed(source, reason_of(opened.error()), opened.error().message);
  }

  void walk(const std::string& source, const std::string& directory, std::string_view pattern) {
    auto start = access_.list(call_, directory);
    if (!start) return missed(source, reason_of(start.error()), start.error().message);
    policy::Walk& walk = **start;
    const std::size_t before = out_.files.size(), before_missed = out_.could_not_look.size();
    level(walk, walk.root(), pattern);
    if (auto done = walk.finish(); !done) {
      out_.files.resize(before);  // what cannot be recorded is not looked at
      return missed(source, reason_of(done.error()), done.error().message);
    }
    if (out_.files.size() == before && out_.could_not_look.size() == before_missed)
      missed(source, Reason::unreachable, "no file matches",
             "look with Glob for the names that exist");
  }

  void level(policy::Walk& walk, const policy::WalkDirectory& directory, std::string_view pattern) {
    const std::size_t slash = pattern.find('/');
    const std::string here(pattern.substr(0, slash));
    std::vector<std::string> names;
    const auto listed = walk.entries(directory, [&](std::string_view name, unsigned char type) {
      const bool wanted = slash == std::string_view::npos ? type == DT_REG : type == DT_DIR;
      if (wanted && fnmatch(here.c_str(), std::string(name).c_str(), FNM_PERIOD) == 0)
        names.emplace_back(name);
      return !stop_.stop_requested();
    });
    if (!listed)
      return missed(directory.where.shown, reason_of(listed.error()), listed.error().message);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (slash != std::string_view::npos) {
        if (auto child = walk.enter(directory, name))
          level(walk, *child, pattern.substr(slash + 1));
        continue;
      }
      const std::string shown = fs::join(directory.where.shown, name);
      auto file = walk.open(directory, name);
      if (!file)
        missed(shown, reason_of(file.error()), file.error().message);
      else
        keep(shown, std::move(file->fd));
    }
  }

  void keep(const std::string& shown, Fd fd) {
    if (!seen_.insert(shown).second) return;
    if (out_.files.size() >= limits::kLogFiles)
      return missed(shown, Reason::cap, "more than " + std::to_string(limits::kLogFiles) + " files",
                    "name fewer");
    auto status = fs::stat_of(fd);
    if (!status) return missed(shown, Reason::unreachable, status.error().message);
    auto head = fs::read_at(fd, 0, kHead);
    if (!head) return missed(shown, Reason::unreachable, head.error().message);
    if (const char* what = unreadable(*head))
      return missed(shown, Reason::unparsed, std::string("the file is ") + what,
                    "decompress or convert it first");
    LogFile file;
    file.path = shown;
    file.size = static_cast<std::uint64_t>(status->st_size);
    file.inode = status->st_ino;
    file.changed_ms = static_cast<std::int64_t>(status->st_mtim.tv_sec) * 1000;
    judge_dates(*head, &file);
    file.fd = std::move(fd);
    out_.files.push_back(std::move(file));
  }

  // First time of the file, and whether 03/04/2024 is the third of April: decided once per file, by
  // the order in which more lines go forward in time.
  static void judge_dates(std::string_view head, LogFile* file) {
    std::size_t lines = 0, forward[2] = {0, 0};
    std::int64_t last[2] = {0, 0}, first[2] = {0, 0};
    while (!head.empty() && lines++ < limits::kLogFormatSample) {
      const std::size_t end = std::min(head.find('\n'), head.size());
      for (int order = 0; order < 2; ++order) {
        const LogLine line = parse_line(head.substr(0, end), {file->changed_ms, order == 1});
        if (!line.time_ms) continue;
        if (first[order] == 0) first[order] = *line.time_ms;
        if (*line.time_ms >= last[order]) ++forward[order];
        last[order] = *line.time_ms;
      }
      head.remove_prefix(std::min(end + 1, head.size()));
    }
    file->day_first = forward[1] > forward[0];
    file->first_ms = first[file->day_first ? 1 : 0];
  }

  static constexpr std::size_t kHead = 64u << 10;
  policy::Access& access_;
  const policy::CallScope& call_;
  std::stop_token stop_;
  LogFiles out_;
  std::set<std::string> seen_;
};

}  // namespace

Result<LogFiles> open_logs(policy::Access& access, const policy::CallScope& call,
                           const std::vector<std::string>& sources, std::stop_token stop) {
  if (sources.empty())
    return fail(ErrorKind::invalid_argument, "name at least one log file, directory or glob",
                "/source", "diag.bad_argument");
  Opener opener(access, call, stop);
  for (const std::string& source : sources) {
    if (stop.stop_requested())
      return fail(ErrorKind::cancelled, "cancelled while opening log files");
    opener.source(source);
  }
  return opener.take();
}

LineReader::LineReader(const Fd& fd, std::uint64_t max_bytes) : fd_(fd), max_bytes_(max_bytes) {}

bool LineReader::refill() {
  base_ += at_;
  buffer_.erase(0, at_);
  at_ = 0;
  const std::uint64_t offset = base_ + buffer_.size();
  if (offset >= max_bytes_) {
    limited_ = end_ = true;
    return false;
  }
  auto block = fs::read_at(fd_, offset, kBlock);
  if (!block) {
    error_ = block.error().message;
    end_ = true;
    return false;
  }
  if (block->empty()) {
    end_ = true;
    return false;
  }
  buffer_ += *block;
  return true;
}

bool LineReader::next(Line* line) {
  std::size_t scanned = at_;
  while (true) {
    const void* lf = scanned < buffer_.size()
                         ? std::memchr(buffer_.data() + scanned, '\n', buffer_.size() - scanned)
                         : nullptr;
    if (lf != nullptr) {
      const std::size_t end =
          static_cast<std::size_t>(static_cast<const char*>(lf) - buffer_.data());
      line->offset = base_ + at_;
      line->number = ++number_;
      line->text =
          std::string_view(buffer_).substr(at_, std::min(end - at_, limits::kLogLineBytes));
      at_ = end + 1;
      return true;
    }
    if (end_) break;
    if (buffer_.size() - at_ > 2 * kBlock) {
      // A line of megabytes: give its beginning, read on to its end.
      line->offset = base_ + at_;
      line->number = ++number_;
      const std::string beginning = buffer_.substr(at_, limits::kLogLineBytes);
      std::size_t end = std::string::npos;
      while (end == std::string::npos) {
        at_ = buffer_.size();
        if (!refill()) break;
        end = buffer_.find('\n');
      }
      at_ = end == std::string::npos ? buffer_.size() : end + 1;
      buffer_.insert(0, beginning);
      base_ -= beginning.size();
      at_ += beginning.size();
      line->text = std::string_view(buffer_).substr(0, beginning.size());
      return true;
    }
    const std::size_t pending = buffer_.size() - at_;
    if (!refill() && buffer_.size() == at_) break;
    scanned = pending;  // at_ is 0 now
  }
  if (at_ >= buffer_.size()) return false;
  line->offset = base_ + at_;
  line->number = ++number_;
  line->text =
      std::string_view(buffer_).substr(at_, std::min(buffer_.size() - at_, limits::kLogLineBytes));
  at_ = buffer_.size();
  return true;
}

}  // namespace remit::diagnostics
