// Query: the two questions of the search engine, asked through Access: which files or lines match a
// pattern (grep), which names match a glob (find_names). Answers are complete lists in the
// contract's order (modification time, newest first; then path bytes; lines ascending), so that a
// page is a slice of them and totals are exact unless the coverage says otherwise.
//
// An answer is complete, or partial with the coverage saying what is missing, or an error; never a
// silent "nothing". Blocking; runs on several threads inside. Errors: those of Access; cancelled;
// invalid_argument (pattern, glob, type); too_large (more hits than can be sorted).
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/access.h"
#include "tools/search/pattern.h"
#include "tools/search/scan.h"
#include "tools/search/walk.h"

namespace remit::search {

struct FileChoice {
  std::string path;                // as the agent wrote it; "" the workspace
  std::vector<std::string> globs;  // ripgrep's -g; a leading '!' excludes
  std::string type;
  bool no_ignore = false;
};

struct RunOptions {
  std::chrono::milliseconds deadline;  // limits::kSearchDeadline unless the operator says otherwise
  std::size_t workers = 0;
  std::stop_token stop;
};

// One file with a match (grep) or one name (find_names).
struct Hit {
  std::string path;  // as printed: relative inside the workspace, else absolute
  std::int64_t mtime_ns = 0;
  std::uint64_t matching_lines = 0;
  std::uint64_t entries = 0;  // want lines
  std::vector<Line> lines;    // want lines: at least the first `keep_lines` of the whole answer
  bool lossy = false;
};

struct Found {
  std::vector<Hit> hits;  // in the order of the contract
  Coverage coverage;
  bool single_file = false;         // `path` named a file
  std::uint64_t total_lines = 0;    // matching lines
  std::uint64_t total_entries = 0;  // want lines
};

struct GrepQuery {
  FileChoice files;
  PatternOptions pattern;
  ScanOptions scan;  // keep_lines: how many entries of the whole answer will be shown
};

Result<Found> grep(policy::Access& access, const policy::CallScope& call, const GrepQuery& query,
                   const RunOptions& run);

// `files.globs` holds the pattern(s); `directories` lists directories instead of files.
Result<Found> find_names(policy::Access& access, const policy::CallScope& call,
                         const FileChoice& files, bool directories, const RunOptions& run);

// The order of the contract.
bool before_in_answer(const Hit& a, const Hit& b);

}  // namespace remit::search
