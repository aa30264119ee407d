#include "tools/search/query.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "base/limits.h"
#include "base/text.h"
#include "tools/search/large_file.h"

namespace remit::search {

namespace {

std::int64_t nanoseconds(const struct timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::uint64_t size_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_size);
}

// How a path of the walk is printed. Names that are not UTF-8 cannot be given as input either: they
// are escaped.
std::string shown_path(const policy::Location& root, std::string_view path) {
  std::string text = root.shown.empty() || root.shown == "." ? std::string() : root.shown;
  if (!text.empty() && !text.ends_with('/')) text += '/';
  text += path;
  return valid_utf8(text) ? printable(text) : escape_ascii(text);
}

// Ignore files of the directories above the root of the walk, up to the granted root.
struct Above {
  std::shared_ptr<const IgnoreScope> scopes;
  std::string prefix;  // of the walk's root below the granted root: "" or "a/b/"
};

Above scopes_above(policy::Access& access, const policy::CallScope& call,
                   const policy::Location& root) {
  Above above;
  std::string granted, rest;
  switch (root.space) {
    case policy::Space::workspace:
      rest = root.path;
      break;
    case policy::Space::root:
      if (root.root >= access.remit().roots.size()) return above;
      granted = access.remit().roots[root.root].path;
      if (!std::string_view(root.path).starts_with(granted)) return above;
      rest = root.path.substr(granted.size());
      break;
    case policy::Space::memory:
    case policy::Space::output:
    case policy::Space::inbox:
    case policy::Space::outside:
      return above;
  }
  while (rest.starts_with('/')) rest.erase(0, 1);
  if (rest.empty() || rest == ".") return above;
  above.prefix = rest + "/";
  std::size_t end = 0;  // of the part of `rest` that names the directory looked at
  for (;;) {
    const std::string relative = rest.substr(0, end);
    const std::string path = granted.empty() ? (relative.empty() ? std::string(".") : relative)
                                             : granted + (relative.empty() ? "" : "/" + relative);
    if (auto walk = access.list(call, path)) {
      std::vector<std::string> hidden;
      // Not being allowed to see a directory above only means fewer rules.
      const auto listed =
          (*walk)->entries((*walk)->root(), [&](std::string_view name, unsigned char) {
            if (name.starts_with('.')) hidden.emplace_back(name);
            return true;
          });
      if (listed) {
        const std::vector<std::string_view> names(hidden.begin(), hidden.end());
        auto scope =
            load_scope(**walk, (*walk)->root(), names, above.scopes, end == 0 ? 0 : end + 1);
        if (scope) above.scopes = std::move(*scope);
      }
      if (!(*walk)->finish()) return {};  // the caller's own finish() will fail the same way
    }
    const std::size_t next = rest.find('/', end == 0 ? 0 : end + 1);
    if (next == std::string::npos) return above;
    end = next;
  }
}

// The directory or file that `path` names.
struct Target {
  std::unique_ptr<policy::Walk> walk;
  std::optional<policy::OpenFile> file;
};

Result<Target> open_target(policy::Access& access, const policy::CallScope& call,
                           std::string_view path) {
  Target target;
  auto listed = access.list(call, path);
  if (listed) {
    target.walk = std::move(*listed);
    return target;
  }
  // Not a directory: perhaps a file. Whatever both refuse is told in list's words, unless only open
  // knows what is wrong with the thing.
  auto opened = path.empty() ? Result<policy::OpenFile>(tl::unexpected<Error>(listed.error()))
                             : access.open(call, path);
  if (opened) {
    target.file = std::move(*opened);
    return target;
  }
  return tl::unexpected<Error>(listed.error().kind == ErrorKind::invalid_argument ? opened.error()
                                                                                  : listed.error());
}

WalkOptions walk_options(const FileChoice& files, const RunOptions& run) {
  WalkOptions options;
  options.no_ignore = files.no_ignore;
  options.workers = run.workers;
  options.stop = run.stop;
  options.deadline = std::chrono::steady_clock::now() + run.deadline;
  return options;
}

// All hits in the order of the contract. What is moved about while sorting are pointers.
std::vector<Hit> in_order(std::vector<std::deque<Hit>> parts) {
  std::vector<Hit*> order;
  for (std::deque<Hit>& part : parts) {
    for (Hit& hit : part) order.push_back(&hit);
  }
  std::sort(order.begin(), order.end(),
            [](const Hit* a, const Hit* b) { return before_in_answer(*a, *b); });
  std::vector<Hit> all;
  all.reserve(order.size());
  for (Hit* hit : order) all.push_back(std::move(*hit));
  return all;
}

// What one worker gathers.
struct Gathered {
  Reader reader;
  std::deque<Hit> hits;  // not moved when it grows
};

class Grep {
 public:
  Grep(const GrepQuery& query, const Pattern& pattern, const WalkOptions& options,
       policy::Walk* walk, const policy::Location& root)
      : query_(query),
        pattern_(pattern),
        options_(options),
        walk_(walk),
        root_(root),
        gathered_(worker_count(options)) {}

  Result<void> visit(std::size_t worker, Coverage& coverage, const WalkFile& file) {
    auto opened = walk_->open(file.directory, file.name);
    if (!opened) {
      if (opened.error().kind == ErrorKind::not_found) {  // vanished since it was listed
        --coverage.files;
        return {};
      }
      ++coverage.unreadable;
      coverage.add_gap(shown_path(root_, file.path) + " (" + opened.error().message + ")");
      return {};
    }
    return search(worker, coverage, opened->fd, opened->status,
                  [&] { return shown_path(root_, file.path); });
  }

  // `name` is called only if the path is needed.
  template <class Name>
  Result<void> search(std::size_t worker, Coverage& coverage, const Fd& fd,
                      const struct stat& status, Name name) {
    Gathered& mine = gathered_[worker];
    ScanOptions scan_options = query_.scan;
    // Past the budget lines are only counted; what a page needs of them is read again.
    if (kept_bytes_.load(std::memory_order_relaxed) > limits::kSearchKeptBytes)
      scan_options.keep_lines = 0;
    auto scanned = scan_file(mine.reader, fd, size_of(status), scan_options, coverage);
    if (!scanned) {
      ++coverage.unreadable;
      coverage.add_gap(name() + " (" + scanned.error().message + ")");
      return {};
    }
    coverage.bytes += scanned->bytes;
    if (scanned->interrupted) coverage.timed_out = true;
    if (scanned->binary) ++coverage.binary;
    if (scanned->matching_lines == 0) return {};
    if (hits_.fetch_add(1) >= limits::kSearchHits) {
      return fail(ErrorKind::too_large, "more than " + with_commas(limits::kSearchHits) +
                                            " files match; search a smaller directory");
    }
    Hit hit;
    hit.path = name();
    hit.mtime_ns = nanoseconds(status.st_mtim);
    hit.matching_lines = scanned->matching_lines;
    hit.entries = scanned->entries;
    hit.lossy = scanned->lossy;
    std::size_t bytes = 0;
    for (const Line& line : scanned->lines) bytes += line.text.size() + sizeof(Line);
    kept_bytes_ += bytes;
    hit.lines = std::move(scanned->lines);
    mine.hits.push_back(std::move(hit));
    return {};
  }

  std::vector<Hit> take_hits() {
    std::vector<std::deque<Hit>> parts;
    for (Gathered& one : gathered_) parts.push_back(std::move(one.hits));
    return in_order(std::move(parts));
  }

  Reader& reader() { return gathered_[0].reader; }

  bool should_stop(Coverage& coverage) const {
    if (options_.stop.stop_requested()) return true;
    if (std::chrono::steady_clock::now() < options_.deadline) return false;
    coverage.timed_out = true;
    return true;
  }

 private:
  Result<Scanned> scan_file(Reader& reader, const Fd& fd, std::uint64_t size,
                            const ScanOptions& options, Coverage& coverage) {
    const std::function<bool()> stop = [&] { return should_stop(coverage); };
    if (!is_large(fd, size, pattern_, options)) {
      return scan(reader, fd, size, pattern_, options, stop);
    }
    const std::size_t helpers = helpers_.exchange(0);  // all that no other large file has
    auto scanned = scan_large(fd, size, pattern_, options, helpers, stop);
    helpers_ += helpers;
    return scanned;
  }

  const GrepQuery& query_;
  const Pattern& pattern_;
  const WalkOptions& options_;
  policy::Walk* walk_;
  const policy::Location& root_;
  std::vector<Gathered> gathered_;
  std::atomic<std::size_t> hits_{0}, kept_bytes_{0};
  std::atomic<std::size_t> helpers_{gathered_.size() - 1};  // threads that large files may add
};

// Files whose lines did not fit the budget, but which the answer will show, are read again. A file
// that changed or vanished meanwhile shows what it holds now.
Result<void> complete_lines(policy::Access& access, const policy::CallScope& call,
                            const GrepQuery& query, const Pattern& pattern, Grep& search,
                            Found& found) {
  std::size_t needed = query.scan.keep_lines;
  for (Hit& hit : found.hits) {
    if (needed == 0) return {};
    const std::size_t here = std::min<std::uint64_t>(needed, hit.entries);
    if (hit.lines.size() < here) {
      auto opened = access.open(call, hit.path);
      if (!opened) {
        ++found.coverage.unreadable;
        found.coverage.add_gap(hit.path + " (changed during the search)");
        continue;
      }
      auto again = scan(search.reader(), opened->fd, size_of(opened->status), pattern, query.scan,
                        [&] { return search.should_stop(found.coverage); });
      if (again) {
        hit.lines = std::move(again->lines);
        hit.entries = again->entries;
        hit.lossy = again->lossy;
      } else {
        ++found.coverage.unreadable;
        found.coverage.add_gap(hit.path + " (" + again.error().message + ")");
      }
    }
    needed -= std::min<std::size_t>(needed, hit.lines.size());
  }
  return {};
}

}  // namespace

bool before_in_answer(const Hit& a, const Hit& b) {
  return a.mtime_ns != b.mtime_ns ? a.mtime_ns > b.mtime_ns : a.path < b.path;
}

Result<Found> grep(policy::Access& access, const policy::CallScope& call, const GrepQuery& query,
                   const RunOptions& run) {
  TRY(const Pattern pattern, Pattern::compile(query.pattern));
  TRY(const Selection selection, Selection::make(query.files.globs, query.files.type));
  const WalkOptions options = walk_options(query.files, run);
  TRY(Target target, open_target(access, call, query.files.path));
  Found found;
  if (target.file) {
    found.single_file = true;
    found.coverage.files = 1;
    Grep search(query, pattern, options, nullptr, target.file->where);
    TRY_DO(search.search(0, found.coverage, target.file->fd, target.file->status,
                         [&] { return shown_path(policy::Location{}, target.file->where.shown); }));
    if (run.stop.stop_requested()) return fail(ErrorKind::cancelled, "the search was cancelled");
    found.hits = search.take_hits();
  } else {
    const policy::Location root = target.walk->root().where;
    Above above;
    if (!options.no_ignore) above = scopes_above(access, call, root);
    Grep search(query, pattern, options, target.walk.get(), root);
    const WalkStart start{*target.walk, above.scopes, above.prefix};
    TRY(found.coverage,
        walk_tree(start, selection, options,
                  [&](std::size_t worker, Coverage& coverage, const WalkFile& file) {
                    return search.visit(worker, coverage, file);
                  }));
    TRY_DO(target.walk->finish());
    found.hits = search.take_hits();
    if (query.scan.want == Want::lines) {
      TRY_DO(complete_lines(access, call, query, pattern, search, found));
    }
  }
  for (const Hit& hit : found.hits) {
    found.total_lines += hit.matching_lines;
    found.total_entries += hit.entries;
  }
  return found;
}

Result<Found> find_names(policy::Access& access, const policy::CallScope& call,
                         const FileChoice& files, bool directories, const RunOptions& run) {
  TRY(const Selection selection, Selection::make(files.globs, files.type));
  WalkOptions options = walk_options(files, run);
  options.directories = directories;
  TRY(const std::unique_ptr<policy::Walk> walk, access.list(call, files.path));
  const policy::Location root = walk->root().where;
  Above above;
  if (!options.no_ignore) above = scopes_above(access, call, root);
  std::vector<std::deque<Hit>> hits(worker_count(options));
  std::atomic<std::size_t> count{0};
  Found found;
  TRY(found.coverage,
      walk_tree(WalkStart{*walk, above.scopes, above.prefix}, selection, options,
                [&](std::size_t worker, Coverage& coverage, const WalkFile& file) -> Result<void> {
                  const auto status = walk->status_of(file.directory, file.name);
                  if (!status) {
                    --coverage.files;  // vanished since it was listed
                    return {};
                  }
                  if (count.fetch_add(1) >= limits::kSearchHits) {
                    return fail(ErrorKind::too_large, "more than " +
                                                          with_commas(limits::kSearchHits) +
                                                          " names match; use a narrower pattern");
                  }
                  Hit hit;
                  hit.path = shown_path(root, file.path) + (directories ? "/" : "");
                  hit.mtime_ns = nanoseconds(status->st_mtim);
                  hits[worker].push_back(std::move(hit));
                  return {};
                }));
  TRY_DO(walk->finish());
  found.hits = in_order(std::move(hits));
  return found;
}

}  // namespace remit::search
