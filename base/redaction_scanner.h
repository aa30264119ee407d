// The scanner behind base/redaction_rules.h: one walk with a cursor, and the recognisers as its
// members. Private to base/; the .cpp files are one per family of shapes:
//   redaction_rules.cpp   the walk: where a recogniser may start, and which
//   redaction_tokens.cpp  what has a shape of its own: JWT, API keys, key blocks, cards, IBANs
//   redaction_values.cpp  what stands behind a name: addresses, keys, headers, cookies, options
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/redaction_rules.h"

namespace remit::redaction {

enum Class : std::uint8_t {
  kDigit = 1,
  kUpper = 2,
  kLower = 4,
  kWord = 8 /* alnum or _ */,
  kBase64Url = 16,
  kSpace = 32,
  kLocal = 64 /* of an email address */,
  kLineEnd = 128,
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> t{};
  for (unsigned c = 0; c < 256; ++c) {
    unsigned v = 0;
    const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z',
               lower = c >= 'a' && c <= 'z';
    if (digit) v |= kDigit;
    if (upper) v |= kUpper;
    if (lower) v |= kLower;
    if (digit || upper || lower || c == '_') v |= kWord;
    if (digit || upper || lower || c == '_' || c == '-') v |= kBase64Url;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') v |= kSpace;
    if (digit || upper || lower || c == '.' || c == '_' || c == '%' || c == '+' || c == '-' ||
        c >= 0x80)
      v |= kLocal;
    if (c == '\n' || c == '\r') v |= kLineEnd;
    t[c] = static_cast<std::uint8_t>(v);
  }
  return t;
}
constexpr auto kClasses = make_classes();

constexpr bool is(char c, unsigned mask) {
  return (kClasses[static_cast<Byte>(c)] & mask) != 0;
}
constexpr bool alnum(char c) {
  return is(c, kDigit | kUpper | kLower);
}
constexpr bool quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}
constexpr char fold(char c) {
  return is(c, kUpper) ? static_cast<char>(c | 0x20) : c;
}

class Scanner {
 public:
  Scanner(std::string_view text, const std::function<void(Span)>& found)
      : t_(text), found_(found) {}

  void run();

 private:
  // Where a value stands and how it is closed.
  struct Value {
    std::size_t begin = 0, end = 0;
    bool quoted = false;
  };

  void emit(Kind kind, std::size_t begin, std::size_t end) {
    if (begin < floor_ || end <= begin) return;
    found_({kind, begin, end});
    floor_ = end;
  }
  // Behind `end` the walk goes on; nothing before it is looked at again.
  void resume(std::size_t end) { floor_ = std::max(floor_, end); }
  char at(std::size_t i) const { return i < t_.size() ? t_[i] : '\0'; }
  bool starts(std::size_t i, std::string_view word) const {
    return t_.substr(std::min(i, t_.size()), word.size()) == word;
  }
  std::size_t run_of(std::size_t i, unsigned mask) const {
    while (i < t_.size() && is(t_[i], mask)) ++i;
    return i;
  }
  // Remembered, so that many headers in one long line do not read it to its end each.
  std::size_t line_end(std::size_t i) const {
    if (i < line_from_ || i > line_to_) {
      const std::size_t e = t_.find('\n', i);
      line_from_ = i;
      line_to_ = e == std::string_view::npos ? t_.size() : e;
    }
    return line_to_;
  }

  void dispatch(std::size_t i);
  // [redacted:<kind>:<12 hex>] stays what it is, so that redaction may run more than once.
  std::size_t own_token_end(std::size_t i) const;
  void own_token(std::size_t i);

  // End of the base64url run at `i`; remembered, so that nested "eyJ" do not read it again.
  std::size_t base64_end(std::size_t i);
  // Three base64url parts (the last may be empty), five of a JWE, or two of which the second was
  // cut.
  std::size_t jwt_end(std::size_t begin);
  bool jwt(std::size_t i);
  // End of an API key that begins at `begin`, or 0.
  std::size_t api_key_end(std::size_t begin) const;
  void api_key(std::size_t i);
  void pem(std::size_t i);
  void card(std::size_t begin);
  void iban(std::size_t i);

  void email(std::size_t sign);
  // user:password@ in the authority of a URL; `i` is the ':' of "://".
  void url(std::size_t i);
  // Reads backslashes and a quote at `i`; false if there is no quote.
  bool open_quote(std::size_t& i, std::size_t& slashes, char& mark) const;
  // The value at `i`. A quoted one ends at the quote with the same depth of escaping (JSON inside
  // JSON); an unquoted one at white space or at a separator behind which something new begins.
  Value value_at(std::size_t i) const;
  bool new_field(std::size_t i) const;
  bool closes(std::size_t i) const;
  // The key that ends at `operator_at` ('=' or ':'), without quotes; empty if none.
  std::string_view key_before(std::size_t operator_at) const;
  static bool secret_key(std::string_view key);
  void key_value(std::size_t op);
  // Emits the value at `i` of a key that names a secret.
  void secret_value(std::size_t i);
  static bool not_a_value(std::string_view value, bool quoted);
  // The value of an Authorization header: the scheme stays.
  void authorization(std::size_t i);
  // "Bearer <token>" without its header name.
  void bare_bearer(std::size_t i);
  // Values of name=value pairs; of Set-Cookie only the first pair is one, the rest are attributes.
  void cookies(std::size_t i, bool set_cookie);
  // PASSWORD '..', IDENTIFIED BY '..'; `i` is the space before the quote.
  void sql_literal(std::size_t i);
  // --password VALUE and its kin (with '=' it is a key like any other).
  void flag(std::size_t i);
  // curl -u name:password
  void curl_user(std::size_t i);
  void user_value(std::size_t option, std::size_t v);

  std::string_view t_;
  const std::function<void(Span)>& found_;
  std::size_t floor_ = 0;                            // nothing before it is touched again
  mutable std::size_t line_from_ = 1, line_to_ = 0;  // of line_end(); nothing is remembered yet
  std::size_t run_begin_ = 1, run_end_ = 0;
};

}  // namespace remit::redaction
