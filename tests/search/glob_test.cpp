#include "tools/search/glob.h"

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tools/search/ignore.h"

using namespace remit;
using namespace remit::search;

TEST_CASE("globs match what ripgrep's dialect says") {
  struct Row {
    const char* glob;
    const char* path;
    bool matches;
  };
  const Row rows[] = {
      {"*.c", "a.c", true},
      {"*.c", "d/a.c", false},
      {"**/*.c", "a.c", true},
      {"**/*.c", "d/e/a.c", true},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "a/xb", false},
      {"a/**", "a/b/c", true},
      {"a/**", "a", false},
      {"a?c", "abc", true},
      {"a?c", "a/c", false},
      {"[!a]x", "bx", true},
      {"[!a]x", "ax", false},
      {"[a-c]", "b", true},
      {"[]]", "]", true},
      {"{a,b{c,d}}", "bd", true},
      {"{a,b{c,d}}", "bc", true},
      {"{a,b}", "c", false},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"a**b", "axxb", true},
      {"**", "x/y", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbYbZ", false},
      {"**/a/**/c", "x/a/y/c", true},
      {"**/a/*b/**/c", "a/xa/a/xb/z/c", true},
      {"[^/]x", "/x", false},
      {"a[-b]", "a-", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.glob);
    CAPTURE(row.path);
    auto glob = Glob::compile(row.glob);
    REQUIRE(glob);
    CHECK(glob->matches(row.path) == row.matches);
  }
}

TEST_CASE("malformed globs are refused") {
  for (const char* bad : {"[a", "{a", "a}", "a\\", "[z-a]"}) {
    CAPTURE(bad);
    auto glob = Glob::compile(bad);
    REQUIRE_FALSE(glob);
    CHECK(glob.error().kind == ErrorKind::invalid_argument);
  }
}

TEST_CASE("brace expansion at the limit and one above") {
  auto braces = [](std::size_t count) {
    std::string text = "{a0";
    for (std::size_t i = 1; i < count; ++i) text += ",a" + std::to_string(i);
    return text + "}";
  };
  auto most = expand_braces(braces(limits::kBraceExpansions));
  REQUIRE(most);
  CHECK(most->size() == limits::kBraceExpansions);
  auto over = expand_braces(braces(limits::kBraceExpansions + 1));
  REQUIRE_FALSE(over);
  CHECK(over.error().kind == ErrorKind::too_large);
  // Nested groups multiply: 2^11 is refused without being built.
  CHECK_FALSE(expand_braces("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
}

TEST_CASE("a glob that would backtrack exponentially ends at once") {
  std::string glob, path(4000, 'a');
  for (int i = 0; i < 60; ++i) glob += "*a";
  glob += "b";
  auto compiled = Glob::compile(glob);
  REQUIRE(compiled);
  CHECK_FALSE(compiled->matches(path));
}

TEST_CASE("split_glob") {
  GlobSplit split = split_glob("/var/log/**/*.log");
  CHECK(split.directory == "/var/log");
  CHECK(split.rest == "**/*.log");
  CHECK(split.has_wildcard);
  split = split_glob("src/main.cpp");
  CHECK_FALSE(split.has_wildcard);
  CHECK(split.directory == "src");
  CHECK(split.rest == "main.cpp");
}

TEST_CASE("ignore files: last line wins, anchors, directories, escapes") {
  const IgnoreFile file = IgnoreFile::parse(
      "\xef\xbb\xbf# "
      "comment\n*.log\n!keep.log\nbuild/\n/only-top\nsub/x\n\\#literal\n[bad\ntrail\\ \nspace   "
      "\n\r\nin/**\n");
  auto judge = [&](std::string_view path, bool directory = false) {
    const std::size_t slash = path.rfind('/');
    return file.judge(path, slash == std::string_view::npos ? path : path.substr(slash + 1),
                      directory);
  };
  CHECK(judge("a/b.log") == Judgement::ignore);
  CHECK(judge("a/keep.log") == Judgement::keep);
  CHECK(judge("build", true) == Judgement::ignore);
  CHECK(judge("build", false) == Judgement::none);
  CHECK(judge("only-top") == Judgement::ignore);
  CHECK(judge("d/only-top") == Judgement::none);
  CHECK(judge("sub/x") == Judgement::ignore);
  CHECK(judge("d/sub/x") == Judgement::none);
  CHECK(judge("#literal") == Judgement::ignore);
  CHECK(judge("trail ") == Judgement::ignore);
  CHECK(judge("space") == Judgement::ignore);
  CHECK(judge("in/a") == Judgement::ignore);
  CHECK(judge("in", true) == Judgement::none);
}

TEST_CASE("selection: a positive glob is a list of what is wanted") {
  auto selection = Selection::make({"*.c", "!x.c"}, "");
  REQUIRE(selection);
  CHECK(selection->by_globs("d/a.c", "a.c", false) == Judgement::keep);
  CHECK(selection->by_globs("x.c", "x.c", false) == Judgement::ignore);
  CHECK(selection->by_globs("a.h", "a.h", false) == Judgement::ignore);
  CHECK(selection->by_globs("d", "d", true) == Judgement::none);
  auto unknown = Selection::make({}, "pyton");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().where == "/type");
  auto bad = Selection::make({"[a"}, "");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().where == "/glob");
}
