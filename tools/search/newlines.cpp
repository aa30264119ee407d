#include "tools/search/newlines.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace remit::search {

// Eight bytes at a time: g++ 12 leaves std::count a loop over bytes at -O2, and numbering the lines
// of a large log then costs more than finding the match.
std::uint64_t count_newlines_plain(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101, kLow = 0x7f7f7f7f7f7f7f7f;
  constexpr std::size_t kWord = sizeof(std::uint64_t), kBatch = 255;  // a byte counts to 255
  std::uint64_t total = 0;
  std::size_t at = 0;
  while (text.size() - at >= kWord) {
    const std::size_t words = std::min((text.size() - at) / kWord, kBatch);
    std::uint64_t counts = 0;  // one counter in each byte
    for (std::size_t i = 0; i < words; ++i, at += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, kWord);
      word ^= kEach * std::uint64_t{'\n'};  // a newline becomes a zero byte
      counts += (~(((word & kLow) + kLow) | word) >> 7) & kEach;
    }
    // Pairs of bytes first: eight counters of up to 255 do not fit one byte.
    constexpr std::uint64_t kPairs = 0x00ff00ff00ff00ff;
    total += (((counts & kPairs) + ((counts >> 8) & kPairs)) * 0x0001000100010001) >> 48;
  }
  for (; at < text.size(); ++at) total += text[at] == '\n' ? 1u : 0u;
  return total;
}

#if defined(__x86_64__)
namespace {

__attribute__((target("avx2"))) std::uint64_t count_newlines_avx2(std::string_view text) {
  constexpr std::size_t kVector = 32, kBatch = 255;  // a byte counts to 255
  const __m256i newline = _mm256_set1_epi8('\n');
  __m256i total = _mm256_setzero_si256();
  std::size_t at = 0;
  while (text.size() - at >= kVector) {
    const std::size_t vectors = std::min((text.size() - at) / kVector, kBatch);
    __m256i counts = _mm256_setzero_si256();  // one counter in each byte; a hit is -1
    for (std::size_t i = 0; i < vectors; ++i, at += kVector) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
      counts = _mm256_sub_epi8(counts, _mm256_cmpeq_epi8(bytes, newline));
    }
    total = _mm256_add_epi64(total, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
  }
  std::array<std::uint64_t, 4> sums{};
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums.data()), total);
  return sums[0] + sums[1] + sums[2] + sums[3] + count_newlines_plain(text.substr(at));
}

}  // namespace
#endif

std::uint64_t count_newlines(std::string_view text) {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return count_newlines_avx2(text);
#endif
  return count_newlines_plain(text);
}

}  // namespace remit::search
