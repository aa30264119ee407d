// What Grep and Glob say about an answer besides its items: how complete it is, what was left out,
// and how to go on. The words follow one rule: "no matches" is said by a complete search only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/search/query.h"

namespace remit::tools {

struct Searched {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
struct Skipped {
  std::uint64_t binary = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t ignoredEntries = 0;
  bool byPolicy = false;
};

Searched searched_of(const search::Coverage& coverage);
Skipped skipped_of(const search::Coverage& coverage);

// "480" or "at least 480".
std::string total_text(std::uint64_t total, bool complete);

// Notices for the facts line: time-out, gaps, binary files, pruned entries when nothing was found.
std::vector<std::string> coverage_notices(const search::Coverage& coverage, bool nothing_found);

// The text when nothing was found: `what` is "matches" or "files".
std::string nothing_text(const search::Coverage& coverage, std::string_view what, bool one_file);

// A hash of the whole answer, so that a later page can say that the tree changed.
std::string generation_of(const search::Found& found);

}  // namespace remit::tools
