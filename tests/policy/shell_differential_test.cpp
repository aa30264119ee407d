// The parser and the policy against bash itself and against shfmt, on generated texts. Never a
// command that they see and we do not:
//   * a command that bash runs is one that the policy judges (a rule that denies it denies the
//   text),
//     or the text asks because it is not understood;
//   * a command word in shfmt's tree stands in ours, or ours says that it is not complete.
// A few thousand texts here, 100,000 with REMIT_FULL; REMIT_SHELL_SCRIPTS and REMIT_SHELL_SEED
// choose.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/text.h"
#include "tests/policy/shell_fixture.h"
#include "tests/policy/shell_scripts.h"
#include "tests/policy/shell_stub.h"
#include "tests/policy/shell_tree.h"
#include "tests/policy/shfmt.h"

using remit::policy::ShellAssessment;
using remit::policy::ShellRules;
using remit::policy::ShellVerdict;

namespace {

constexpr std::uint64_t kScripts = 4'000;
constexpr std::uint64_t kScriptsFull = 100'000;
constexpr std::chrono::seconds kPatience{12};  // then a busy machine has done enough

std::uint64_t chosen(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The shipped rules and one that allows the stubs, so that what the text asks for is never a stub's
// own fault; `denied`: one more that denies this stub.
ShellRules rules_of_stubs(const std::string& denied) {
  std::string text = remit::policy_test::shipped_rules_text();
  std::string more =
      "  - {id: stubs, argv0: [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9], operands: [text],\n"
      "     flags: {allow: [\"-w\"]}, decision: allow, tests: {match: [\"c0 w\"], not_match: "
      "[\"d0\"]}}\n";
  if (!denied.empty()) {
    more += "  - {id: denied, argv0: [" + denied + "], decision: deny, reason: \"named\",\n" +
            "     tests: {match: [\"" + denied + " w\"], not_match: [\"d0\"]}}\n";
  }
  text.insert(text.find("\ndefault: ask") + 1, more);
  auto rules = remit::policy::load_shell_rules(text, "stubs.yaml");
  REQUIRE_MESSAGE(rules.has_value(), rules.error().where << ": " << rules.error().message);
  return *rules;
}

class Judge {
 public:
  Judge() : all_(rules_of_stubs({})), scope_(remit::policy_test::workspace_scope()) {
    for (const char digit : std::string_view("0123456789")) {
      const std::string name = {'c', digit};
      denying_.emplace(name, rules_of_stubs(name));
    }
  }
  ShellAssessment of(const std::string& text) const { return assess(text, all_, scope_); }
  // The judgement reaches the command: to deny it is to deny the text.
  bool sees(const std::string& text, const std::string& name) const {
    return assess(text, denying_.at(name), scope_).verdict == ShellVerdict::deny;
  }

 private:
  ShellRules all_;
  std::map<std::string, ShellRules> denying_;
  remit::policy::ShellScope scope_;
};

// Reasons that say: what runs here is not known.
bool not_understood(const ShellAssessment& assessment) {
  static const std::set<std::string_view> reasons = {
      "too_large",   "unparsed",          "dynamic_command", "dynamic_arithmetic", "interpreter",
      "shell_state", "unsafe_assignment", "wrapper_options", "unknown_command"};
  return std::any_of(assessment.findings.begin(), assessment.findings.end(),
                     [](const auto& finding) { return reasons.contains(finding.reason); });
}

// Quotes and backslashes differ where one tree holds the text inside backticks unescaped.
std::string bare(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (std::string_view("\\'\"\n").find(c) == std::string_view::npos) out += c;
  }
  return out;
}

void first_words(const remit::policy::ShellNode& node, std::multiset<std::string>& out) {
  using remit::policy::ShellKind;
  if (node.kind == ShellKind::simple && !node.words.empty()) out.insert(bare(node.words[0].raw));
  const auto inside = [&out](const remit::policy::ShellWord& word) {
    for (const auto& inner : word.commands) first_words(inner, out);
  };
  for (const auto& assignment : node.assignments) inside(assignment.value);
  for (const auto& word : node.words) inside(word);
  for (const auto& redirection : node.redirections) {
    inside(redirection.target);
    if (redirection.body) inside(*redirection.body);
  }
  for (const auto& child : node.children) first_words(child, out);
}

// Where shfmt 3.6 errs: a carriage return is a blank to it, a comment that ends in a backslash goes
// on in the next line, and a # within a word begins a comment if a quote or an expansion stands
// before it. To bash the first and the last are letters, and a comment ends with its line. A word
// that ends in backticks within backticks it cuts short, and {f}=x is an assignment to it.
bool reads_otherwise(std::string_view text) {
  for (const std::string_view odd : {"\r", "\\`", "}="}) {
    if (text.find(odd) != std::string_view::npos) return true;
  }
  for (const std::string_view line : remit::split(text, '\n')) {
    const std::size_t mark = line.find('#');
    if (line.ends_with('\\') && mark != std::string_view::npos) return true;
    for (std::size_t at = mark; at != std::string_view::npos; at = line.find('#', at + 1)) {
      const std::size_t blank = line.substr(0, at).find_last_of(" \t;&|(<>");
      const std::size_t word = blank == std::string_view::npos ? 0 : blank + 1;
      if (line.substr(word, at - word).find_first_of("'\"`$)}") != std::string_view::npos)
        return true;
    }
  }
  return false;
}

struct Texts {
  remit::policy_test::ScriptGenerator generator{chosen("REMIT_SHELL_SEED", 20)};
  std::uint64_t wanted =
      chosen("REMIT_SHELL_SCRIPTS", std::getenv("REMIT_FULL") != nullptr ? kScriptsFull : kScripts);
  bool whole =
      std::getenv("REMIT_FULL") != nullptr || std::getenv("REMIT_SHELL_SCRIPTS") != nullptr;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + kPatience;
  std::uint64_t made = 0;

  bool more() const {
    return made < wanted && (whole || std::chrono::steady_clock::now() < deadline);
  }
  std::string next() { return made++ % 3 == 2 ? generator.mutated() : generator.script(); }
};

}  // namespace

TEST_CASE("bash runs no command that the policy does not see") {
  remit::policy_test::StubShell shell(REMIT_STUB_PROGRAM);
  if (!shell.usable()) {
    MESSAGE("skipped: no bash on this machine");
    return;
  }
  const Judge judge;
  Texts texts;
  std::uint64_t allowed = 0, executed = 0, seen = 0;
  while (texts.more()) {
    const std::string text = texts.next();
    const ShellAssessment assessment = judge.of(text);
    allowed += assessment.verdict == ShellVerdict::allow ? 1 : 0;
    for (const std::string& name : shell.run(text)) {
      ++executed;
      if (judge.sees(text, name)) {
        ++seen;
        continue;
      }
      CAPTURE(text);
      CHECK_MESSAGE(not_understood(assessment), "bash ran " << name);
    }
  }
  MESSAGE(texts.made << " texts, " << allowed << " allowed; bash ran " << executed << " commands, "
                     << seen << " of them seen");
  // It means something only if texts run, most of what runs is seen, and some texts are allowed.
  CHECK(executed * 2 > texts.made);
  CHECK(seen * 2 > executed);
  CHECK(allowed * 20 > texts.made);
}

TEST_CASE("shfmt sees no command word that the tree does not hold") {
  if (!remit::policy_test::Shfmt::usable()) {
    MESSAGE("skipped: no shfmt on this machine");
    return;
  }
  const remit::policy_test::StubShell folder(REMIT_STUB_PROGRAM);
  const remit::policy_test::Shfmt shfmt(folder.directory());
  Texts texts;
  std::uint64_t taken = 0, complete = 0, words = 0;
  while (texts.more()) {
    const std::string text = texts.next();
    if (reads_otherwise(text)) continue;
    const auto theirs = shfmt.command_words(text);
    if (!theirs) continue;
    ++taken;
    const remit::policy::ShellScript script = remit::policy::parse_shell(text);
    if (!script.unparsed.empty() || !script.refused.empty()) continue;
    ++complete;
    std::multiset<std::string> ours;
    first_words(script.root, ours);
    for (const std::string& word : *theirs) {
      ++words;
      const auto found = ours.find(bare(word));
      CAPTURE(text);
      CHECK_MESSAGE(found != ours.end(), "shfmt sees " << word);
      if (found != ours.end()) ours.erase(found);
    }
  }
  MESSAGE(texts.made << " texts, " << taken << " bash to shfmt, " << complete
                     << " of them with a complete tree; " << words << " command words");
  CHECK(taken * 3 > texts.made);
  CHECK(complete * 3 > taken);
  CHECK(words > complete);
}
