// Seeded, grammar-driven generator of bash texts for the differential and property tests. The
// grammar is the tables of shell_scripts.cpp: most of what bash has, and the ways in which a word
// can come to be a command (wrappers, `bash -c`, eval, trap, aliases, arithmetic that evaluates
// subscripts). Its commands are named c0 to c9 and exist only as stubs in a test's own directory;
// its alphabet has no `/`, no `~` that leads anywhere, and no builtin that reaches beyond the shell
// and its folder.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace remit::policy_test {

class ScriptGenerator {
 public:
  explicit ScriptGenerator(std::uint64_t seed);
  std::string script();   // well formed, bar what bash itself finds ambiguous
  std::string mutated();  // the same with up to three places changed
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  using Templates = std::vector<std::string_view>;

  std::string_view pick(const Templates& templates);
  // The template with its placeholders replaced; `depth` bounds how deep they nest.
  std::string expand(std::string_view text, int depth);
  std::string placeholder(char kind, int depth);
  std::string list(int depth);
  std::string command(int depth);
  std::string word(int depth);
  std::string here_document();

  std::mt19937_64 random_;
  Templates names_, odd_names_, plain_words_, words_, simples_, wrapped_, evaluated_, compounds_,
      joins_;
  std::string bodies_;  // of here-documents announced on the current line
};

}  // namespace remit::policy_test
