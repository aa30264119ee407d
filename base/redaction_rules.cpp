// The walk over a text, and what a secret is called. The recognisers are in redaction_tokens.cpp
// and redaction_values.cpp.
#include "base/redaction_rules.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/redaction_scanner.h"
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

// pair_of() of two neighbours, in one load.
std::uint16_t pair_at(const char* p) {
  std::uint16_t pair = 0;
  std::memcpy(&pair, p, sizeof pair);
  return pair;
}
static_assert(std::endian::native == std::endian::little);

const PairTable& pairs() {
  static const PairTable table = make_pairs();
  return table;
}

}  // namespace

void Scanner::run() {
  const PairTable& table = pairs();
  const std::size_t n = t_.size();
  if (n < 2) return;
  if (is(t_[0], kDigit)) card(0);
  const char* p = t_.data();
  std::size_t i = floor_;
  while (i + 1 < n) {
    // The hot loop: one look-up per byte, four at a time.
    while (i + 4 < n && !(table[pair_at(p + i)] || table[pair_at(p + i + 1)] ||
                          table[pair_at(p + i + 2)] || table[pair_at(p + i + 3)]))
      i += 4;
    while (i + 1 < n && !table[pair_at(p + i)]) ++i;
    if (i + 1 >= n) return;
    const std::size_t before = floor_;
    dispatch(i);
    i = floor_ > before && floor_ > i ? floor_ : i + 1;
  }
}

void Scanner::dispatch(std::size_t i) {
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

std::size_t Scanner::own_token_end(std::size_t i) const {
  constexpr std::string_view kHead = "[redacted:";
  if (!starts(i, kHead)) return 0;
  std::size_t e = run_of(i + kHead.size(), kLower | kWord);
  if (at(e) != ':' || e - i > 32) return 0;
  const std::size_t hex = ++e;
  while (e - hex < 12 && (is(at(e), kDigit) || (at(e) >= 'a' && at(e) <= 'f'))) ++e;
  return e - hex == 12 && at(e) == ']' ? e + 1 : 0;
}

void Scanner::own_token(std::size_t i) {
  if (const std::size_t e = own_token_end(i)) resume(e);
}

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
