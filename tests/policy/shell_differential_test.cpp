// Bash against the parser: no command may run that the parser did not see. A reduced count here;
// REMIT_SHELL_SCRIPTS=100000 runs as many as that.
#include <chrono>
#include <cstdlib>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "policy/shell_parser.h"
#include "tests/policy/shell_scripts.h"
#include "tests/policy/shell_stub.h"
#include "tests/policy/shell_tree.h"

namespace {

// The names that a text can run by its tree, or everything if the tree is not trusted.
struct Seen {
  std::set<std::string> names;
  bool everything = false;
};

Seen seen_by_parser(const std::string& text) {
  Seen seen;
  const remit::policy::ShellScript script = remit::policy::parse_shell(text);
  seen.everything = !script.unparsed.empty() || !script.refused.empty();
  for (const std::string& line : remit::policy_test::commands_of(script)) {
    const std::string name = line.substr(0, line.find(' '));
    // A command name of unknown value always asks a person.
    if (name.starts_with('?')) seen.everything = true;
    seen.names.insert(name);
  }
  return seen;
}

}  // namespace

TEST_CASE("bash runs no command that the parser does not see") {
  remit::policy_test::StubShell shell;
  if (!shell.usable()) {
    MESSAGE("skipped: no bash on this machine");
    return;
  }
  const char* wanted = std::getenv("REMIT_SHELL_SCRIPTS");
  const std::uint64_t count = wanted == nullptr ? 500 : std::strtoull(wanted, nullptr, 10);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const char* seed = std::getenv("REMIT_SHELL_SEED");
  remit::policy_test::ScriptGenerator generator(seed == nullptr ? 20
                                                                : std::strtoull(seed, nullptr, 10));
  std::uint64_t ran = 0;
  std::uint64_t trusted = 0;
  std::uint64_t executed = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (wanted == nullptr && std::chrono::steady_clock::now() > deadline) break;
    const std::string text = i % 2 == 0 ? generator.script() : generator.mutated();
    const Seen seen = seen_by_parser(text);
    ++ran;
    if (seen.everything) continue;
    ++trusted;
    for (const std::string& name : shell.run(text)) {
      ++executed;
      CAPTURE(text);
      CHECK_MESSAGE(seen.names.contains(name), "bash ran " << name);
    }
  }
  MESSAGE(ran << " scripts, " << trusted << " with a trusted tree, " << executed
              << " commands run");
  // The comparison means something only if most well-formed texts are understood and do run.
  CHECK(trusted * 3 > ran);
  CHECK(executed > trusted);
}
