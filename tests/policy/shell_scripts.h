// Seeded generator of bash texts for the differential and property tests. Its commands are named
// c0 to c9 and exist only as stubs in a test's own directory; its alphabet has no `/`, no `~`, and
// no builtin that reaches beyond the shell itself.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace remit::policy_test {

class ScriptGenerator {
 public:
  explicit ScriptGenerator(std::uint64_t seed) : random_(seed) {}
  std::string script();   // well formed
  std::string mutated();  // the same with up to three bytes changed
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  std::string list(int depth);
  std::string command(int depth);
  std::string compound(int depth);
  std::string simple(int depth);
  std::string word(int depth);
  std::string name();

  std::mt19937_64 random_;
  std::string bodies_;  // here-documents of the current line
};

}  // namespace remit::policy_test
