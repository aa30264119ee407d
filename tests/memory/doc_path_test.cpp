#include "memory/doc_path.h"

#include <string>

#include <doctest/doctest.h>

using remit::memory::Bindings;
using remit::memory::DocPath;
using remit::memory::DocPattern;
using remit::memory::Shape;

namespace {

std::string path(std::string_view text) {
  const auto parsed = DocPath::parse(text);
  return parsed ? parsed->text() : "!" + parsed.error().code;
}

const Bindings kBound{"inst_1", "", {{"team", "core"}}};

DocPattern pattern(std::string_view text) {
  auto compiled = DocPattern::compile(text, kBound);
  REQUIRE_MESSAGE(compiled.has_value(), text);
  return *compiled;
}

std::string refusal(std::string_view text, const Bindings& bindings = kBound) {
  const auto compiled = DocPattern::compile(text, bindings);
  return compiled ? "ok" : compiled.error().code;
}

}  // namespace

TEST_CASE("document paths are normalised or refused") {
  CHECK(path("a/b.yaml") == "a/b.yaml");
  CHECK(path("./a//b/./c") == "a/b/c");
  CHECK(path("Agent_Memory/a") == "a");
  CHECK(path("./Agent_Memory/a") == "a");
  CHECK(path("Agent_Memory/Agent_Memory/a") == "Agent_Memory/a");
  CHECK(path("a/Agent_Memory/b") == "a/Agent_Memory/b");
  CHECK(path("a\\b") == "a\\b");
  CHECK(path("A/%2e%2e/b") == "A/%2e%2e/b");
  CHECK(path("...") == "...");
  for (const std::string_view bad :
       {"", "/a", "a/", "..", "a/../b", "a/..", "Agent_Memory", "a*", "a?", "{x}", "a\nb",
        "a\x7F"
        "b",
        "\xC0\xAF", ".", "a/."}) {
    CAPTURE(bad);
    if (bad == "a/.") {
      CHECK(path(bad) == "a");  // "." is no name
    } else {
      CHECK(path(bad) == "!bad_path");
    }
  }
  CHECK(path(std::string(255, 'a')) == std::string(255, 'a'));
  CHECK(path(std::string(256, 'a')) == "!bad_path");
  std::string deep;
  while (deep.size() < 1023) deep += "a/";
  deep.resize(1023);
  CHECK(path(deep + "b").size() == 1024);
  CHECK(path(deep + "bc") == "!bad_path");
}

TEST_CASE("literal patterns match one document") {
  const DocPattern one = pattern("{instruction_id}/tasks/x.yaml");
  CHECK(one.text() == "inst_1/tasks/x.yaml");
  CHECK(one.shape() == Shape::file);
  CHECK(one.matches("inst_1/tasks/x.yaml"));
  CHECK_FALSE(one.matches("inst_2/tasks/x.yaml"));
  CHECK_FALSE(one.matches("inst_1/tasks/x.yaml/y"));
  CHECK_FALSE(one.matches("inst_1/tasks"));
  CHECK_FALSE(one.matches("INST_1/tasks/x.yaml"));
  CHECK_FALSE(one.matches(""));
  CHECK(one.may_match_below(""));
  CHECK(one.may_match_below("inst_1"));
  CHECK(one.may_match_below("inst_1/tasks"));
  CHECK_FALSE(one.may_match_below("inst_1/tasks/x.yaml"));
  CHECK_FALSE(one.may_match_below("_knowledge"));
}

TEST_CASE("a trailing slash is the subtree, and not the folder's own name") {
  const DocPattern tree = pattern("reviews/");
  CHECK(tree.shape() == Shape::subtree);
  CHECK(tree.matches("reviews/a"));
  CHECK(tree.matches("reviews/a/b"));
  CHECK_FALSE(tree.matches("reviews"));
  CHECK_FALSE(tree.matches("reviews2/a"));
  CHECK(tree.may_match_below("reviews"));
  CHECK(tree.may_match_below("reviews/a/b/c"));
}

TEST_CASE("stars stay in a segment, double stars cross") {
  const DocPattern star = pattern("out/*.md");
  CHECK(star.shape() == Shape::glob);
  CHECK(star.matches("out/a.md"));
  CHECK(star.matches("out/.md"));
  CHECK_FALSE(star.matches("out/a/b.md"));
  CHECK_FALSE(star.matches("out/a.mdx"));
  const DocPattern cross = pattern("tasks/**/x.yaml");
  CHECK(cross.matches("tasks/x.yaml"));
  CHECK(cross.matches("tasks/a/b/x.yaml"));
  CHECK_FALSE(cross.matches("tasks/a/y.yaml"));
  CHECK(cross.may_match_below("tasks/a/b"));
  CHECK(pattern("a/**").matches("a/b/c"));
  CHECK_FALSE(pattern("a/**").matches("a"));
  CHECK(pattern("**/**/x").matches("a/b/x"));
}

TEST_CASE("placeholders: one name of 1-96 word characters, no leading dot") {
  const DocPattern word = pattern("d/{timestamp}_dba.yaml");
  CHECK(word.matches("d/20260110_dba.yaml"));
  CHECK_FALSE(word.matches("d/_dba.yaml"));
  CHECK_FALSE(word.matches("d/.x_dba.yaml"));
  CHECK_FALSE(word.matches("d/a b_dba.yaml"));
  CHECK_FALSE(word.matches("d/a/b_dba.yaml"));
  CHECK(word.matches("d/" + std::string(96, 'a') + "_dba.yaml"));
  CHECK_FALSE(word.matches("d/" + std::string(97, 'a') + "_dba.yaml"));
  CHECK(pattern("{team}/x").text() == "core/x");
  CHECK(pattern("{inst_id}/x").text() == "inst_1/x");
}

TEST_CASE("what compiles to nothing says why") {
  CHECK(refusal("") == "bad_pattern");
  CHECK(refusal("/etc/x") == "bad_pattern");
  CHECK(refusal("a/../b") == "bad_pattern");
  CHECK(refusal("a\\b") == "bad_pattern");
  CHECK(refusal("a/{x") == "bad_pattern");
  CHECK(refusal("a/[b]") == "bad_pattern");
  CHECK(refusal("a?") == "bad_pattern");
  CHECK(refusal("//") == "bad_pattern");
  CHECK(refusal("{instruction_id}/x", {}) == "not_bound");
  CHECK(refusal("{domain}/x") == "not_bound");
  CHECK(refusal("{nobody}/x") == "unknown_placeholder");
}

TEST_CASE("a bound value brings no wildcard, separator or dot of its own") {
  for (const std::string value : {"*", "a/b", "..", ".x", "", "a*", "{n}"}) {
    Bindings bindings;
    bindings.extra["v"] = value;
    CAPTURE(value);
    CHECK(refusal("{v}/x", bindings) == "bad_pattern");
  }
  // A request path is data: characters that are special in patterns match nothing.
  CHECK_FALSE(pattern("a/b").matches("a/*"));
  CHECK_FALSE(pattern("a/{task_id}").matches("a/{task_id}"));
}

TEST_CASE("matching does not backtrack") {
  std::string text;
  for (int i = 0; i < 15; ++i) text += "*a";
  const DocPattern stars = pattern(text + "b");
  CHECK_FALSE(stars.matches(std::string(255, 'a')));
  std::string deep = "**";
  for (int i = 0; i < 20; ++i) deep += "/*/**";
  std::string path;
  for (int i = 0; i < 400; ++i) path += "a/";
  CHECK(pattern(deep).matches(path + "a"));
  CHECK_FALSE(pattern(deep + "/z").matches(path + "a"));
}
