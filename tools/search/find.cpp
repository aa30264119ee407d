#include "tools/search/find.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace remit::search {

namespace {

char fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

// How common a byte is in source and logs, 0 = rare. Rough on purpose: only the order matters.
int commonness(char c) {
  static constexpr std::string_view kCommon = " etaoinsrlcdhu_mpfg\t-;.,b\n0()=/*yv1w\"2xk>3";
  const std::size_t at = kCommon.find(fold(c));
  const int rank = at == std::string_view::npos ? 0 : static_cast<int>(kCommon.size() - at) * 2;
  return c >= 'A' && c <= 'Z' ? rank / 2 : rank;
}

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace

Finder::Finder(std::vector<std::string> literals, bool folded)
    : literals_(std::move(literals)), folded_(folded), avx2_(has_avx2()) {
  for (const std::string& literal : literals_) {
    first_[static_cast<unsigned char>(literal[0])] = true;
    if (folded_ && is_letter(literal[0]))
      first_[static_cast<unsigned char>(literal[0] - 32)] = true;
  }
  if (literals_.size() == 1) {
    const std::string& text = literals_[0];
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (commonness(text[i]) < commonness(text[rare_a_])) rare_a_ = i;
    }
    rare_b_ = rare_a_ == 0 && text.size() > 1 ? 1 : 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i != rare_a_ && commonness(text[i]) < commonness(text[rare_b_])) rare_b_ = i;
    }
    return;
  }
  std::size_t shortest = literals_[0].size();
  for (const std::string& text : literals_) shortest = std::min(shortest, text.size());
  width_ = std::min<std::size_t>(shortest, 3);
  for (std::size_t l = 0; l < literals_.size(); ++l) {
    const std::string& text = literals_[l];
    std::size_t best = 0;
    int best_cost = 1 << 30;
    for (std::size_t at = 0; at + width_ <= text.size(); ++at) {
      int cost = 0;
      for (std::size_t k = 0; k < width_; ++k) cost += commonness(text[at + k]);
      if (cost < best_cost) best = at, best_cost = cost;
    }
    window_.push_back(best);
    longest_offset_ = std::max(longest_offset_, best);
    const std::size_t bucket = l % buckets_.size();
    buckets_[bucket].push_back(l);
    const auto bit = static_cast<std::uint8_t>(1u << bucket);
    for (std::size_t k = 0; k < width_; ++k) {
      auto note = [&](char c) {
        const auto byte = static_cast<unsigned char>(c);
        low_[k][byte & 15u] = static_cast<std::uint8_t>(low_[k][byte & 15u] | bit);
        high_[k][byte >> 4] = static_cast<std::uint8_t>(high_[k][byte >> 4] | bit);
      };
      note(text[best + k]);
      if (folded_ && is_letter(text[best + k])) note(static_cast<char>(text[best + k] - 32));
    }
  }
}

bool Finder::equals_at(std::string_view text, std::size_t at, const std::string& literal) const {
  if (at > text.size() || text.size() - at < literal.size()) return false;
  if (!folded_) return std::memcmp(text.data() + at, literal.data(), literal.size()) == 0;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (fold(text[at + i]) != literal[i]) return false;
  }
  return true;
}

std::size_t Finder::find_plain(std::string_view text, std::size_t from) const {
  if (literals_.size() == 1 && !folded_) return text.find(literals_[0], from);
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!first_[static_cast<unsigned char>(text[at])]) continue;
    for (const std::string& literal : literals_) {
      if (equals_at(text, at, literal)) return at;
    }
  }
  return npos;
}

std::size_t Finder::find(std::string_view text, std::size_t from) const {
  if (from >= text.size()) return npos;
#if defined(__x86_64__)
  if (avx2_) return literals_.size() == 1 ? find_one_avx2(text, from) : find_many_avx2(text, from);
#endif
  return find_plain(text, from);
}

#if defined(__x86_64__)

namespace {
__attribute__((target("avx2"))) inline __m256i load(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
}  // namespace

__attribute__((target("avx2"))) std::size_t Finder::find_one_avx2(std::string_view text,
                                                                  std::size_t from) const {
  const std::string& literal = literals_[0];
  if (text.size() < literal.size()) return npos;
  const std::size_t last = text.size() - literal.size();  // last possible start
  const char a = literal[rare_a_], b = literal[rare_b_];
  const __m256i want_a = _mm256_set1_epi8(a), want_b = _mm256_set1_epi8(b);
  // Setting bit 5 maps upper to lower case; what else it maps is caught by the comparison.
  const __m256i case_a = _mm256_set1_epi8(folded_ && is_letter(a) ? 0x20 : 0);
  const __m256i case_b = _mm256_set1_epi8(folded_ && is_letter(b) ? 0x20 : 0);
  const std::size_t reach = std::max(rare_a_, rare_b_) + 32;
  std::size_t at = from;
  for (; at <= last && text.size() - at >= reach; at += 32) {
    const __m256i seen_a = _mm256_or_si256(load(text.data() + at + rare_a_), case_a);
    const __m256i seen_b = _mm256_or_si256(load(text.data() + at + rare_b_), case_b);
    auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(
        _mm256_and_si256(_mm256_cmpeq_epi8(seen_a, want_a), _mm256_cmpeq_epi8(seen_b, want_b))));
    while (mask != 0) {
      const std::size_t start = at + static_cast<std::size_t>(std::countr_zero(mask));
      if (equals_at(text, start, literal)) return start;
      mask &= mask - 1;
    }
  }
  return at <= last ? find_plain(text, at) : npos;
}

// Finds the leftmost start up to the order in which windows lie: a literal with a late window may
// be seen after one with an early window that starts further right, so the best start of a block
// and of the bytes after it that could still hold an earlier start is taken. Callers only need *a*
// match in the first line that has one; the leftmost start is what this returns all the same.
__attribute__((target("avx2"))) std::size_t Finder::find_many_avx2(std::string_view text,
                                                                   std::size_t from) const {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i low[3], high[3];  // plain arrays: std::array drops the type's alignment attribute
  for (std::size_t k = 0; k < width_; ++k) {
    low[k] = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(low_[k].data())));
    high[k] = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(high_[k].data())));
  }
  std::size_t best = npos;
  std::size_t at = from;
  for (; text.size() - at >= 32 + width_; at += 32) {
    // No later window can belong to a start before the best one.
    if (best != npos && at > best + longest_offset_) return best;
    __m256i hits = _mm256_set1_epi8(-1);
    for (std::size_t k = 0; k < width_; ++k) {
      const __m256i bytes = load(text.data() + at + k);
      const __m256i by_low = _mm256_shuffle_epi8(low[k], _mm256_and_si256(bytes, nibble));
      const __m256i by_high =
          _mm256_shuffle_epi8(high[k], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
      hits = _mm256_and_si256(hits, _mm256_and_si256(by_low, by_high));
    }
    auto mask = ~static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(hits, _mm256_setzero_si256())));
    if (mask == 0) continue;
    alignas(32) std::array<std::uint8_t, 32> which{};
    _mm256_store_si256(reinterpret_cast<__m256i*>(which.data()), hits);
    while (mask != 0) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
      mask &= mask - 1;
      for (unsigned bits = which[lane]; bits != 0; bits &= bits - 1) {
        for (const std::size_t l : buckets_[static_cast<std::size_t>(std::countr_zero(bits))]) {
          if (at + lane < from + window_[l]) continue;
          const std::size_t start = at + lane - window_[l];
          if (start < best && equals_at(text, start, literals_[l])) best = start;
        }
      }
    }
  }
  // The rest, from the first start whose window was not yet seen.
  if (best != npos && at > best + longest_offset_) return best;
  const std::size_t rest = at > longest_offset_ + from ? at - longest_offset_ : from;
  return std::min(best, find_plain(text, rest));
}

#endif

}  // namespace remit::search
