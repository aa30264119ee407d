// Seeded trees and questions for the differential test: everything a directory can hold that a
// search engine has ever got wrong, small enough to make hundreds.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/tools/fake_access.h"

namespace remit::test {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed), with_nul_(seed % 2 == 0) {}

  // Some files of the tree hold a NUL.
  bool with_nul() const { return with_nul_; }

  // ASCII word characters only, so that Unicode and ASCII classes mean the same.
  void tree(const Scratch& scratch);
  std::string pattern();
  std::string literal();
  std::string glob();
  std::string type();
  bool chance(unsigned one_in) { return random_() % one_in == 0; }
  unsigned below(unsigned most) { return static_cast<unsigned>(random_() % most); }

 private:
  template <class List>
  const auto& any(const List& list) {
    return list[random_() % std::size(list)];
  }
  void directory(const Scratch& scratch, const std::string& prefix, int depth);
  std::string text();
  std::string name();
  std::string ignore_file();

  std::mt19937 random_;
  bool with_nul_;
};

}  // namespace remit::test
