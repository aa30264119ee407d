#include "policy/shell_assess.h"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "policy/shell_render.h"
#include "tests/policy/shell_fixture.h"
#include "tests/policy/shell_scripts.h"
#include "tests/policy/shell_table.h"

using remit::policy::Risk;
using remit::policy::ShellAssessment;
using remit::policy::ShellVerdict;
using remit::policy_test::has_reason;
using remit::policy_test::judged;
using remit::policy_test::shell_table;
using remit::policy_test::ShellRow;

namespace {

char letter(const ShellAssessment& assessment) {
  if (assessment.verdict == ShellVerdict::deny) return 'd';
  if (assessment.verdict == ShellVerdict::allow) return 'a';
  return assessment.risk == Risk::low ? 'l' : 'h';
}

// Allow before ask at low risk before ask at high risk before deny.
int strictness(const ShellAssessment& assessment) {
  return static_cast<int>(std::string("alhd").find(letter(assessment)));
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string explained(std::string_view command) {
  const auto scope = remit::policy_test::workspace_scope();
  const auto& rules = remit::policy_test::shipped_rules();
  return remit::policy::render_shell(command, remit::policy::judge_shell(command, rules, scope),
                                     rules);
}

}  // namespace

TEST_CASE("the decision table") {
  CHECK(shell_table().size() >= 200);
  for (const ShellRow& row : shell_table()) {
    const ShellAssessment assessment = judged(row.command);
    CAPTURE(row.command);
    CHECK_MESSAGE(letter(assessment) == row.verdict, explained(row.command));
    if (*row.reason != '\0')
      CHECK_MESSAGE(has_reason(assessment, row.reason), explained(row.command));
    CHECK_FALSE(assessment.findings.empty());
  }
}

TEST_CASE("a verdict is never weaker for being dressed up") {
  using Dress = std::function<std::string(const std::string&)>;
  const std::vector<Dress> dresses = {
      [](const std::string& c) { return "true; " + c; },
      [](const std::string& c) { return c + "\ntrue"; },
      [](const std::string& c) { return "  " + c + "  "; },
      [](const std::string& c) { return "( " + c + "\n)"; },
      [](const std::string& c) { return "{ " + c + "\n}"; },
      [](const std::string& c) { return "if true; then " + c + "\nfi"; },
      [](const std::string& c) { return "for i in 1; do " + c + "\ndone"; },
      [](const std::string& c) { return "echo $( " + c + "\n)"; },
      [](const std::string& c) { return "echo \"$( " + c + "\n)\""; },
      [](const std::string& c) { return "bash -c " + single_quoted(c); },
      [](const std::string& c) { return "sh -c " + single_quoted("eval " + single_quoted(c)); },
      [](const std::string& c) { return "eval " + single_quoted(c); },
      [](const std::string& c) { return "nice -n 3 bash -c " + single_quoted(c); },
      [](const std::string& c) { return "zz() { " + c + "\n}"; },
      [](const std::string& c) { return "cat <(" + c + "\n)"; },
      [](const std::string& c) { return "! true || { " + c + "\n}"; },
      [](const std::string& c) { return "cat <<ZZ\n$( " + c + "\n)\nZZ"; },
  };
  for (const ShellRow& row : shell_table()) {
    const std::string command = row.command;
    const int plain = strictness(judged(command));
    for (std::size_t i = 0; i < dresses.size(); ++i) {
      const std::string dressed = dresses[i](command);
      // What cannot be parsed asks; text cut short inside a wrapping has lost what it denied.
      const ShellAssessment found = judged(dressed);
      const int allowed = has_reason(found, "unparsed") ? 2 : plain;
      CAPTURE(dressed);
      CHECK_MESSAGE(strictness(found) >= allowed, explained(dressed));
    }
  }
}

TEST_CASE("a verdict is never weaker for other quotes around the command's name") {
  for (const ShellRow& row : shell_table()) {
    const std::string command = row.command;
    const std::size_t end = command.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
    if (end == 0 || end == std::string::npos || command[end] != ' ') continue;
    const std::string name = command.substr(0, end);
    const std::string rest = command.substr(end);
    if (name == "if" || name == "for" || name == "while" || name == "case" || name == "time" ||
        name == "function" || name == "coproc") {
      continue;  // quoted they are no reserved words
    }
    const int plain = strictness(judged(command));
    for (const std::string& quoted : {"'" + name + "'", "\"" + name + "\"", "\\" + name,
                                      name.substr(0, 1) + "''" + name.substr(1)}) {
      CAPTURE(quoted + rest);
      CHECK(strictness(judged(quoted + rest)) == plain);
    }
  }
}

TEST_CASE("a hint says what can be done instead") {
  const auto hint = [](const char* command) { return judged(command).findings.front().hint; };
  CHECK(hint("curl https://a.example/").starts_with("no tool of this version reaches the network"));
  CHECK(hint("dig x") == hint("curl https://a.example/"));
  CHECK(hint("psql").starts_with("no tool of this version reaches a database"));
  CHECK(hint("reboot") == "ask a person to do it");
  CHECK(judged("sudo id").findings.front().rule == "privilege");
  CHECK(judged("ls").findings.front().rule == "list");
}

TEST_CASE("beyond a bound a text is denied and never asked") {
  using namespace remit::limits;
  std::string many;
  for (std::size_t i = 0; i <= kSimpleCommands; ++i) many += "ls\n";
  for (const std::string& text :
       {many, std::string("ls\0x", 4), "ls " + std::string(kCommandBytes, 'x')}) {
    const ShellAssessment assessment = judged(text);
    CHECK(assessment.verdict == ShellVerdict::deny);
    CHECK(assessment.findings.front().reason == "too_large");
  }
  std::string deep = "ls";
  for (int i = 0; i < 8; ++i) deep = "eval " + single_quoted(deep);
  CHECK(judged(deep).verdict == ShellVerdict::allow);
  std::string wrapped;
  for (int i = 0; i <= kShellNesting; ++i) wrapped += "nice ";
  CHECK(judged(wrapped + "ls").verdict == ShellVerdict::deny);
}

TEST_CASE("a protected path that is named raises the risk") {
  auto scope = remit::policy_test::workspace_scope();
  auto rule = remit::policy::make_path_rule("**/.env*", {});
  REQUIRE(rule);
  const std::vector<remit::policy::PathRule> paths = {*rule};
  scope.protected_paths = &paths;
  const auto& rules = remit::policy_test::shipped_rules();
  for (const char* command : {"cat .env", "cat ./.env", "cat /srv/app/.ENV", "ls > .env.local",
                              "grep x sub/.env", "dd if=.env", "cd sub; cat .env"}) {
    CAPTURE(command);
    const ShellAssessment found = remit::policy::assess(command, rules, scope);
    CHECK(found.verdict == ShellVerdict::ask);
    CHECK(found.risk == Risk::high);
    CHECK(has_reason(found, "protected_path"));
  }
  CHECK(remit::policy::assess("cat env", rules, scope).verdict == ShellVerdict::allow);
}

TEST_CASE("what is shown is one line of ASCII per command") {
  CHECK(explained("wc -l *.log | sort") ==
        "$ wc -l *.log | sort\n"
        "ask   wc -l *.log\n"
        "      - glob_option: wc *.log\n"
        "allow sort [sort, " +
            std::string("default.yaml:") +
            std::to_string(remit::policy_test::shipped_rules().find("sort")->origin.line) +
            "]\n"
            "verdict: ask, high risk\n");
  remit::policy_test::ScriptGenerator generator(3);
  for (int i = 0; i < 500; ++i) {
    const std::string shown = explained(generator.mutated() + "\x1b\xe2\x80\xae");
    for (const char c : shown) REQUIRE((c == '\n' || (c >= 0x20 && c < 0x7F)));
  }
}
