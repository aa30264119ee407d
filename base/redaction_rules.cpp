// 400+ lines because the recognisers share one scanner object and its cursor.
#include "base/redaction_rules.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace remit::redaction {

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::known_secret:
      return "known_secret";
    case Kind::jwt:
      return "jwt";
    case Kind::bearer:
      return "bearer";
    case Kind::basic:
      return "basic";
    case Kind::api_key:
      return "api_key";
    case Kind::private_key:
      return "private_key";
    case Kind::password:
      return "password";
    case Kind::dsn:
      return "dsn";
    case Kind::cookie:
      return "cookie";
    case Kind::pan:
      return "pan";
    case Kind::email:
      return "email";
    case Kind::iban:
      return "iban";
  }
  return "known_secret";
}

bool low_entropy(Kind kind) {
  return kind == Kind::password || kind == Kind::pan || kind == Kind::email || kind == Kind::dsn ||
         kind == Kind::basic || kind == Kind::iban;
}

bool low_entropy(std::string_view kind) {
  for (const Kind k : {Kind::password, Kind::pan, Kind::email, Kind::dsn, Kind::basic, Kind::iban})
    if (kind == to_string(k)) return true;
  return false;
}

namespace {

// Windows that bound what a recogniser may read without consuming it.
constexpr std::size_t kAuthorityWindow = 512;  // from "://" to the '@'
constexpr std::size_t kLocalPart = 64;         // RFC 5321 4.5.3.1.1
constexpr std::size_t kDomain = 255;
constexpr std::size_t kQuotedValue = 64u << 10;
constexpr std::size_t kKeyWindow = 64;       // look-back for a key before '=' or ':'
constexpr std::size_t kCommandWindow = 512;  // look-back for "curl" before "-u"

using Byte = unsigned char;

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

constexpr std::uint16_t pair_of(char first, char second) {
  return static_cast<std::uint16_t>(static_cast<Byte>(first) | (static_cast<Byte>(second) << 8));
}

// Names whose value is a secret when they end a key; '-' counts as '_', case is ignored.
constexpr std::array<std::string_view, 14> kSecretKeys{
    "password",    "passwd",        "pwd",     "passphrase",    "secret",
    "token",       "api_key",       "apikey",  "access_key",    "secret_key",
    "private_key", "client_secret", "authkey", "encryption_key"};

// Words that stand in a value's place without being one: types and absences.
constexpr std::array<std::string_view, 16> kNotValues{
    "null",    "none", "nil", "true",   "false",    "undefined", "string",  "str",
    "string;", "bool", "int", "number", "required", "optional",  "string,", "nullptr"};

// The 64-Kbit table: can a recogniser start at this pair of bytes?
struct PairTable {
  std::array<std::uint64_t, 1024> bits{};
  void set(char a, char b) {
    const auto p = pair_of(a, b);
    bits[p >> 6] |= std::uint64_t{1} << (p & 63);
  }
  bool operator[](std::uint16_t p) const { return (bits[p >> 6] >> (p & 63)) & 1; }
};

PairTable make_pairs() {
  PairTable t;
  for (unsigned c = 0; c < 256; ++c) {
    const char x = static_cast<char>(c);
    if (is(x, kLocal)) t.set(x, '@');
    // The last byte of a key, or what closes it, before '=' or ':'.
    if (std::strchr("dtneyDTNEY\"'`] ", x) != nullptr && x != '\0') {
      t.set(x, '=');
      t.set(x, ':');
    }
    // First four digits of a card number stand behind no word.
    if (!is(x, kWord) && x != '.')
      for (char d = '2'; d <= '6'; ++d) t.set(x, d);
    if (is(x, kUpper))
      for (char d = '0'; d <= '9'; ++d) t.set(x, d);  // IBAN: second letter, first check digit
    if (is(x, kLower)) t.set('-', 'u');
  }
  t.set(':', '/');
  t.set(' ', '\'');
  t.set(' ', '"');
  t.set('-', '-');
  t.set('-', 'B');
  t.set('y', 'J');
  t.set('[', 'r');
  for (const char* p : {"KI", "SI", "p_", "o_", "u_", "s_", "r_", "b_", "t-", "xo", "sk", "rk",
                        "Iz", "c_", "m_", "Be", "be"})
    t.set(p[0], p[1]);
  return t;
}

const PairTable& pairs() {
  static const PairTable table = make_pairs();
  return table;
}

bool folded_equal(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = fold(text[i]) == '-' ? '_' : fold(text[i]);
    if (c != lower[i]) return false;
  }
  return true;
}

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

class Scanner {
 public:
  Scanner(std::string_view text, const std::function<void(Span)>& found)
      : t_(text), found_(found) {}

  void run() {
    const PairTable& table = pairs();
    const std::size_t n = t_.size();
    if (n < 2) return;
    if (is(t_[0], kDigit)) card(0);
    const char* p = t_.data();
    std::size_t i = floor_;
    while (i + 1 < n) {
      // The hot loop: one look-up per byte.
      while (i + 1 < n && !table[pair_of(p[i], p[i + 1])]) ++i;
      if (i + 1 >= n) return;
      const std::size_t before = floor_;
      dispatch(i);
      i = floor_ > before && floor_ > i ? floor_ : i + 1;
    }
  }

 private:
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
  std::size_t line_end(std::size_t i) const {
    const std::size_t e = t_.find('\n', i);
    return e == std::string_view::npos ? t_.size() : e;
  }

  void dispatch(std::size_t i) {
    const char a = t_[i], b = t_[i + 1];
    if (b == '=' || b == ':') return key_value(i + 1);
    if (b == '@') return email(i + 1);
    if (a == ':' && b == '/') return url(i);
    if (a == ' ' && quote(b)) return sql_literal(i);
    if (a == '-') {
      if (b == 'B') return pem(i);
      if (b == '-') return flag(i);
      if (b == 'u') return curl_user(i);
    }
    if (a == 'y' && b == 'J') return void(jwt(i));
    if (a == '[' && b == 'r') return own_token(i);
    if (is(b, kDigit) && is(a, kUpper)) return iban(i);
    if (is(b, kDigit)) return card(i + 1);
    if (b == 'e') return bare_bearer(i);
    api_key(i);
  }

  // [redacted:<kind>:<12 hex>] stays what it is, so that redaction may run more than once.
  std::size_t own_token_end(std::size_t i) const {
    constexpr std::string_view kHead = "[redacted:";
    if (!starts(i, kHead)) return 0;
    std::size_t e = run_of(i + kHead.size(), kLower | kWord);
    if (at(e) != ':' || e - i > 32) return 0;
    const std::size_t hex = ++e;
    while (e - hex < 12 && (is(at(e), kDigit) || (at(e) >= 'a' && at(e) <= 'f'))) ++e;
    return e - hex == 12 && at(e) == ']' ? e + 1 : 0;
  }
  void own_token(std::size_t i) {
    if (const std::size_t e = own_token_end(i)) resume(e);
  }

  // --- tokens with a shape of their own ---

  // End of the base64url run at `i`; remembered, so that nested "eyJ" do not read it again.
  std::size_t base64_end(std::size_t i) {
    if (i < run_end_ && i >= run_begin_) return run_end_;
    run_begin_ = i;
    return run_end_ = run_of(i, kBase64Url);
  }

  // Three base64url parts (the last may be empty), five of a JWE, or two of which the second was
  // cut.
  std::size_t jwt_end(std::size_t begin) {
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
  bool jwt(std::size_t i) {
    if (i == 0 || t_[i - 1] != 'e') return false;
    const std::size_t e = jwt_end(i - 1);
    if (e == 0) return false;
    emit(Kind::jwt, i - 1, e);
    return true;
  }

  struct Prefix {
    std::string_view text;
    std::size_t shortest;  // bytes behind the prefix
    unsigned body;         // class of those bytes
    bool needs_digit;      // "sk-" and the like also begin ordinary words
  };
  static constexpr std::array<Prefix, 18> kPrefixes{{
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

  // End of an API key that begins at `begin`, or 0.
  std::size_t api_key_end(std::size_t begin) const {
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
  void api_key(std::size_t i) {
    // The pair lies inside the prefix; where, depends on which.
    for (const std::size_t back :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{5}}) {
      if (i < back) break;
      const std::size_t begin = i - back;
      if (begin > 0 && alnum(t_[begin - 1])) continue;
      if (const std::size_t e = api_key_end(begin)) return emit(Kind::api_key, begin, e);
    }
  }

  void pem(std::size_t i) {
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

  // --- numbers ---

  void card(std::size_t begin) {
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

  void iban(std::size_t i) {
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

  // --- addresses ---

  void email(std::size_t sign) {
    std::size_t begin = sign;
    while (begin > floor_ && sign - begin < kLocalPart && is(t_[begin - 1], kLocal)) --begin;
    while (begin < sign && (t_[begin] == '.' || t_[begin] == '-')) ++begin;
    std::size_t e = sign + 1;
    const std::size_t window = std::min(t_.size(), e + kDomain);
    while (e < window && (alnum(t_[e]) || t_[e] == '.' || t_[e] == '-')) ++e;
    while (e > sign + 1 && !alnum(t_[e - 1])) --e;
    const std::string_view domain = t_.substr(sign + 1, e - sign - 1);
    const std::size_t dot = domain.rfind('.');
    if (begin == sign || dot == std::string_view::npos || dot == 0) return;
    const std::string_view top = domain.substr(dot + 1);
    if (top.size() < 2 ||
        !std::all_of(top.begin(), top.end(), [](char c) { return is(c, kUpper | kLower); }))
      return;
    emit(Kind::email, begin, e);
  }

  // user:password@ in the authority of a URL; `i` is the ':' of "://".
  void url(std::size_t i) {
    if (!starts(i, "://") || i == 0 || !alnum(t_[i - 1])) return;
    const std::size_t begin = i + 3, window = std::min(t_.size(), begin + kAuthorityWindow);
    std::size_t colon = 0, slash = 0, sign = 0;
    for (std::size_t e = begin; e < window; ++e) {
      const char c = t_[e];
      if (is(c, kSpace) || quote(c) || c == '<' || c == '>' || c == '\\') break;
      if (colon == 0 && c == ':') colon = e;
      // A slash ends the authority, unless what stands behind the colon is no port.
      if (slash == 0 && (c == '/' || c == '?' || c == '#')) {
        if (colon == 0 || sign != 0) break;
        const std::size_t port = run_of(colon + 1, kDigit);
        if (port >= e) break;
        slash = e;
      }
      if (c == '@') {
        sign = e;
        if (slash != 0) break;
      }
    }
    if (sign == 0 || colon == 0 || colon > sign) return;
    std::size_t scheme = i;
    while (scheme > floor_ && i - scheme < 16 && is(t_[scheme - 1], kWord | kLocal)) --scheme;
    const std::string_view name = t_.substr(scheme, i - scheme);
    const bool web = name == "http" || name == "https";
    if (own_token_end(colon + 1) == sign) return resume(sign);
    emit(web ? Kind::basic : Kind::dsn, colon + 1, sign);
  }

  // --- names with values ---

  // Where a value stands and how it is closed.
  struct Value {
    std::size_t begin = 0, end = 0;
    bool quoted = false;
  };

  // Reads backslashes and a quote at `i`; false if there is no quote.
  bool open_quote(std::size_t& i, std::size_t& slashes, char& mark) const {
    std::size_t e = i;
    while (at(e) == '\\' && e - i < 7) ++e;
    if (e >= t_.size() || !quote(t_[e])) return false;
    slashes = e - i;
    mark = t_[e];
    i = e + 1;
    return true;
  }

  // The value at `i`. A quoted one ends at the quote with the same depth of escaping (JSON inside
  // JSON); an unquoted one at white space or at a separator behind which something new begins.
  Value value_at(std::size_t i) const {
    Value v;
    v.begin = i;
    std::size_t slashes = 0;
    char mark = '\0';
    if (open_quote(v.begin, slashes, mark)) {
      std::size_t run = 0;
      const std::size_t window = std::min(t_.size(), v.begin + kQuotedValue);
      for (std::size_t e = v.begin; e < window; ++e) {
        if (t_[e] == '\\') {
          ++run;
          continue;
        }
        if (t_[e] == mark && run % (2 * (slashes + 1)) == slashes) {
          v.end = e - slashes;
          v.quoted = true;
          return v;
        }
        run = 0;
      }
      v.end = std::min(line_end(v.begin), window);  // never closed: the whole line may be the value
      return v;
    }
    std::size_t e = i;
    for (; e < t_.size(); ++e) {
      const char c = t_[e];
      if (is(c, kSpace) || c == '\0') break;
      if (quote(c) && e > i) break;
      if (const std::size_t own = c == '[' ? own_token_end(e) : 0) {
        e = own - 1;
        continue;
      }
      if (c == '\\' && (at(e + 1) == 'n' || at(e + 1) == 'r' || quote(at(e + 1)))) break;
      if ((c == ',' || c == ';' || c == '&') && new_field(e + 1)) break;
      if ((c == ')' || c == '}' || c == ']' || c == '>') && closes(e + 1)) break;
    }
    v.end = e;
    return v;
  }
  bool new_field(std::size_t i) const {
    if (i >= t_.size() || is(t_[i], kSpace) || quote(t_[i])) return true;
    const std::size_t window = std::min(t_.size(), i + kKeyWindow);
    std::size_t e = i;
    while (e < window && (is(t_[e], kWord) || t_[e] == '-' || t_[e] == '.')) ++e;
    return e > i && e < t_.size() && (t_[e] == '=' || t_[e] == ':');
  }
  bool closes(std::size_t i) const {
    return i >= t_.size() || is(t_[i], kSpace) || quote(t_[i]) ||
           std::strchr(",;)}]>.", t_[i]) != nullptr;
  }

  // The key that ends at `operator_at` ('=' or ':'), without quotes; empty if none.
  std::string_view key_before(std::size_t operator_at) const {
    std::size_t e = operator_at;
    const std::size_t low =
        std::max(floor_, operator_at > kKeyWindow ? operator_at - kKeyWindow : 0);
    while (e > low && (t_[e - 1] == ' ' || t_[e - 1] == '\t') && operator_at - e < 8) --e;
    while (e > low && (quote(t_[e - 1]) || t_[e - 1] == '\\' || t_[e - 1] == ']')) --e;
    std::size_t b = e;
    while (b > low && is(t_[b - 1], kBase64Url)) --b;
    return t_.substr(b, e - b);
  }

  static bool secret_key(std::string_view key) {
    for (const std::string_view word : kSecretKeys)
      if (key.size() >= word.size() && folded_equal(key.substr(key.size() - word.size()), word))
        return true;
    return false;
  }

  void key_value(std::size_t op) {
    const std::string_view key = key_before(op);
    if (key.size() < 3) return;
    const char last = fold(key.back());
    if (std::strchr("dtneys", last) == nullptr) return;
    const bool header = last == 'n' || last == 'e';
    if (header && (folded_equal(key, "authorization") || folded_equal(key, "proxy_authorization")))
      return authorization(op + 1);
    if (last == 'e' && (folded_equal(key, "cookie") || folded_equal(key, "set_cookie")))
      return cookies(op + 1, key.size() > 6);
    if (!secret_key(key)) return;
    std::size_t i = op + 1;
    // "token::name", "a == b" and "k => v" are code; ":=" assigns.
    if (at(op) == ':' && at(i) == ':') return;
    if (at(op) == '=' && (at(i) == '=' || at(i) == '~')) return;
    if (at(i) == '=' || (at(op) == '=' && at(i) == '>')) ++i;
    while (i < t_.size() && (t_[i] == ' ' || t_[i] == '\t') && i - op < 16) ++i;
    if (at(op) == ':' && at(i) == '/' && at(i + 1) == '/') return;
    if ((folded_equal(key, "pwd") || folded_equal(key, "oldpwd")) && at(i) == '/') return;
    secret_value(i);
  }

  // Emits the value at `i` of a key that names a secret.
  void secret_value(std::size_t i) {
    const Value v = value_at(i);
    const std::string_view value = t_.substr(v.begin, v.end - v.begin);
    if (value.empty() || not_a_value(value, v.quoted)) return;
    if (const std::size_t own = own_token_end(v.begin); own == v.end) return resume(own);
    // The shape says more than the key, and gives the same token wherever the value stands.
    if (jwt_end(v.begin) == v.end) return emit(Kind::jwt, v.begin, v.end);
    if (api_key_end(v.begin) == v.end) return emit(Kind::api_key, v.begin, v.end);
    emit(Kind::password, v.begin, v.end);
  }

  static bool not_a_value(std::string_view value, bool quoted) {
    if (value.find_first_not_of('*') == std::string_view::npos) return true;
    if (quoted) return false;
    if (value[0] == '{' || value[0] == '(' || (value[0] == '[' && value.size() == 1)) return true;
    for (const std::string_view word : kNotValues)
      if (folded_equal(value, word)) return true;
    // A call: identifier(...), as in source text.
    std::size_t e = 0;
    while (e < value.size() && (is(value[e], kWord) || std::strchr(".:>-", value[e]))) ++e;
    return e > 0 && e < value.size() && value[e] == '(' && !is(value[0], kDigit);
  }

  // The value of an Authorization header: the scheme stays.
  void authorization(std::size_t i) {
    while (i < t_.size() && (t_[i] == ' ' || t_[i] == '\t')) ++i;
    std::size_t slashes = 0;
    char mark = '\0';
    open_quote(i, slashes, mark);
    std::size_t stop = line_end(i);
    if (stop > i && t_[stop - 1] == '\r') --stop;
    const std::size_t word = run_of(i, kUpper | kLower);
    const std::string_view scheme = t_.substr(i, word - i);
    const bool one_word = folded_equal(scheme, "bearer") || folded_equal(scheme, "basic") ||
                          folded_equal(scheme, "token") || folded_equal(scheme, "negotiate");
    std::size_t begin = i;
    if (at(word) == ' ' && !scheme.empty()) begin = run_of(word, kSpace & ~unsigned{kLineEnd});
    if (begin >= stop) return resume(begin);
    std::size_t e = begin;
    while (e < stop && !(one_word && is(t_[e], kSpace))) {
      if (quote(t_[e]) && (one_word || mark == '\0' || t_[e] == mark)) {
        // An unquoted Digest value holds quotes of its own; a shell's closing quote ends the rest.
        if (one_word || mark != '\0' || e + 1 == stop || is(t_[e + 1], kSpace)) break;
      }
      if (t_[e] == '\\' && (quote(at(e + 1)) || at(e + 1) == 'n' || at(e + 1) == 'r')) break;
      ++e;
    }
    if (own_token_end(begin) == e) return resume(e);
    if (jwt_end(begin) == e) return emit(Kind::jwt, begin, e);
    emit(folded_equal(scheme, "basic") ? Kind::basic : Kind::bearer, begin, e);
  }

  // "Bearer <token>" without its header name.
  void bare_bearer(std::size_t i) {
    if (!folded_equal(t_.substr(i, 7), "bearer ") || (i > 0 && is(t_[i - 1], kWord))) return;
    const std::size_t begin = i + 7;
    std::size_t e = begin;
    bool digit = false;
    while (e < t_.size() && (alnum(t_[e]) || std::strchr("-._~+/=", t_[e])) && t_[e] != '\0') {
      digit = digit || is(t_[e], kDigit);
      ++e;
    }
    if (e - begin < 16 || !digit) return;
    if (jwt_end(begin) == e) return emit(Kind::jwt, begin, e);
    emit(Kind::bearer, begin, e);
  }

  // Values of name=value pairs; of Set-Cookie only the first pair is one, the rest are attributes.
  void cookies(std::size_t i, bool set_cookie) {
    while (i < t_.size() && (t_[i] == ' ' || t_[i] == '\t')) ++i;
    std::size_t slashes = 0;
    char mark = '\0';
    if (!open_quote(i, slashes, mark) && at(i) == '[') {
      ++i;
      open_quote(i, slashes, mark);
    }
    const std::size_t stop = line_end(i);
    while (i < stop) {
      std::size_t name = i;
      while (name < stop && (is(t_[name], kWord) || std::strchr("-.$!#%&*+^|~", t_[name])) &&
             t_[name] != '\0')
        ++name;
      if (at(name) != '=' || name == i) return resume(i);
      std::size_t e = name + 1;
      const bool inner = at(e) == '"' && mark != '"';
      if (inner) ++e;
      const std::size_t begin = e;
      while (e < stop && t_[e] != ';' && !is(t_[e], kSpace) && !quote(t_[e]) && t_[e] != '\\') ++e;
      if (own_token_end(begin) == e)
        resume(e);
      else
        emit(Kind::cookie, begin, e);
      if (set_cookie) return;
      i = e + (inner ? 1 : 0);
      if (at(i) != ';') return;
      i = run_of(i + 1, kSpace & ~unsigned{kLineEnd});
    }
  }

  // PASSWORD '..', IDENTIFIED BY '..'; `i` is the space before the quote.
  void sql_literal(std::size_t i) {
    std::size_t e = i;
    while (e > floor_ && t_[e - 1] == ' ' && i - e < 8) --e;
    if (e == 0) return;
    const char last = fold(t_[e - 1]);
    if (last != 'd' && last != 'y') return;
    const std::string_view before = t_.substr(e > 64 ? e - 64 : 0, std::min<std::size_t>(e, 64));
    const auto ends_with = [&](std::string_view word) {
      return before.size() >= word.size() &&
             folded_equal(before.substr(before.size() - word.size()), word);
    };
    bool secret = ends_with("password");
    if (!secret && ends_with(" by"))
      secret = lower_ascii(before).find("identified") != std::string::npos;
    if (secret) secret_value(i + 1);
  }

  // --password VALUE and its kin (with '=' it is a key like any other).
  void flag(std::size_t i) {
    if (i > 0 && t_[i - 1] == '-') return;
    const std::size_t name = i + 2;
    std::size_t e = name;
    while (e < t_.size() && e - name < kKeyWindow && is(t_[e], kBase64Url)) ++e;
    if (at(e) != ' ') return;
    const std::string_view word = t_.substr(name, e - name);
    if (word == "user" || word == "proxy-user") return user_value(i, e + 1);
    if (!secret_key(word)) return;
    const char next = at(e + 1);
    if (next == '-' || next == ' ' || next == '\0') return;
    secret_value(e + 1);
  }

  // curl -u name:password
  void curl_user(std::size_t i) {
    if (i == 0 || !is(t_[i - 1], kSpace)) return;
    std::size_t v = i + 2;
    while (at(v) == ' ' && v - i < 6) ++v;
    user_value(i, v);
  }
  void user_value(std::size_t option, std::size_t v) {
    const std::size_t low = option > kCommandWindow ? option - kCommandWindow : 0;
    if (t_.substr(low, option - low).find("curl") == std::string_view::npos) return;
    const Value value = value_at(v);
    const std::size_t colon = t_.substr(value.begin, value.end - value.begin).find(':');
    if (colon == std::string_view::npos) return;
    if (own_token_end(value.begin + colon + 1) == value.end) return resume(value.end);
    emit(Kind::basic, value.begin + colon + 1, value.end);
  }

  std::string_view t_;
  const std::function<void(Span)>& found_;
  std::size_t floor_ = 0;  // nothing before it is touched again
  std::size_t run_begin_ = 1, run_end_ = 0;
};

}  // namespace

void scan(std::string_view text, const KnownSecrets& known,
          const std::function<void(Span)>& found) {
  std::vector<Span> loaded;
  if (!known.empty())
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
      if (known.starts(pair_of(text[i], text[i + 1])))
        if (const std::size_t length = known.match(text, i)) {
          // Every position is asked: two loaded values may overlap.
          if (!loaded.empty() && i < loaded.back().end)
            loaded.back().end = std::max(loaded.back().end, i + length);
          else
            loaded.push_back({Kind::known_secret, i, i + length});
        }
  if (loaded.empty()) return Scanner(text, found).run();

  std::vector<Span> spans;
  Scanner(text, [&](Span span) { spans.push_back(span); }).run();
  spans.insert(spans.end(), loaded.begin(), loaded.end());
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  // Where both saw something, one span covers both, and the loaded value gives the name.
  Span open = spans.front();
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].begin < open.end) {
      open.end = std::max(open.end, spans[i].end);
      if (spans[i].kind == Kind::known_secret) open.kind = Kind::known_secret;
    } else {
      found(open);
      open = spans[i];
    }
  }
  found(open);
}

std::string normalised(Kind kind, std::string_view value) {
  if (kind == Kind::email) return lower_ascii(value);
  if (kind != Kind::pan && kind != Kind::iban) return std::string(value);
  std::string out;
  for (const char c : value)
    if (alnum(c)) out.push_back(c);
  return out;
}

}  // namespace remit::redaction
