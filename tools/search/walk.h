// Walk: a parallel traversal of the files below one directory, as policy::Walk lets this agent see
// them, minus what ignore files, globs and the type leave out.
//
// Order of visits is unspecified. Each worker has its own queue and takes from the others' when it
// is empty; the caller's thread is worker 0. Directories are entered by descriptor, depth first, so
// few are open at a time. Symlinks are never followed, version-control directories never entered.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/access.h"
#include "tools/search/ignore.h"

namespace remit::search {

// What a search did not look at, and why. An answer that says "none" must show this.
struct Coverage {
  std::uint64_t files = 0;  // offered to the visitor
  std::uint64_t bytes = 0;
  std::uint64_t binary = 0;             // ended by a NUL
  std::uint64_t unreadable = 0;         // files and directories
  std::uint64_t ignored = 0;            // entries pruned by ignore files
  std::set<std::string> ignored_names;  // the first few by name
  std::set<std::string> gaps;           // the first few unsearched parts, with the reason
  bool timed_out = false;
  bool filtered = false;  // policy left names out
  bool complete() const { return !timed_out && unreadable == 0; }
  void add_gap(std::string what);
  void merge(Coverage&& other);
};

// One file as the visitor sees it; everything is valid during the visit only.
struct WalkFile {
  const policy::WalkDirectory& directory;
  std::string_view name;  // last component
  std::string_view path;  // relative to the root of the walk
};

struct WalkOptions {
  bool no_ignore = false;
  bool directories = false;  // visit directories instead of files
  std::size_t workers = 0;   // 0: one per core, at most limits::kSearchWorkers
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::stop_token stop;
};

// Called on worker threads with that worker's number and its own Coverage. An error ends the walk.
using Visitor =
    std::function<Result<void>(std::size_t worker, Coverage& coverage, const WalkFile& file)>;

// `scopes`: the ignore files above the root (nullptr: none); `prefix` the path of the root below
// the directory where their base_length counts from ("" or "a/b/").
struct WalkStart {
  policy::Walk& walk;
  std::shared_ptr<const IgnoreScope> scopes;
  std::string prefix;
};

// Errors: that of listing the root, of the visitor, cancelled; unavailable if no descriptor or
// memory was left. A time-out is no error but coverage.timed_out.
Result<Coverage> walk_tree(const WalkStart& start, const Selection& selection,
                           const WalkOptions& options, const Visitor& visit);

// How many workers walk_tree uses.
std::size_t worker_count(const WalkOptions& options);

// The ignore files of one directory whose entries are known to include `names`.
Result<std::shared_ptr<const IgnoreScope>> load_scope(policy::Walk& walk,
                                                      const policy::WalkDirectory& directory,
                                                      const std::vector<std::string_view>& names,
                                                      std::shared_ptr<const IgnoreScope> parent,
                                                      std::size_t base_length);

}  // namespace remit::search
