// The recognisers behind base/redaction: one function per shape of secret, each a hand-written
// scanner, so that the cost over text without secrets is a table look-up per byte.
//
// scan() walks the text once. A 64-Kbit table of byte pairs says where a recogniser could have
// work; everything else is skipped. Every recogniser either consumes what it read (the walk resumes
// behind it) or reads a bounded window, so that the whole is linear in the text whatever it holds.
//
// Threads: pure functions over immutable tables.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace remit::redaction {

using Byte = unsigned char;

// Two neighbouring bytes as a table's index.
constexpr std::uint16_t pair_of(char first, char second) {
  return static_cast<std::uint16_t>(static_cast<Byte>(first) | (static_cast<Byte>(second) << 8));
}

enum class Kind {
  known_secret,
  jwt,
  bearer,
  basic,
  api_key,
  private_key,
  password,
  dsn,
  cookie,
  pan,
  email,
  iban
};
const char* to_string(Kind kind);

// True if a raw hash of a text with such a secret would be a guessing oracle.
bool low_entropy(Kind kind);
bool low_entropy(std::string_view kind);  // by its name in Redacted::counts

struct Span {
  Kind kind;
  std::size_t begin, end;
};

// The values that an operator's secret files hold, in every form they are looked for.
class KnownSecrets {
 public:
  // Adds the value itself, its base64 (alone, and inside a longer base64 text at each of the three
  // alignments), percent-encoded and JSON-escaped forms.
  void add(std::string_view value);
  bool empty() const { return forms_.empty(); }
  // Length of the longest form that stands at text[at], 0 if none.
  std::size_t match(std::string_view text, std::size_t at) const;
  bool starts(std::uint16_t pair) const { return first_pair_[pair]; }

 private:
  std::vector<std::string> forms_;  // sorted
  std::bitset<65536> first_pair_;
};

// Calls `found` for each secret in ascending order; spans do not overlap.
void scan(std::string_view text, const KnownSecrets& known, const std::function<void(Span)>& found);

// The bytes whose HMAC names a secret: emails case-folded, card numbers and IBANs without
// separators.
std::string normalised(Kind kind, std::string_view value);

}  // namespace remit::redaction
