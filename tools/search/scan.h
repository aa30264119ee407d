// Scan: one file through one pattern: which lines match, with their context, or only how many.
//
// Every line is numbered from 1 and ends at '\n'; a file without a final newline has a last line
// all the same. Lines beyond what is to be kept are still counted, so that totals are exact.
// Threads: one Reader per worker; a Pattern is shared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "tools/search/pattern.h"
#include "tools/search/reader.h"

namespace remit::search {

enum class Want : std::uint8_t {
  presence,  // stop at the first match
  count,     // number of matching lines
  lines,     // the lines themselves
};

struct ScanOptions {
  Want want = Want::presence;
  std::size_t before = 0, after = 0;  // lines of context, want lines
  bool only_matching = false;         // entries are matches, not lines; no context
  std::size_t keep_lines = 0;         // want lines: entries kept; the rest is counted
};

// One entry of an answer: a line, a line of context, or (only_matching) a matched part.
struct Line {
  std::uint64_t number = 0;
  bool is_match = true;
  bool group_start = false;  // with context: not adjacent to the entry before it
  std::string text;          // valid UTF-8 without its line end; long lines are a window
};

struct Scanned {
  std::uint64_t matching_lines = 0;  // presence: 0 or 1
  std::uint64_t entries = 0;         // want lines: lines, context included, or matched parts
  std::vector<Line> lines;           // the first keep_lines entries
  bool lossy = false;                // some kept text was not UTF-8
  bool binary = false;               // a NUL ended the file's text
  bool interrupted = false;          // should_stop said so: everything above is "at least"
  std::uint64_t bytes = 0;
};

// `size`: as fstat(2) told it, 0 if unknown. Errors: those of Reader::next(); what was found before
// is lost with them.
Result<Scanned> scan(Reader& reader, const Fd& fd, std::uint64_t size, const Pattern& pattern,
                     const ScanOptions& options, const std::function<bool()>& should_stop);

// Whole lines in memory as if they were a file, not multiline; what is found is added to `out`.
// Returns how many lines there are (want lines; else 0). `noise`: see Pattern::next_line.
std::uint64_t scan_text(std::string_view text, const Pattern& pattern, const ScanOptions& options,
                        unsigned& noise, Scanned& out);

// A line as it is shown: at most limits::kGrepLineShown bytes around `match`, with the line's
// length if it was cut; malformed UTF-8 replaced.
std::string shown_line(std::string_view line, Span match, bool& lossy);

}  // namespace remit::search
