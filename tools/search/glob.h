// Glob: one pattern in ripgrep's `-g` dialect (which is also the dialect of its ignore files),
// compiled once and matched against paths relative to some directory, '/'-separated, no leading
// '/'.
//
//   ?        one byte, never '/'          [abc] [!a-z] [^x]  one byte, never '/'
//   *        any bytes but '/'            {a,b}              alternatives, nesting allowed
//   **       as a whole component: any number of components; elsewhere the same as *
//   \x       x literally
//
// Source of the rules: the globset and ignore crates of ripgrep 13 and gitignore(5). One deliberate
// difference: a class never matches '/', as in git.
//
// Cost: matching is O(path * pattern) for each brace expansion, of which there are at most
// limits::kBraceExpansions. Threads: immutable after compile(), safe from any thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::search {

class Glob {
 public:
  // Compiles `pattern` as it stands: it must match the whole path. Errors: invalid_argument (bad
  // class, open brace, dangling '\'), too_large (braces).
  static Result<Glob> compile(std::string_view pattern);

  // `base` is the last component of `path`; both are given because a walker has both at hand.
  bool matches(std::string_view path, std::string_view base) const;
  bool matches(std::string_view path) const;

 private:
  enum class Op : std::uint8_t { literal, any, star, cls, prefix, middle, suffix };
  struct Token {
    Op op = Op::literal;
    std::string text;             // literal
    std::size_t class_index = 0;  // cls
  };
  // How one expansion is tried, cheapest first.
  enum class Shape : std::uint8_t {
    everything,
    base_equals,
    base_ends,
    base_tokens,
    path_equals,
    path_tokens
  };
  struct Branch {
    Shape shape = Shape::path_tokens;
    std::string text;
    std::vector<Token> tokens;
  };

  Result<Branch> parse(std::string_view pattern);
  bool match_tokens(const std::vector<Token>& tokens, std::size_t first,
                    std::string_view text) const;
  static Shape shape_of(Branch& branch);

  std::vector<Branch> branches_;
  std::vector<std::bitset<256>> classes_;
};

// Expands {a,b} groups; "a{b,c}d" -> "abd", "acd". Escapes and classes are left alone. Errors:
// invalid_argument for an unbalanced brace, too_large above limits::kBraceExpansions.
Result<std::vector<std::string>> expand_braces(std::string_view pattern);

// The literal directory at the front of a pattern: "/var/log/**/x" -> {"/var/log", "**/x"}; a
// pattern without wildcards is split at its last '/'.
struct GlobSplit {
  std::string directory;
  std::string rest;
  bool has_wildcard = false;
};
GlobSplit split_glob(std::string_view pattern);

}  // namespace remit::search
