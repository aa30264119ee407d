// Finder: the next place in a buffer where one of a few literals stands. AVX2 where the processor
// has it (chosen at run time), plain code elsewhere with the same results.
//
// One literal: its two rarest bytes are compared 32 places at a time. Several: a nibble-shuffle
// filter over three bytes of each (the "Teddy" idea of Hyperscan, reimplemented), then compared.
// Folded literals match ASCII letters of either case.
//
// Threads: immutable, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remit::search {

class Finder {
 public:
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  // `literals`: not empty, none of them empty; lower case if `folded`.
  Finder(std::vector<std::string> literals, bool folded);

  // Start of the first occurrence of any literal that begins at `from` or later.
  std::size_t find(std::string_view text, std::size_t from) const;
  // The same without vector instructions (tests compare the two).
  std::size_t find_plain(std::string_view text, std::size_t from) const;

 private:
  struct Window {  // which bytes of a literal are looked for
    std::size_t offset = 0;
  };
  bool equals_at(std::string_view text, std::size_t at, const std::string& literal) const;
  std::size_t find_one_avx2(std::string_view text, std::size_t from) const;
  std::size_t find_many_avx2(std::string_view text, std::size_t from) const;

  std::vector<std::string> literals_;
  bool folded_;
  bool avx2_;
  // one literal
  std::size_t rare_a_ = 0, rare_b_ = 0;
  // several literals: 8 buckets, a bit each
  std::size_t width_ = 0;  // bytes of the window, 1 to 3
  std::size_t longest_offset_ = 0;
  std::vector<std::size_t> window_;  // offset of each literal's window
  std::array<std::vector<std::size_t>, 8> buckets_;
  std::array<std::array<std::uint8_t, 16>, 3> low_{}, high_{};
  std::array<bool, 256> first_{};  // plain: bytes a literal may begin with
};

}  // namespace remit::search
