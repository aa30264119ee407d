// Secrets that have a shape of their own: tokens, key blocks, card and account numbers.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/redaction_scanner.h"

namespace remit::redaction {
namespace {

struct Prefix {
  std::string_view text;
  std::size_t shortest;  // bytes behind the prefix
  unsigned body;         // class of those bytes
  bool needs_digit;      // "sk-" and the like also begin ordinary words
};
constexpr std::array<Prefix, 18> kPrefixes{{
    {"AKIA", 16, kDigit | kUpper, false},
    {"ASIA", 16, kDigit | kUpper, false},
    {"ghp_", 20, kWord, false},
    {"gho_", 20, kWord, false},
    {"ghu_", 20, kWord, false},
    {"ghs_", 20, kWord, false},
    {"ghr_", 20, kWord, false},
    {"github_pat_", 20, kWord, false},
    {"glpat-", 16, kBase64Url, false},
    {"xox", 10, kBase64Url, true},
    {"sk_live_", 10, kWord, false},
    {"sk_test_", 10, kWord, false},
    {"rk_live_", 10, kWord, false},
    {"sk-", 20, kBase64Url, true},
    {"AIza", 35, kBase64Url, false},
    {"whsec_", 16, kWord, false},
    {"npm_", 30, kWord, false},
    {"rk_test_", 10, kWord, false},
}};

bool luhn(const char* digits, std::size_t count) {
  int sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    int d = digits[count - 1 - i] - '0';
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

// Issuer ranges of the card networks that are longer than a coincidence (ISO/IEC 7812).
bool issuer(const char* d, std::size_t count) {
  const auto number = [&](std::size_t n) {
    int v = 0;
    for (std::size_t i = 0; i < n; ++i) v = v * 10 + (d[i] - '0');
    return v;
  };
  const int two = number(2), three = number(3), four = number(4);
  if (d[0] == '4') return count == 13 || count == 16 || count == 19;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return count == 16;
  if (two == 34 || two == 37) return count == 15;
  if (two == 36 || two == 38 || (three >= 300 && three <= 305)) return count >= 14 && count <= 19;
  if (four >= 3528 && four <= 3589) return count >= 16;
  if (four == 6011 || two == 65 || (three >= 644 && three <= 649) || two == 62) return count >= 16;
  return (two == 50 || (two >= 56 && two <= 58) || two == 60 || two == 63 || two == 67) &&
         count >= 13;
}

}  // namespace

std::size_t Scanner::base64_end(std::size_t i) {
  if (i < run_end_ && i >= run_begin_) return run_end_;
  run_begin_ = i;
  return run_end_ = run_of(i, kBase64Url);
}

std::size_t Scanner::jwt_end(std::size_t begin) {
  if (!starts(begin, "eyJ")) return 0;
  std::size_t e = base64_end(begin);
  const std::size_t header = e - begin;
  if (header < 8 || at(e) != '.') return 0;
  const std::size_t payload = e + 1;
  e = run_of(payload, kBase64Url);
  if (at(e) != '.') return header >= 16 && e - payload >= 16 ? e : 0;
  if (e == payload) {  // direct encryption: JWE with an empty key part
    const std::size_t iv = run_of(e + 1, kBase64Url);
    if (iv == e + 1 || at(iv) != '.') return 0;
  }
  for (int part = 2; part < 5 && at(e) == '.'; ++part) {
    const std::size_t next = run_of(e + 1, kBase64Url);
    if (part > 2 && next == e + 1) break;
    e = next;
  }
  return e;
}

bool Scanner::jwt(std::size_t i) {
  if (i == 0 || t_[i - 1] != 'e') return false;
  const std::size_t e = jwt_end(i - 1);
  if (e == 0) return false;
  emit(Kind::jwt, i - 1, e);
  return true;
}

std::size_t Scanner::api_key_end(std::size_t begin) const {
  for (const Prefix& p : kPrefixes) {
    if (at(begin) != p.text[0] || !starts(begin, p.text)) continue;
    std::size_t e = begin + p.text.size();
    bool digit = false;
    const std::size_t window = std::min(t_.size(), e + 512);
    while (e < window && (is(t_[e], p.body) || (p.text[0] == 'w' && std::strchr("+/=", t_[e])))) {
      digit = digit || is(t_[e], kDigit);
      ++e;
    }
    if (p.text == "xox" && (begin + 4 >= t_.size() || t_[begin + 4] != '-')) continue;
    if (e - begin - p.text.size() >= p.shortest && (digit || !p.needs_digit)) return e;
  }
  return 0;
}

void Scanner::api_key(std::size_t i) {
  // The pair lies inside the prefix; where, depends on which.
  for (const std::size_t back :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{5}}) {
    if (i < back) break;
    const std::size_t begin = i - back;
    if (begin > 0 && alnum(t_[begin - 1])) continue;
    if (const std::size_t e = api_key_end(begin)) return emit(Kind::api_key, begin, e);
  }
}

void Scanner::pem(std::size_t i) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ";
  if (i < 4 || !starts(i - 4, kBegin)) return;
  const std::string_view label = t_.substr(i - 4, 80);
  const std::size_t key = label.find("PRIVATE KEY");
  if (key == std::string_view::npos ||
      label.substr(kBegin.size(), key - kBegin.size()).find('-') != std::string_view::npos)
    return;
  std::size_t e = t_.find(kEnd, i);
  // No END: everything that follows may be the key.
  if (e == std::string_view::npos) return emit(Kind::private_key, i - 4, t_.size());
  e = t_.find("-----", e + kEnd.size());
  emit(Kind::private_key, i - 4, e == std::string_view::npos ? t_.size() : e + 5);
}

void Scanner::card(std::size_t begin) {
  if (begin > 0) {
    const char before = t_[begin - 1];
    if (is(before, kWord) || before == '.') return;
    if (before == '-' && begin > 1 && is(t_[begin - 2], kWord)) return;
  }
  std::array<char, 20> digits{};
  std::size_t count = 0, e = begin, group = 0;
  char separator = '\0';
  while (e < t_.size()) {
    if (is(t_[e], kDigit)) {
      if (count == 19) return;
      digits[count++] = t_[e++];
      ++group;
      continue;
    }
    const bool joins = (t_[e] == ' ' || t_[e] == '-') && is(at(e + 1), kDigit) && group >= 4 &&
                       group <= 7 && (separator == '\0' || separator == t_[e]);
    if (!joins) break;
    if (count >= 13 && separator == '\0') break;  // a whole number, then another one
    separator = t_[e++];
    group = 0;
  }
  if (count < 13 || is(at(e), kWord) || (at(e) == '.' && is(at(e + 1), kDigit))) return;
  if (at(e) == '-' && is(at(e + 1), kWord)) return;
  if (issuer(digits.data(), count) && luhn(digits.data(), count)) emit(Kind::pan, begin, e);
}

void Scanner::iban(std::size_t i) {
  if (i == 0 || !is(t_[i - 1], kUpper) || !is(at(i + 2), kDigit)) return;
  const std::size_t begin = i - 1;
  if (begin > 0 && is(t_[begin - 1], kWord)) return;
  std::string digits;
  std::size_t e = begin, best = 0, count = 0;
  const auto valid = [&] {
    // mod 97 over country and check digits moved to the end, letters as 10..35 (ISO 13616).
    int rest = 0;
    for (std::size_t k = 0; k < digits.size(); ++k) {
      const char c = digits[(k + 4) % digits.size()];
      rest = is(c, kDigit) ? (rest * 10 + (c - '0')) % 97 : (rest * 100 + (c - 'A' + 10)) % 97;
    }
    return rest == 1;
  };
  while (e < t_.size() && count < 34) {
    if (is(t_[e], kDigit | kUpper)) {
      digits.push_back(t_[e++]);
      ++count;
      if (count >= 15 && !is(at(e), kWord) && valid()) best = e;
    } else if (t_[e] == ' ' && count % 4 == 0 && count > 0 && is(at(e + 1), kDigit | kUpper)) {
      ++e;
    } else {
      break;
    }
  }
  if (best != 0) emit(Kind::iban, begin, best);
}

}  // namespace remit::redaction
