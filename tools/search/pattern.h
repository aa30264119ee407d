// Pattern: what a search looks for, compiled once: RE2 and, in front of it, a finder for the
// literals that every match must contain. RE2's headers are included in pattern.cpp only.
//
// Line semantics: unless `multiline`, no match contains a newline (RE2 is compiled with never_nl,
// since a bare \s would cross lines), ^ and $ match at line ends.
//
// Threads: immutable, safe from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::search {

struct PatternOptions {
  std::string text;
  bool ignore_case = false;
  bool literal = false;
  bool multiline = false;
  bool prefilter = true;  // false only in tests, which compare the two ways
};

struct Span {
  std::size_t begin = 0, end = 0;
};

class Pattern {
 public:
  // Errors: invalid_argument with `where` "/pattern": RE2's words, the place, and a hint that fits.
  static Result<Pattern> compile(const PatternOptions& options);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  bool multiline() const;

  // Line mode. `text` ends where a line ends (its last newline, if any, is not part of `text`).
  // Finds the first line at or after `from` (the start of a line) that holds a match: its bounds
  // without the newline. `noise` is scratch of one scan, 0 at its start: it counts prefilter hits
  // that came to nothing, so that a useless prefilter is given up.
  std::optional<Span> next_line(std::string_view text, std::size_t from, unsigned& noise) const;

  // The leftmost match in `text` that starts at or after `from`; the bytes before `from` count for
  // \b and ^. In line mode `text` is one line.
  std::optional<Span> next_match(std::string_view text, std::size_t from) const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace remit::search
