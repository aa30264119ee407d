// Literals that a regular expression requires: strings of which at least one stands in every match.
// They let a scan skip to the few places where a match is possible, before RE2 looks at all.
//
// Conservative: whatever the parser does not fully understand yields nothing, and nothing only
// costs time. tests/search/pattern_test.cpp compares searches with it and without.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remit::search {

struct RequiredLiterals {
  // Every match contains one of these; empty: nothing is known. ASCII lower case if `folded`.
  std::vector<std::string> any_of;
  bool folded = false;
  // The pattern is nothing but its one literal, so that finding it is a match.
  bool whole = false;
};

// `pattern` in RE2's syntax, already accepted by RE2; `literal` for fixed strings.
RequiredLiterals required_literals(std::string_view pattern, bool ignore_case, bool literal);

}  // namespace remit::search
