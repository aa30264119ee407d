#include "tools/search/literals.h"

#include <algorithm>

#include "base/limits.h"

namespace remit::search {

namespace {

constexpr std::size_t kMaxStrings = 48;  // what the multi-literal finder takes
constexpr std::size_t kMaxLength = 64;   // longer adds nothing to selectivity
constexpr std::size_t kNoSet = 0;

// What is known of the matches of one sub-expression.
struct Known {
  bool exact = false;                 // every match is one of `strings`
  std::vector<std::string> strings;   // if exact
  std::vector<std::string> required;  // one of them stands in every match; empty: unknown
};

// How good a set is for skipping: its shortest string first, then fewer strings.
std::size_t worth(const std::vector<std::string>& set) {
  if (set.empty()) return kNoSet;
  std::size_t shortest = kMaxLength;
  for (const std::string& text : set) shortest = std::min(shortest, text.size());
  if (shortest == 0) return kNoSet;
  return shortest * 100 - std::min<std::size_t>(set.size(), 99);
}

void keep_better(std::vector<std::string>& best, const std::vector<std::string>& candidate) {
  if (worth(candidate) > worth(best)) best = candidate;
}

const std::vector<std::string>& best_of(const Known& known) {
  if (known.exact && worth(known.strings) >= worth(known.required)) return known.strings;
  return known.required;
}

Known empty_string() {
  return {true, {""}, {}};
}
Known unknown() {
  return {};
}

class Parser {
 public:
  Parser(std::string_view text, bool folded) : text_(text), folded_(folded) {}

  std::optional<Known> run() {
    std::optional<Known> known = alternation(0);
    if (!known || at_ != text_.size()) return std::nullopt;
    return known;
  }
  bool only_literals() const { return only_literals_; }

 private:
  static constexpr int kDepth = 100;

  bool more() const { return at_ < text_.size(); }
  bool eat(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::optional<Known> alternation(int depth) {
    if (depth > kDepth) return std::nullopt;
    std::optional<Known> all = concatenation(depth);
    if (!all) return std::nullopt;
    while (eat('|')) {
      only_literals_ = false;
      std::optional<Known> next = concatenation(depth);
      if (!next) return std::nullopt;
      const std::vector<std::string> left = best_of(*all), right = best_of(*next);
      Known merged;
      if (worth(left) != kNoSet && worth(right) != kNoSet &&
          left.size() + right.size() <= kMaxStrings) {
        merged.required = left;
        merged.required.insert(merged.required.end(), right.begin(), right.end());
      }
      if (all->exact && next->exact && all->strings.size() + next->strings.size() <= kMaxStrings) {
        merged.exact = true;
        merged.strings = all->strings;
        merged.strings.insert(merged.strings.end(), next->strings.begin(), next->strings.end());
      }
      all = std::move(merged);
    }
    return all;
  }

  // Exact pieces in a row are multiplied out; anything inexact ends the row.
  std::optional<Known> concatenation(int depth) {
    Known whole = empty_string();
    std::vector<std::string> row{""};
    std::vector<std::string> best;
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      std::optional<Known> piece = repetition(depth);
      if (!piece) return std::nullopt;
      keep_better(best, piece->required);
      if (piece->exact && row.size() * piece->strings.size() <= kMaxStrings) {
        std::vector<std::string> product;
        bool too_long = false;
        for (const std::string& head : row) {
          for (const std::string& tail : piece->strings) {
            product.push_back(head + tail);
            too_long = too_long || product.back().size() > kMaxLength;
          }
        }
        if (!too_long) {
          row = std::move(product);
          continue;
        }
        keep_better(best, row);
        whole.exact = false;
        row = piece->strings;
        continue;
      }
      keep_better(best, row);
      whole.exact = false;
      row = {""};
      if (piece->exact) {
        keep_better(best, piece->strings);
        row = piece->strings;
      }
    }
    keep_better(best, row);
    if (whole.exact)
      whole.strings = row;
    else
      whole.strings.clear();
    whole.required = best;
    return whole;
  }

  std::optional<Known> repetition(int depth) {
    std::optional<Known> piece = atom(depth);
    if (!piece) return std::nullopt;
    while (more()) {
      const char c = text_[at_];
      std::size_t minimum = 0;
      if (c == '*' || c == '?') {
        ++at_;
      } else if (c == '+') {
        ++at_;
        minimum = 1;
      } else if (c == '{') {
        // {n}, {n,}, {n,m}; anything else is the character itself, which atom() reads next.
        std::size_t i = at_ + 1, value = 0, digits = 0;
        while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9' && digits < 6) {
          value = value * 10 + static_cast<std::size_t>(text_[i] - '0');
          ++i, ++digits;
        }
        if (digits == 0) break;
        if (i < text_.size() && text_[i] == ',') {
          ++i;
          while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9') ++i;
        }
        if (i >= text_.size() || text_[i] != '}') break;
        at_ = i + 1;
        minimum = value;
      } else {
        break;
      }
      eat('?');  // lazy
      only_literals_ = false;
      Known repeated;
      if (minimum > 0) repeated.required = best_of(*piece);
      piece = std::move(repeated);
    }
    return piece;
  }

  Known literal(std::string_view bytes) const {
    if (bytes.size() != 1) {
      // A character beyond ASCII folds to others; without folding it is its bytes.
      return folded_ ? unknown() : Known{true, {std::string(bytes)}, {}};
    }
    char c = bytes[0];
    if (folded_) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
      // U+212A KELVIN SIGN folds to k and U+017F LONG S to s: those two are no one byte.
      if (c == 'k' || c == 's') return unknown();
    }
    return {true, {std::string(1, c)}, {}};
  }

  std::string_view character() {
    const auto lead = static_cast<unsigned char>(text_[at_]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string_view bytes = text_.substr(at_, length);
    at_ += bytes.size();
    return bytes;
  }

  std::optional<Known> atom(int depth) {
    const char c = text_[at_];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return char_class();
      case '\\':
        return escape();
      case '.':
        ++at_;
        only_literals_ = false;
        return unknown();
      case '^':
      case '$':
        ++at_;
        only_literals_ = false;
        return empty_string();
      case '*':
      case '+':
      case '?':
        return std::nullopt;
      default:
        return literal(character());
    }
  }

  std::optional<Known> group(int depth) {
    ++at_;
    only_literals_ = false;
    if (eat('?')) {
      // (?: and (?P<name> are understood; flags change the meaning of what follows.
      if (eat(':')) {
      } else if (eat('P') && eat('<')) {
        while (more() && text_[at_] != '>') ++at_;
        if (!eat('>')) return std::nullopt;
      } else {
        return std::nullopt;
      }
    }
    std::optional<Known> inside = alternation(depth + 1);
    if (!inside || !eat(')')) return std::nullopt;
    return inside;
  }

  // [xyz] of a few plain ASCII members is exact; every other class is only skipped over.
  std::optional<Known> char_class() {
    only_literals_ = false;
    std::size_t i = at_ + 1;
    bool plain = true;
    if (i < text_.size() && text_[i] == '^') plain = false, ++i;
    std::vector<std::string> members;
    bool first = true;
    for (;; first = false) {
      if (i >= text_.size()) return std::nullopt;
      const char c = text_[i];
      if (c == ']' && !first) break;
      if (c == '[' && i + 1 < text_.size() && text_[i + 1] == ':') {
        const std::size_t end = text_.find(":]", i + 2);
        plain = false;
        i = end == std::string_view::npos ? i + 1 : end + 2;
        continue;
      }
      if (c == '\\') {
        // \Q…\E and \p{…} inside a class: not worth understanding.
        if (i + 1 >= text_.size() || text_[i + 1] == 'Q' || text_[i + 1] == 'E')
          return std::nullopt;
        plain = false;
        i += 2;
        continue;
      }
      if (c == '-' || static_cast<unsigned char>(c) >= 0x80) plain = false;
      members.emplace_back(1, c);
      ++i;
    }
    at_ = i + 1;
    if (!plain || members.empty() || members.size() > 6) return unknown();
    Known known{true, {}, {}};
    for (const std::string& member : members) {
      Known one = literal(member);
      if (!one.exact) return unknown();
      known.strings.push_back(one.strings[0]);
    }
    std::sort(known.strings.begin(), known.strings.end());
    known.strings.erase(std::unique(known.strings.begin(), known.strings.end()),
                        known.strings.end());
    return known;
  }

  std::optional<Known> escape() {
    if (at_ + 1 >= text_.size()) return std::nullopt;
    const char c = text_[at_ + 1];
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word) {
      if (static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
      at_ += 2;
      return literal(std::string_view(&c, 1));
    }
    only_literals_ = false;
    at_ += 2;
    switch (c) {
      case 't':
        return literal("\t");
      case 'b':
      case 'B':
      case 'A':
      case 'z':
        return empty_string();
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 's':
      case 'S':
        return unknown();
      default:
        return std::nullopt;  // \x41, \pL, \Q…\E, \C: all rare
    }
  }

  std::string_view text_;
  bool folded_;
  std::size_t at_ = 0;
  bool only_literals_ = true;
};

std::vector<std::string> tidy(std::vector<std::string> set) {
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

}  // namespace

RequiredLiterals required_literals(std::string_view pattern, bool ignore_case, bool literal) {
  RequiredLiterals out;
  out.folded = ignore_case;
  if (literal) {
    if (!ignore_case) {
      if (pattern.empty()) return out;
      out.any_of.emplace_back(pattern);
      out.whole = true;
      return out;
    }
    std::string quoted;
    for (const char c : pattern) {
      if (static_cast<unsigned char>(c) < 0x80 &&
          std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
        quoted += '\\';
      }
      quoted += c;
    }
    return required_literals(quoted, true, false);
  }
  if (pattern.starts_with("(?i)")) {
    pattern.remove_prefix(4);
    out.folded = true;
  }
  Parser parser(pattern, out.folded);
  const std::optional<Known> known = parser.run();
  if (!known) return out;
  const std::vector<std::string>& best = best_of(*known);
  if (worth(best) == kNoSet) return out;
  out.any_of = tidy(best);
  out.whole = parser.only_literals() && known->exact && known->strings.size() == 1 && !out.folded &&
              known->strings == out.any_of;
  return out;
}

}  // namespace remit::search
