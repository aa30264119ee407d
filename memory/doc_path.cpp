#include "memory/doc_path.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {

namespace {

constexpr std::size_t kPlaceholderBytes = 96;  // longest text of {task_id} and its like
constexpr std::size_t kPatternSegments = 64;   // a pattern nests no deeper
constexpr std::size_t kSegmentPieces = 32;     // wildcards and literals in one segment
constexpr std::string_view kPrefix = "Agent_Memory/";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return b < 0x20 || b == 0x7F;
  });
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (!name.empty()) out.push_back(name);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return out;
}

bool word_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

bool free_placeholder(std::string_view name) {
  return name == "task_id" || name == "timestamp" || name == "date" || name == "n";
}

// A bound value is one path segment; it never brings a wildcard or a separator of its own.
bool safe_value(std::string_view value) {
  return !value.empty() && value.size() <= kPlaceholderBytes && value[0] != '.' &&
         std::all_of(value.begin(), value.end(), word_char);
}

Result<std::string> value_of(std::string_view name, const Bindings& bindings) {
  const auto unbound = [&] {
    return fail(ErrorKind::unavailable, "the placeholder {" + std::string(name) + "} has no value",
                {}, "not_bound");
  };
  std::string value;
  if (name == "instruction_id" || name == "inst_id") {
    if (bindings.instruction_id.empty()) return unbound();
    value = bindings.instruction_id;
  } else if (name == "domain") {
    if (bindings.domain.empty()) return unbound();
    value = bindings.domain;
  } else {
    const auto found = bindings.extra.find(std::string(name));
    if (found == bindings.extra.end()) {
      return fail(ErrorKind::unavailable,
                  "the placeholder {" + std::string(name.substr(0, limits::kEchoedInput)) +
                      "} is unknown; define it in the manifest's placeholders",
                  {}, "unknown_placeholder");
    }
    value = found->second;
  }
  if (!safe_value(value)) {
    return fail(ErrorKind::invalid_argument,
                "the value of {" + std::string(name) +
                    "} must be 1-96 of [A-Za-z0-9_.-] without a "
                    "leading dot",
                {}, "bad_pattern");
  }
  return value;
}

tl::unexpected<Error> bad_pattern(std::string what) {
  return fail(ErrorKind::invalid_argument, std::move(what), {}, "bad_pattern");
}

}  // namespace

const char* to_string(Shape shape) {
  switch (shape) {
    case Shape::file:
      return "file";
    case Shape::subtree:
      return "subtree";
    case Shape::glob:
      return "glob";
  }
  return "file";
}

Result<DocPath> DocPath::parse(std::string_view text) {
  const auto bad = [](std::string what) {
    return fail(ErrorKind::invalid_argument, std::move(what), {}, "bad_path");
  };
  if (text.empty()) return bad("the document path is empty");
  if (text.size() > limits::kDocPathBytes) {
    return fail(
        ErrorKind::too_large,
        "the document path is longer than " + std::to_string(limits::kDocPathBytes) + " bytes", {},
        "bad_path");
  }
  if (!valid_utf8(text)) return bad("the document path is not UTF-8");
  if (has_control(text)) return bad("the document path holds a control character");
  if (text.front() == '/') {
    return bad("the document path must be relative to Agent_Memory, without a leading '/'");
  }
  if (text.back() == '/') return bad("the document path ends with '/': name a file");
  if (text.find_first_of("*?{}") != std::string_view::npos) {
    return bad("the document path holds a wildcard or brace: name one file");
  }
  std::string out;
  bool first = true;
  for (const std::string_view name : segments_of(text)) {
    if (name == ".") continue;
    if (name == "..") return bad("the document path holds \"..\"");
    if (name.size() > limits::kNameMax) {
      return bad("a component of the document path is longer than " +
                 std::to_string(limits::kNameMax) + " bytes");
    }
    if (first && name == kPrefix.substr(0, kPrefix.size() - 1)) {
      first = false;
      continue;
    }
    first = false;
    if (!out.empty()) out += '/';
    out += name;
  }
  if (out.empty()) return bad("the document path names no file");
  DocPath path;
  path.text_ = std::move(out);
  return path;
}

Result<DocPattern> DocPattern::compile(std::string_view pattern, const Bindings& bindings) {
  if (pattern.empty()) return bad_pattern("the pattern is empty");
  if (pattern.size() > limits::kDocPathBytes) return bad_pattern("the pattern is too long");
  if (!valid_utf8(pattern) || has_control(pattern)) {
    return bad_pattern("the pattern holds a control character or is not UTF-8");
  }
  if (pattern.front() == '/') return bad_pattern("the pattern starts with '/'");
  if (pattern.find('\\') != std::string_view::npos) return bad_pattern("the pattern holds '\\'");

  DocPattern out;
  const bool subtree = pattern.back() == '/';
  bool wild = false;
  for (const std::string_view name : segments_of(pattern)) {
    if (name == "." || name == "..") {
      return bad_pattern("the pattern holds \"" + std::string(name) + "\"");
    }
    Segment segment;
    std::string shown;
    if (name == "**") {
      segment.any_depth = true;
      wild = true;
      shown = "**";
    }
    for (std::size_t i = 0; !segment.any_depth && i < name.size();) {
      const auto literal = [&](std::string_view text) {
        if (segment.pieces.empty() || segment.pieces.back().kind != Piece::Kind::literal) {
          segment.pieces.push_back({Piece::Kind::literal, {}});
        }
        segment.pieces.back().text += text;
        shown += text;
      };
      if (name[i] == '*') {
        while (i < name.size() && name[i] == '*') ++i;
        segment.pieces.push_back({Piece::Kind::star, {}});
        shown += '*';
        wild = true;
      } else if (name[i] == '{') {
        const std::size_t end = name.find('}', i);
        if (end == std::string_view::npos) return bad_pattern("the pattern has an unclosed '{'");
        const std::string_view placeholder = name.substr(i + 1, end - i - 1);
        if (free_placeholder(placeholder) && !bindings.extra.contains(std::string(placeholder))) {
          segment.pieces.push_back({Piece::Kind::word, {}});
          shown += name.substr(i, end - i + 1);
        } else {
          TRY(const std::string value, value_of(placeholder, bindings));
          literal(value);
        }
        i = end + 1;
      } else if (name[i] == '}' || name[i] == '?' || name[i] == '[') {
        return bad_pattern("the pattern holds '" + std::string(1, name[i]) +
                           "': only '*', '**' and {placeholders} are special");
      } else {
        const std::size_t end = std::min(name.find_first_of("*{}?[", i), name.size());
        literal(name.substr(i, end - i));
        i = end;
      }
    }
    if (segment.pieces.size() > kSegmentPieces || out.segments_.size() >= kPatternSegments) {
      return bad_pattern("the pattern has too many parts");
    }
    if (!out.text_.empty()) out.text_ += '/';
    out.text_ += shown;
    // "a/**/**/b" is "a/**/b": keeps matching linear in the number of '**'.
    if (segment.any_depth && !out.segments_.empty() && out.segments_.back().any_depth) continue;
    out.segments_.push_back(std::move(segment));
  }
  if (out.segments_.empty()) return bad_pattern("the pattern names no document");
  if (subtree) {
    out.text_ += '/';
    out.segments_.push_back(Segment{.any_depth = true, .pieces = {}});
  }
  out.shape_ = wild ? Shape::glob : subtree ? Shape::subtree : Shape::file;
  return out;
}

// Set of piece positions reachable after each byte: linear in name x pieces, no backtracking.
// A word is 1-96 word characters and does not start with a dot.
bool DocPattern::segment_matches(const Segment& segment, std::string_view name) {
  const std::size_t count = segment.pieces.size();
  // reach[p] = true: pieces [0, p) consumed exactly the bytes before the current offset.
  std::vector<std::vector<bool>> reach(name.size() + 1, std::vector<bool>(count + 1, false));
  reach[0][0] = true;
  for (std::size_t offset = 0; offset <= name.size(); ++offset) {
    for (std::size_t p = 0; p < count; ++p) {
      if (!reach[offset][p]) continue;
      const Piece& piece = segment.pieces[p];
      switch (piece.kind) {
        case Piece::Kind::literal:
          if (name.substr(offset).starts_with(piece.text)) {
            reach[offset + piece.text.size()][p + 1] = true;
          }
          break;
        case Piece::Kind::star:
          reach[offset][p + 1] = true;
          if (offset < name.size()) reach[offset + 1][p] = true;
          break;
        case Piece::Kind::word:
          for (std::size_t n = 0; n < kPlaceholderBytes && offset + n < name.size(); ++n) {
            if (!word_char(name[offset + n]) || (n == 0 && name[offset] == '.')) break;
            reach[offset + n + 1][p + 1] = true;
          }
          break;
      }
    }
  }
  return reach[name.size()][count];
}

// With `prefix`, asks whether names[name...] can be the beginning of a match that goes deeper.
bool DocPattern::match_from(std::size_t segment, const std::vector<std::string_view>& names,
                            std::size_t name, bool prefix) const {
  // reach = segments that may come next after the names so far; '**' also stays where it is.
  std::vector<bool> reach(segments_.size() + 1, false);
  const auto close = [&](std::vector<bool>& set) {
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      // A trailing '**' needs at least one name; in the middle it may stand for none.
      if (set[s] && segments_[s].any_depth && s + 1 < segments_.size()) set[s + 1] = true;
    }
  };
  reach[segment] = true;
  close(reach);
  for (; name < names.size(); ++name) {
    std::vector<bool> next(segments_.size() + 1, false);
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (!reach[s]) continue;
      if (segments_[s].any_depth) {
        next[s] = true;
        if (s + 1 == segments_.size()) next[s + 1] = true;
      } else if (segment_matches(segments_[s], names[name])) {
        next[s + 1] = true;
      }
    }
    close(next);
    reach = std::move(next);
  }
  if (!prefix) return reach[segments_.size()];
  return std::any_of(reach.begin(), reach.end() - 1, [](bool b) { return b; });
}

bool DocPattern::matches(std::string_view path) const {
  if (segments_.empty()) return false;
  // A walk asks about every name of a tree: most differ from the start of the last segment already.
  const Segment& last = segments_.back();
  if (!last.any_depth && !path.ends_with('/') && last.pieces[0].kind == Piece::Kind::literal &&
      !path.substr(path.rfind('/') + 1).starts_with(last.pieces[0].text)) {
    return false;
  }
  return match_from(0, segments_of(path), 0, false);
}

bool DocPattern::may_match_below(std::string_view directory) const {
  if (segments_.empty()) return false;
  return match_from(0, segments_of(directory), 0, true);
}

}  // namespace remit::memory
