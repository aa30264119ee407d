#include "tools/search/walk.h"

#include <dirent.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>

#include "base/fs.h"
#include "base/limits.h"
#include "tools/search/work_queue.h"

namespace remit::search {

namespace {

constexpr std::size_t kBatch =
    64;  // files of one job: small enough to balance, large enough to pay

void keep_smallest(std::set<std::string>& set, std::string text, std::size_t most) {
  set.insert(std::move(text));
  if (set.size() > most) set.erase(std::prev(set.end()));
}

// A directory that is being walked; kept open while jobs below it wait.
struct Node {
  policy::WalkDirectory own;  // unless it is the root
  const policy::WalkDirectory* directory = nullptr;
  std::string path;  // "" or "a/b/"
  std::shared_ptr<const IgnoreScope> scope;
  std::size_t depth = 0;
};

struct Job {
  std::shared_ptr<Node> node;      // files: their directory; else the parent
  std::string name;                // directory to enter; empty: node itself
  std::vector<std::string> files;  // not empty: visit these
};

class Traversal {
 public:
  Traversal(const WalkStart& start, const Selection& selection, const WalkOptions& options,
            const Visitor& visit)
      : start_(start),
        selection_(selection),
        options_(options),
        visit_(visit),
        workers_(worker_count(options)),
        queue_(workers_),
        coverage_(workers_) {}

  Result<Coverage> run() {
    auto root = std::make_shared<Node>();
    root->directory = &start_.walk.root();
    root->scope = start_.scopes;
    queue_.push(0, Job{std::move(root), {}, {}});
    std::vector<std::jthread> threads;
    for (std::size_t worker = 1; worker < workers_; ++worker) {
      try {
        threads.emplace_back([this, worker] { work(worker); });
      } catch (const std::system_error&) {
        break;  // no thread to be had under load: the others do its work
      }
    }
    work(0);
    threads.clear();
    if (error_) return tl::unexpected<Error>(std::move(*error_));
    if (options_.stop.stop_requested())
      return fail(ErrorKind::cancelled, "the search was cancelled");
    Coverage all;
    for (Coverage& one : coverage_) all.merge(std::move(one));
    all.timed_out = all.timed_out || timed_out_.load();
    all.filtered = start_.walk.filtered();
    return all;
  }

 private:
  void work(std::size_t worker) {
    try {
      while (std::optional<Job> job = queue_.take(worker)) {
        if (out_of_time()) {
          queue_.end();
          return;
        }
        if (auto outcome = run_job(worker, *job); !outcome) {
          end_with(std::move(outcome).error());
          return;
        }
        job.reset();
        queue_.done();
      }
    } catch (const std::bad_alloc&) {
      end_with(Error{ErrorKind::unavailable, "out of memory during the search", {}, {}, nullptr});
    } catch (...) {
      end_with(Error{ErrorKind::internal, "the search failed with an exception", {}, {}, nullptr});
    }
  }

  void end_with(Error error) {
    {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::move(error);
    }
    queue_.end();
  }

  bool out_of_time() {
    if (options_.stop.stop_requested()) return true;
    if (std::chrono::steady_clock::now() < options_.deadline) return false;
    timed_out_ = true;
    return true;
  }

  Result<void> run_job(std::size_t worker, const Job& job) {
    if (!job.files.empty()) return visit_files(worker, *job.node, job.files);
    if (job.name.empty()) return list(worker, job.node);
    auto entered = start_.walk.enter(*job.node->directory, job.name);
    if (!entered) {
      if (entered.error().kind != ErrorKind::not_found) {  // else it vanished
        unread(worker, job.node->path + job.name + "/", entered.error());
      }
      return {};
    }
    auto node = std::make_shared<Node>();
    node->own = std::move(*entered);
    node->directory = &node->own;
    node->path = job.node->path + job.name + "/";
    node->scope = job.node->scope;
    node->depth = job.node->depth + 1;
    if (node->depth > limits::kSearchDepth) {
      coverage_[worker].add_gap(node->path + " (deeper than " +
                                std::to_string(limits::kSearchDepth) + " directories)");
      ++coverage_[worker].unreadable;
      return {};
    }
    return list(worker, node);
  }

  void unread(std::size_t worker, const std::string& path, const Error& error) {
    ++coverage_[worker].unreadable;
    coverage_[worker].add_gap(path + " (" + error.message + ")");
  }

  Result<void> list(std::size_t worker, const std::shared_ptr<Node>& node) {
    std::vector<std::pair<std::string, unsigned char>> entries;
    auto listed =
        start_.walk.entries(*node->directory, [&](std::string_view name, unsigned char type) {
          entries.emplace_back(name, type);
          return !options_.stop.stop_requested();
        });
    if (!listed) {
      if (node->depth == 0) return listed;
      if (listed.error().kind != ErrorKind::not_found) unread(worker, node->path, listed.error());
    }
    if (!options_.no_ignore) {
      std::vector<std::string_view> names;
      for (const auto& [name, type] : entries) {
        if (name[0] == '.') names.push_back(name);
      }
      TRY(node->scope, load_scope(start_.walk, *node->directory, names, node->scope,
                                  start_.prefix.size() + node->path.size()));
    }
    std::vector<std::string> batch;
    std::string full = start_.prefix + node->path;
    const std::size_t above = full.size();
    for (auto& [name, type] : entries) {
      if (type != DT_DIR && type != DT_REG) continue;
      full.resize(above);
      full += name;
      if (!wanted(worker, *node, full, name, type == DT_DIR)) continue;
      if (type == DT_DIR) {
        queue_.push(worker, Job{node, std::move(name), {}});
        continue;
      }
      batch.push_back(std::move(name));
      if (batch.size() == kBatch) {
        queue_.push(worker, Job{node, {}, std::move(batch)});
        batch.clear();
      }
    }
    // What is left over is visited here and now: most directories are smaller than one batch.
    return visit_files(worker, *node, batch);
  }

  // Is this entry to be visited (a file) or entered (a directory)? `full`: its path with the
  // prefix.
  bool wanted(std::size_t worker, const Node& node, std::string_view full, const std::string& name,
              bool is_directory) {
    if (is_version_control(name)) return false;
    const std::string_view path = full.substr(start_.prefix.size());
    const Judgement by_globs = selection_.by_globs(path, name, is_directory);
    if (by_globs == Judgement::ignore) return false;
    if (by_globs == Judgement::none && !options_.no_ignore &&
        judge_scopes(node.scope.get(), full, name, is_directory) == Judgement::ignore) {
      Coverage& coverage = coverage_[worker];
      ++coverage.ignored;
      keep_smallest(coverage.ignored_names, std::string(path) + (is_directory ? "/" : ""),
                    limits::kIgnoredNamed);
      return false;
    }
    if (is_directory) {
      if (options_.directories && by_globs == Judgement::keep)
        return visit_directory(worker, node, name, path);
      return true;
    }
    // As in ripgrep, a glob that matches settles it: the type is not asked.
    return !options_.directories &&
           (by_globs == Judgement::keep || selection_.wants_type(path, name));
  }

  bool visit_directory(std::size_t worker, const Node& node, const std::string& name,
                       std::string_view path) {
    ++coverage_[worker].files;
    if (auto outcome = visit_(worker, coverage_[worker], WalkFile{*node.directory, name, path});
        !outcome) {
      end_with(std::move(outcome).error());
      return false;
    }
    return true;
  }

  Result<void> visit_files(std::size_t worker, const Node& node,
                           const std::vector<std::string>& names) {
    std::string path = node.path;
    for (const std::string& name : names) {
      if (out_of_time()) {
        queue_.end();
        return {};
      }
      path.resize(node.path.size());
      path += name;
      ++coverage_[worker].files;
      TRY_DO(visit_(worker, coverage_[worker], WalkFile{*node.directory, name, path}));
    }
    return {};
  }

  const WalkStart& start_;
  const Selection& selection_;
  const WalkOptions& options_;
  const Visitor& visit_;
  std::size_t workers_;
  WorkQueue<Job> queue_;
  std::vector<Coverage> coverage_;  // one per worker, touched by it alone
  std::atomic<bool> timed_out_{false};
  std::mutex error_mutex_;
  std::optional<Error> error_;
};

// A small file of a directory as text; empty if it is not there or cannot be read: a missing rule
// shows more, never less.
std::string text_of(policy::Walk& walk, const policy::WalkDirectory& directory,
                    std::string_view name) {
  auto file = walk.open(directory, name);
  if (!file) return {};
  return fs::read_at(file->fd, 0, limits::kIgnoreFileBytes).value_or(std::string{});
}

}  // namespace

void Coverage::add_gap(std::string what) {
  keep_smallest(gaps, std::move(what), limits::kGapsNamed);
}

void Coverage::merge(Coverage&& other) {
  files += other.files;
  bytes += other.bytes;
  binary += other.binary;
  unreadable += other.unreadable;
  ignored += other.ignored;
  timed_out = timed_out || other.timed_out;
  filtered = filtered || other.filtered;
  for (const std::string& name : other.ignored_names) {
    keep_smallest(ignored_names, name, limits::kIgnoredNamed);
  }
  for (const std::string& gap : other.gaps) keep_smallest(gaps, gap, limits::kGapsNamed);
}

std::size_t worker_count(const WalkOptions& options) {
  if (options.workers > 0) return std::min(options.workers, limits::kSearchWorkers);
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, limits::kSearchWorkers);
}

Result<std::shared_ptr<const IgnoreScope>> load_scope(policy::Walk& walk,
                                                      const policy::WalkDirectory& directory,
                                                      const std::vector<std::string_view>& names,
                                                      std::shared_ptr<const IgnoreScope> parent,
                                                      std::size_t base_length) {
  auto has = [&names](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool rgignore = has(".rgignore"), ignore = has(".ignore"), gitignore = has(".gitignore");
  const bool git = has(".git");
  if (!rgignore && !ignore && !gitignore && !git) return parent;
  auto scope = std::make_shared<IgnoreScope>();
  scope->parent = std::move(parent);
  scope->base_length = base_length;
  scope->has_git = git;
  if (rgignore) scope->rgignore = IgnoreFile::parse(text_of(walk, directory, ".rgignore"));
  if (ignore) scope->ignore = IgnoreFile::parse(text_of(walk, directory, ".ignore"));
  if (gitignore) scope->gitignore = IgnoreFile::parse(text_of(walk, directory, ".gitignore"));
  if (git) {
    // A .git file (worktree, submodule) ends a repository too, but has no info/exclude here.
    if (auto repository = walk.enter(directory, ".git")) {
      if (auto info = walk.enter(*repository, "info")) {
        scope->git_exclude = IgnoreFile::parse(text_of(walk, *info, "exclude"));
      }
    }
  }
  return std::shared_ptr<const IgnoreScope>(std::move(scope));
}

Result<Coverage> walk_tree(const WalkStart& start, const Selection& selection,
                           const WalkOptions& options, const Visitor& visit) {
  Traversal traversal(start, selection, options, visit);
  return traversal.run();
}

}  // namespace remit::search
