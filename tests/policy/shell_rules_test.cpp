#include "policy/shell_rules.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/policy/shell_fixture.h"

using remit::policy::load_shell_rules;

namespace {

const char* const kGood =
    "version: 1\nwrappers: [env]\nrules:\n"
    "  - {id: show, argv0: [cat], operands: [{role: read}], decision: allow,\n"
    "     tests: {match: ['cat a'], not_match: ['cat /etc/x']}}\n"
    "default: ask\n";

std::string with(std::string from, std::string to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the shipped rules load and carry their origins") {
  const auto& rules = remit::policy_test::shipped_rules();
  CHECK(rules.rules.size() > 25);
  REQUIRE(rules.find("privilege") != nullptr);
  CHECK(rules.find("privilege")->origin.file == "manifests/exec/default.yaml");
  CHECK(rules.find("privilege")->origin.line > 1);
  CHECK(rules.wraps("xargs"));
  CHECK(rules.safe_assignment("LC_ALL"));
  CHECK_FALSE(rules.safe_assignment("PATH"));
}

TEST_CASE("a file with anything wrong in it is refused whole, with its line") {
  REQUIRE(load_shell_rules(kGood, "x.yaml"));
  struct Row {
    std::string text;
    const char* message;
    const char* where;
  };
  const std::string copy =
      "  - {id: show, argv0: [ls], decision: allow, tests: {match: [ls]}}\ndefault";
  const Row rows[] = {
      {with("default: ask", "defaults: ask"), "unknown key defaults", "x.yaml:6:"},
      {with("operands:", "operand:"), "unknown key operand", "x.yaml:4:"},
      {with("default", copy), "duplicate id show", "x.yaml:6:"},
      {with("'cat a'", "'cat /etc/a'"), "self-test failed: show does not match", "x.yaml:5:"},
      {with("'cat /etc/x'", "'cat b'"), "self-test failed: show matches", "x.yaml:5:"},
      {with("allow,", "permit,"), "decision must be", "x.yaml:4:"},
      {with("[env]", "[ssh]"), "the options of wrapper ssh", "x.yaml:2:"},
      {with("role: read", "role: write"), "the only role is read", "x.yaml:4:"},
      {with("[cat]", "[]"), "names no command", "x.yaml:4:"},
      {with("[cat]", "[/bin/cat]"), "base names", "x.yaml:4:"},
      {with("version: 1", "version: 2"), "version must be 1", "x.yaml:"},
      {with("ask\n", "allow\n"), "default must be", "x.yaml:6:"},
      {with("[env]", "&a [env]"), "", "x.yaml:2:"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto result = load_shell_rules(row.text, "x.yaml");
    REQUIRE_FALSE(result);
    CHECK(result.error().message.find(row.message) != std::string::npos);
    CHECK(result.error().where.starts_with(row.where));
  }
}

TEST_CASE("a later layer only tightens") {
  const auto base = load_shell_rules(kGood, "base.yaml");
  const auto deny = load_shell_rules(
      "version: 1\nrules:\n  - {id: no, argv0: [cat], decision: deny, tests: {match: ['cat a']}}\n",
      "b");
  REQUIRE(base);
  REQUIRE(deny);
  const auto both = remit::policy::tighten_shell_rules(*base, *deny);
  REQUIRE(both);
  const auto scope = remit::policy_test::workspace_scope();
  CHECK(remit::policy::assess("cat a", *base, scope).verdict == remit::policy::ShellVerdict::allow);
  CHECK(remit::policy::assess("cat a", *both, scope).verdict == remit::policy::ShellVerdict::deny);
  CHECK_FALSE(remit::policy::tighten_shell_rules(*base, *base));
}
