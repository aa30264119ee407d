// Edits of YAML text: what is added lands where it belongs, and whatever else the document says
// stays.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "tools/yaml_edit.h"

#include <doctest/doctest.h>

#include "base/json.h"

using namespace remit;
using tools::add_entry;
using tools::set_key;

TEST_CASE("an entry goes behind the last one, comments stay") {
  const auto out = add_entry("# top\nbugs:\n  - id: a # first\n\n# about status\nstatus: open\n",
                             "bugs", Json{{"id", "b"}}, "id");
  REQUIRE(out.has_value());
  CHECK(*out ==
        "# top\nbugs:\n  - id: a # first\n  - \"id\": \"b\"\n\n# about status\nstatus: open\n");
}

TEST_CASE("a line of a block scalar that looks like a comment stays in its item") {
  const auto out = add_entry("bugs:\n  - id: a\n    text: |\n      one\n      # two\n", "bugs",
                             Json{{"id", "b"}}, "id");
  REQUIRE(out.has_value());
  CHECK(*out == "bugs:\n  - id: a\n    text: |\n      one\n      # two\n  - \"id\": \"b\"\n");
}

TEST_CASE("an edit that would change something else is refused") {
  // The text of `note` ends without a line break; a line after it would give it one.
  CHECK_FALSE(set_key("note: |\n  text", "/status", "open").has_value());
  CHECK_FALSE(set_key("{status: closed, other: 1}\n", "/status", "open").has_value());
  // Kept blank lines belong to the text before them.
  CHECK_FALSE(
      add_entry("bugs:\n  - id: |+\n      a\n\n\n", "bugs", Json{{"id", "b"}}, "id").has_value());
}

TEST_CASE("a key is set in place, made when absent, and never to more than a scalar") {
  CHECK(set_key("a: 1\nb: 2\n", "/a", "x").value() == "\"a\": \"x\"\nb: 2\n");
  CHECK(set_key("a: 1\n", "/b", true).value() == "a: 1\n\"b\": true\n");
  CHECK_FALSE(set_key("a: 1\n", "/a", nullptr).has_value());
  CHECK_FALSE(set_key("a: 1\n", "/a", Json::array()).has_value());
  CHECK_FALSE(set_key("a: [1]\n", "/a", 2).has_value());
}

TEST_CASE("yaml edits: layouts that work, and those that are refused unharmed") {
  const Json entry{{"id", "n"}};
  const auto add = [&](const char* text) {
    auto out = add_entry(text, "issues", entry, "id");
    return out ? *out : "refused";
  };
  CHECK(add("") == "\"issues\":\n  - \"id\": \"n\"\n");
  CHECK(add("issues: []\n") == "issues:\n  - \"id\": \"n\"\n");
  CHECK(add("issues: # see [1]\n  - id: a\n") ==
        "issues: # see [1]\n  - id: a\n  - \"id\": \"n\"\n");
  CHECK(add("---\n- id: a\n") == "---\n- id: a\n- \"id\": \"n\"\n");
  CHECK(add("issues:\n- id: a\nb: 1") == "issues:\n- id: a\n- \"id\": \"n\"\nb: 1\n");
  for (const char* hostile :
       {"issues: [{id: a}]\n", "issues: text\n", "just text\n", "a: b: c\n", "a: &x 1\nb: *x\n",
        "{issues: []}\n", "a: 1\n---\nb: 2\n", "issues: ~\n", "\xff\xfe", "- [\n"}) {
    CAPTURE(hostile);
    CHECK(add(hostile) == "refused");
  }
  CHECK(set_key("a: 1 \nb: 2\n", "/b", "no").value() == "a: 1 \n\"b\": \"no\"\n");
  CHECK_FALSE(set_key("a: |\n  one\n  two\nb: 1\n", "/a", "x"));
  CHECK_FALSE(set_key("a: one\n  two\n", "/a", 3));
  CHECK_FALSE(set_key("a: {b: 1}\n", "/a", 1));
  CHECK_FALSE(set_key("a: 1\n", "/a/b", 1));
  // What stands in a document that the caller may not read is not told.
  const auto broken = add_entry("secret_name: 1\nsecret_name: 2\n", "issues", entry, "id");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("secret_name") == std::string::npos);
}
