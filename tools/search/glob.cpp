#include "tools/search/glob.h"

#include "base/limits.h"

namespace remit::search {

namespace {

// Length of the class that starts at text[0] == '[', or 0 if it never closes.
std::size_t class_length(std::string_view text) {
  std::size_t i = 1;
  if (i < text.size() && (text[i] == '!' || text[i] == '^')) ++i;
  if (i < text.size() && text[i] == ']') ++i;  // a leading ']' is a member
  while (i < text.size() && text[i] != ']') ++i;
  return i < text.size() ? i + 1 : 0;
}

struct Group {
  std::size_t open = std::string_view::npos;
  std::size_t close = 0;
  std::vector<std::size_t> commas;
};

// The first top-level {...} of `text`; open == npos if there is none.
Result<Group> first_group(std::string_view text) {
  Group group;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      ++i;
    } else if (c == '[') {
      const std::size_t length = class_length(text.substr(i));
      if (length > 0) i += length - 1;
    } else if (c == '{') {
      if (depth++ == 0) group.open = i;
    } else if (c == ',' && depth == 1) {
      group.commas.push_back(i);
    } else if (c == '}') {
      if (depth == 0) return fail(ErrorKind::invalid_argument, "glob has a '}' without a '{'");
      if (--depth == 0) {
        group.close = i;
        return group;
      }
    }
  }
  if (depth > 0) return fail(ErrorKind::invalid_argument, "glob has a '{' that is not closed");
  return group;
}

}  // namespace

Result<std::vector<std::string>> expand_braces(std::string_view pattern) {
  std::vector<std::string> done;
  std::vector<std::string> open{std::string(pattern)};
  while (!open.empty()) {
    const std::string text = std::move(open.back());
    open.pop_back();
    TRY(const Group group, first_group(text));
    if (group.open == std::string_view::npos) {
      done.push_back(text);
      continue;
    }
    const std::string_view view = text;
    std::vector<std::string> parts;
    std::size_t from = group.open + 1;
    for (const std::size_t comma : group.commas) {
      parts.emplace_back(view.substr(from, comma - from));
      from = comma + 1;
    }
    parts.emplace_back(view.substr(from, group.close - from));
    if (done.size() + open.size() + parts.size() > limits::kBraceExpansions) {
      return fail(ErrorKind::too_large, "glob expands to more than " +
                                            std::to_string(limits::kBraceExpansions) +
                                            " patterns; use fewer {…} groups");
    }
    for (std::size_t i = parts.size(); i-- > 0;) {
      open.push_back(std::string(view.substr(0, group.open)) + parts[i] +
                     std::string(view.substr(group.close + 1)));
    }
  }
  return done;
}

GlobSplit split_glob(std::string_view pattern) {
  std::size_t wild = pattern.find_first_of("*?[{\\");
  GlobSplit out;
  out.has_wildcard = wild != std::string_view::npos;
  const std::size_t slash =
      out.has_wildcard ? pattern.substr(0, wild).rfind('/') : pattern.rfind('/');
  if (slash == std::string_view::npos) {
    out.rest = pattern;
    return out;
  }
  out.directory = slash == 0 ? "/" : std::string(pattern.substr(0, slash));
  out.rest = pattern.substr(slash + 1);
  return out;
}

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.size() > limits::kPathBytes) {
    return fail(ErrorKind::too_large,
                "glob is longer than " + std::to_string(limits::kPathBytes) + " bytes");
  }
  Glob glob;
  TRY(const std::vector<std::string> expanded, expand_braces(pattern));
  glob.branches_.reserve(expanded.size());
  for (const std::string& one : expanded) {
    TRY(Branch branch, glob.parse(one));
    branch.shape = shape_of(branch);
    glob.branches_.push_back(std::move(branch));
  }
  return glob;
}

Result<Glob::Branch> Glob::parse(std::string_view text) {
  Branch branch;
  std::vector<Token>& out = branch.tokens;
  auto literal = [&out](char c) {
    if (out.empty() || out.back().op != Op::literal) out.push_back({Op::literal, {}, 0});
    out.back().text.push_back(c);
  };
  auto star = [&out] {
    if (out.empty() || out.back().op != Op::star) out.push_back({Op::star, {}, 0});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (++i == text.size()) {
        return fail(ErrorKind::invalid_argument, "glob ends in a lone '\\'");
      }
      literal(text[i]);
    } else if (c == '?') {
      out.push_back({Op::any, {}, 0});
    } else if (c == '[') {
      const std::size_t length = class_length(text.substr(i));
      if (length == 0) {
        return fail(ErrorKind::invalid_argument, "glob has a '[' that is not closed");
      }
      std::string_view members = text.substr(i + 1, length - 2);
      const bool negated = !members.empty() && (members[0] == '!' || members[0] == '^');
      if (negated) members.remove_prefix(1);
      std::bitset<256> set;
      for (std::size_t m = 0; m < members.size(); ++m) {
        const auto low = static_cast<unsigned char>(members[m]);
        auto high = low;
        if (m + 2 < members.size() && members[m + 1] == '-') {
          high = static_cast<unsigned char>(members[m + 2]);
          m += 2;
        }
        if (high < low) {
          return fail(ErrorKind::invalid_argument, "glob has a class range that runs backwards");
        }
        for (unsigned b = low; b <= high; ++b) set.set(b);
      }
      if (negated) set.flip();
      set.reset('/');
      out.push_back({Op::cls, {}, classes_.size()});
      classes_.push_back(set);
      i += length - 1;
    } else if (c == '*') {
      const bool twice = i + 1 < text.size() && text[i + 1] == '*';
      if (!twice) {
        star();
        continue;
      }
      const bool at_start = i == 0;
      const bool after_slash = i > 0 && text[i - 1] == '/';
      ++i;
      const bool at_end = i + 1 == text.size();
      const bool before_slash = !at_end && text[i + 1] == '/';
      if ((!at_start && !after_slash) || (!at_end && !before_slash)) {
        star();
        continue;
      }
      if (before_slash) ++i;
      if (at_start) {
        out.push_back({Op::prefix, {}, 0});
        continue;
      }
      // A slash was just parsed: it belongs to this token ("a/**/b" matches "a/b").
      if (!out.empty() && out.back().op == Op::literal && out.back().text.back() == '/') {
        out.back().text.pop_back();
        if (out.back().text.empty()) out.pop_back();
        out.push_back({at_end ? Op::suffix : Op::middle, {}, 0});
      }
      // else the slash was swallowed by a preceding "**/", with which this one merges
    } else {
      literal(c);
    }
  }
  return branch;
}

Glob::Shape Glob::shape_of(Branch& branch) {
  std::vector<Token>& tokens = branch.tokens;
  if (tokens.size() == 1 && tokens[0].op == Op::prefix) return Shape::everything;
  if (tokens.size() == 1 && tokens[0].op == Op::literal) {
    branch.text = tokens[0].text;
    return Shape::path_equals;
  }
  if (tokens.size() < 2 || tokens[0].op != Op::prefix) return Shape::path_tokens;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.op == Op::prefix || token.op == Op::middle || token.op == Op::suffix ||
        (token.op == Op::literal && token.text.find('/') != std::string::npos)) {
      return Shape::path_tokens;
    }
  }
  if (tokens.size() == 2 && tokens[1].op == Op::literal) {
    branch.text = tokens[1].text;
    return Shape::base_equals;
  }
  if (tokens.size() == 3 && tokens[1].op == Op::star && tokens[2].op == Op::literal) {
    branch.text = tokens[2].text;
    return Shape::base_ends;
  }
  return Shape::base_tokens;
}

bool Glob::matches(std::string_view path) const {
  const std::size_t slash = path.rfind('/');
  return matches(path, slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool Glob::matches(std::string_view path, std::string_view base) const {
  for (const Branch& branch : branches_) {
    switch (branch.shape) {
      case Shape::everything:
        return true;
      case Shape::base_equals:
        if (base == branch.text) return true;
        break;
      case Shape::base_ends:
        if (base.ends_with(branch.text)) return true;
        break;
      case Shape::path_equals:
        if (path == branch.text) return true;
        break;
      case Shape::base_tokens:
        if (match_tokens(branch.tokens, 1, base)) return true;
        break;
      case Shape::path_tokens:
        if (match_tokens(branch.tokens, 0, path)) return true;
        break;
    }
  }
  return false;
}

// Backtracking with two resume points: the last '*' (which cannot cross a '/') and the last "**".
// Earlier ones need no memory: what stands between two "**" holds a fixed number of components, so
// its leftmost match leaves the largest rest; the same holds for '*' inside one component.
bool Glob::match_tokens(const std::vector<Token>& tokens, std::size_t first,
                        std::string_view text) const {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t token = first, at = 0;
  std::size_t star_token = kNone, star_at = 0;
  std::size_t deep_token = kNone, deep_at = 0;  // resume after the next '/' at or after deep_at
  for (;;) {
    bool stuck = false;
    if (token == tokens.size()) {
      if (at == text.size()) return true;
      stuck = true;
    } else {
      const Token& now = tokens[token];
      switch (now.op) {
        case Op::literal:
          if (text.compare(at, now.text.size(), now.text) == 0) {
            at += now.text.size();
            ++token;
          } else {
            stuck = true;
          }
          break;
        case Op::any:
          stuck = at == text.size() || text[at] == '/';
          if (!stuck) ++at, ++token;
          break;
        case Op::cls:
          stuck =
              at == text.size() || !classes_[now.class_index][static_cast<unsigned char>(text[at])];
          if (!stuck) ++at, ++token;
          break;
        case Op::star:
          star_token = ++token;
          star_at = at;
          break;
        case Op::prefix:
          deep_token = ++token;
          deep_at = at;
          star_token = kNone;
          break;
        case Op::middle:
          stuck = at == text.size() || text[at] != '/';
          if (!stuck) {
            deep_token = ++token;
            deep_at = ++at;
            star_token = kNone;
          }
          break;
        case Op::suffix:
          if (at < text.size() && text[at] == '/') return true;
          stuck = true;
          break;
      }
    }
    if (!stuck) continue;
    if (star_token != kNone && star_at < text.size() && text[star_at] != '/') {
      token = star_token;
      at = ++star_at;
      continue;
    }
    if (deep_token == kNone) return false;
    const std::size_t slash = text.find('/', deep_at);
    if (slash == kNone) return false;
    deep_at = slash + 1;
    token = deep_token;
    at = deep_at;
    star_token = kNone;
  }
}

}  // namespace remit::search
