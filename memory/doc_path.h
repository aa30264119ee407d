// Names inside Agent_Memory: checked document paths and compiled ownership patterns. A pattern
// compiles once; a request path is data and is never turned into a pattern.
// Pure values; safe to share between threads.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::memory {

// A document's path relative to Agent_Memory, checked and normalised: no "..", no empty component,
// no control bytes, valid UTF-8, <= 1,024 bytes, "//", "." and a leading "Agent_Memory/" removed.
class DocPath {
 public:
  static Result<DocPath> parse(std::string_view text);
  const std::string& text() const { return text_; }
  bool operator==(const DocPath&) const = default;
  auto operator<=>(const DocPath&) const = default;

 private:
  std::string text_;
};

// What a placeholder such as {task_id} may match, or a fixed value ({instruction_id}).
struct Bindings {
  std::string instruction_id;                // empty: patterns with {instruction_id} are disabled
  std::string domain;                        // empty: {domain} is disabled
  std::map<std::string, std::string> extra;  // from the manifest
};

enum class Shape { file, subtree, glob };
const char* to_string(Shape shape);

// An ownership pattern: "{instruction_id}/tasks/**/x.yaml", "_knowledge/semantic/", "a/*.md".
// '*' stays in a segment, '**' crosses, a trailing '/' is the subtree, {task_id} {timestamp} {date}
// {n} match 1-96 of [A-Za-z0-9_.-] without a leading dot and may be part of a segment.
class DocPattern {
 public:
  DocPattern() = default;
  // Errors: invalid_argument (code "bad_pattern": "..", leading '/', backslash), unavailable (code
  // "not_bound": placeholder without a value; "unknown_placeholder").
  static Result<DocPattern> compile(std::string_view pattern, const Bindings& bindings);
  bool matches(std::string_view path) const;
  // True if some document below directory `path` could match: lists may descend into it.
  bool may_match_below(std::string_view directory) const;
  Shape shape() const { return shape_; }
  const std::string& text() const { return text_; }  // with bindings filled in

 private:
  struct Piece {
    enum class Kind { literal, star, word } kind = Kind::literal;
    std::string text;
  };
  struct Segment {
    bool any_depth = false;  // '**'
    std::vector<Piece> pieces;
  };
  static bool segment_matches(const Segment& segment, std::string_view name);
  bool match_from(std::size_t segment, const std::vector<std::string_view>& names, std::size_t name,
                  bool prefix) const;
  std::string text_;
  Shape shape_ = Shape::file;
  std::vector<Segment> segments_;
};

}  // namespace remit::memory
