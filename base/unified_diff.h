// A unified diff between two texts, bounded in time and size (three lines of context).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace remit {

struct DiffHunk {
  std::size_t old_start = 0, old_lines = 0, new_start = 0, new_lines = 0;
  std::vector<std::string> lines;  // with their ' ', '-' or '+'
};

struct UnifiedDiff {
  std::vector<DiffHunk> hunks;  // none unless `whole`
  std::string text;   // at most `most_lines` lines, the last of which says what is missing
  bool whole = true;  // nothing was cut from `text`
};

// Myers' algorithm on lines ("An O(ND) Difference Algorithm", 1986); texts that differ in more than
// limits::kDiffEdits lines, or over more than limits::kDiffCompared, are shown as one replacement
// of what lies between the common ends. Memory: some bytes for each line between them, up to that
// limit.
UnifiedDiff unified_diff(std::string_view before, std::string_view after, std::string_view name,
                         std::size_t most_lines = limits::kDiffLines);

}  // namespace remit
