// Globs: the first line is the pattern, each further line a path. A pattern is refused or compiles;
// a compiled one ends, means what its brace expansions mean one by one, and a path written with
// escapes matches that path alone.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/fuzz/require.h"
#include "tools/search/glob.h"

using namespace remit;
using search::Glob;

namespace {

constexpr std::size_t kLongestInput = 2048;  // expansions x paths stay quick enough to fuzz

void check_split(std::string_view pattern) {
  const search::GlobSplit parts = search::split_glob(pattern);
  REQUIRE_THAT(pattern.ends_with(parts.rest) && pattern.starts_with(parts.directory));
  REQUIRE_THAT(parts.directory.find_first_of("*?[{\\") == std::string::npos);
  REQUIRE_THAT(parts.directory.empty() || parts.directory == "/" ||
               parts.directory.size() + 1 + parts.rest.size() == pattern.size());
}

void check_literal(std::string_view path) {
  std::string escaped;
  for (const char c : path) escaped += {'\\', c};
  const auto exact = Glob::compile(escaped);
  REQUIRE_THAT(exact.has_value());
  REQUIRE_THAT(exact->matches(path));
  REQUIRE_THAT(!exact->matches(std::string(path) + "x") &&
               !exact->matches("x" + std::string(path)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), std::min(size, kLongestInput));
  const std::vector<std::string_view> lines = split(text, '\n');
  if (lines.empty()) return 0;
  const std::string_view pattern = lines.front();
  check_split(pattern);
  const auto glob = Glob::compile(pattern);
  const auto expansions = search::expand_braces(pattern);
  if (!glob) return 0;
  REQUIRE_THAT(expansions.has_value() && !expansions->empty());
  std::vector<Glob> single;
  for (const std::string& one : *expansions) {
    auto compiled = Glob::compile(one);
    REQUIRE_THAT(compiled.has_value());
    single.push_back(std::move(*compiled));
  }
  const auto everything = Glob::compile("**/*");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    check_literal(lines[i]);
    REQUIRE_THAT(everything->matches(lines[i]));
    const bool any = std::any_of(single.begin(), single.end(),
                                 [&](const Glob& one) { return one.matches(lines[i]); });
    REQUIRE_THAT(glob->matches(lines[i]) == any);
  }
  return 0;
}
