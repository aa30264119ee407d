#include "policy/fix.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

Fix fix(std::string_view yaml) {
  return propose_fix("x.md", "---\n" + std::string(yaml) + "---\nbody\n", installation().words);
}

std::string fixed(std::string_view yaml) {
  const Fix found = fix(yaml);
  if (!found.repaired) return found.needed ? "not repaired" : "not needed";
  return found.bytes.substr(4, found.bytes.size() - 4 - std::string_view("---\nbody\n").size());
}

}  // namespace

TEST_CASE("what is repaired") {
  CHECK(fixed("name: x\ndescription: Use this: for \"that\"\ntools: Read\n") ==
        "name: x\ndescription: \"Use this: for \\\"that\\\"\"\ntools: Read\n");
  CHECK(fixed("name: x\ndescription: `code` first\n") ==
        "name: x\ndescription: \"`code` first\"\n");
  CHECK(fixed("name: x\ndescription: one\ntwo\n\nthree\ntools: Read\n") ==
        "name: x\ndescription: \"one two three\"\ntools: Read\n");
  // Lines of a description that look like keys.
  CHECK(
      fixed("name: x\ndescription: Examples\nContext: user asks\nuser: hi: there\nmodel: opus\n") ==
      "name: x\ndescription: \"Examples Context: user asks user: hi: there\"\nmodel: opus\n");
  CHECK(fixed("name: x\r\ndescription: a: b: c\r\n") == "name: x\r\ndescription: \"a: b: c\"\r\n");
}

TEST_CASE("what is never repaired") {
  CHECK(fixed("name: x\ndescription: fine\n") == "not needed");
  for (const std::string_view bad :
       {"name: x\nname: y\ndescription: a: b\n", "name: x: y\ndescription: d\n",
        "name: x\ndescription: a: b\ntools: Read: x\n",
        "name: x\ndescription: a: b\ndisallowedTools: *x\n", "name: x\ndescription: &a b: c\n",
        "name: x\ndescription: !t b: c\n", "description: a: b\n", "name: x\ndescription: \"open\n",
        "name: x\ndescription: a: b\x01\n"}) {
    CAPTURE(bad);
    CHECK(fixed(bad) == "not repaired");
  }
}

TEST_CASE("the diff shows what becomes of which line") {
  const Fix found = fix("name: x\ndescription: a: b: c\n");
  CHECK(found.diff.find("@@ line 3 @@\n-description: a: b: c\n+description: \"a: b: c\"\n") !=
        std::string::npos);
}

TEST_CASE("the file is replaced whole, with its mode, and only if it is unchanged") {
  const Folder folder;
  const std::string text = "---\nname: x\ndescription: a: b\n---\nbody\n";
  const std::string file = folder.write("x.md", text);
  const Fix found = propose_fix(file, text, installation().words);
  REQUIRE(found.repaired);
  CHECK_FALSE(apply_fix(file, "something else", found));
  CHECK(Folder::read(file) == text);
  REQUIRE(apply_fix(file, text, found));
  CHECK(Folder::read(file) == found.bytes);
  CHECK(parsed(found.bytes).ok);
}
