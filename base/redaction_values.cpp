// Secrets that what stands before them gives away: addresses with a password, and the values of
// keys, headers, cookies, SQL literals and options.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/redaction_scanner.h"
#include "base/text.h"

namespace remit::redaction {
namespace {

// Windows that bound what a recogniser may read without consuming it.
constexpr std::size_t kAuthorityWindow = 512;  // from "://" to the '@'
constexpr std::size_t kLocalPart = 64;         // RFC 5321 4.5.3.1.1
constexpr std::size_t kDomain = 255;
constexpr std::size_t kQuotedValue = 64u << 10;
constexpr std::size_t kKeyWindow = 64;       // look-back for a key before '=' or ':'
constexpr std::size_t kCommandWindow = 512;  // look-back for "curl" before "-u"

// Names whose value is a secret when they end a key; '-' counts as '_', case is ignored.
constexpr std::array<std::string_view, 14> kSecretKeys{
    "password",    "passwd",        "pwd",     "passphrase",    "secret",
    "token",       "api_key",       "apikey",  "access_key",    "secret_key",
    "private_key", "client_secret", "authkey", "encryption_key"};

// Words that stand in a value's place without being one: types and absences.
constexpr std::array<std::string_view, 16> kNotValues{
    "null",    "none", "nil", "true",   "false",    "undefined", "string",  "str",
    "string;", "bool", "int", "number", "required", "optional",  "string,", "nullptr"};

bool folded_equal(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = fold(text[i]) == '-' ? '_' : fold(text[i]);
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

void Scanner::email(std::size_t sign) {
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

void Scanner::url(std::size_t i) {
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

bool Scanner::open_quote(std::size_t& i, std::size_t& slashes, char& mark) const {
  std::size_t e = i;
  while (at(e) == '\\' && e - i < 7) ++e;
  if (e >= t_.size() || !quote(t_[e])) return false;
  slashes = e - i;
  mark = t_[e];
  i = e + 1;
  return true;
}

Scanner::Value Scanner::value_at(std::size_t i) const {
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

bool Scanner::new_field(std::size_t i) const {
  if (i >= t_.size() || is(t_[i], kSpace) || quote(t_[i])) return true;
  const std::size_t window = std::min(t_.size(), i + kKeyWindow);
  std::size_t e = i;
  while (e < window && (is(t_[e], kWord) || t_[e] == '-' || t_[e] == '.')) ++e;
  return e > i && e < t_.size() && (t_[e] == '=' || t_[e] == ':');
}

bool Scanner::closes(std::size_t i) const {
  return i >= t_.size() || is(t_[i], kSpace) || quote(t_[i]) ||
         std::strchr(",;)}]>.", t_[i]) != nullptr;
}

std::string_view Scanner::key_before(std::size_t operator_at) const {
  std::size_t e = operator_at;
  const std::size_t low = std::max(floor_, operator_at > kKeyWindow ? operator_at - kKeyWindow : 0);
  while (e > low && (t_[e - 1] == ' ' || t_[e - 1] == '\t') && operator_at - e < 8) --e;
  while (e > low && (quote(t_[e - 1]) || t_[e - 1] == '\\' || t_[e - 1] == ']')) --e;
  std::size_t b = e;
  while (b > low && is(t_[b - 1], kBase64Url)) --b;
  return t_.substr(b, e - b);
}

bool Scanner::secret_key(std::string_view key) {
  for (const std::string_view word : kSecretKeys)
    if (key.size() >= word.size() && folded_equal(key.substr(key.size() - word.size()), word))
      return true;
  return false;
}

void Scanner::key_value(std::size_t op) {
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

void Scanner::secret_value(std::size_t i) {
  const Value v = value_at(i);
  const std::string_view value = t_.substr(v.begin, v.end - v.begin);
  if (value.empty() || not_a_value(value, v.quoted)) return;
  if (const std::size_t own = own_token_end(v.begin); own == v.end) return resume(own);
  // The shape says more than the key, and gives the same token wherever the value stands.
  if (jwt_end(v.begin) == v.end) return emit(Kind::jwt, v.begin, v.end);
  if (api_key_end(v.begin) == v.end) return emit(Kind::api_key, v.begin, v.end);
  emit(Kind::password, v.begin, v.end);
}

bool Scanner::not_a_value(std::string_view value, bool quoted) {
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

void Scanner::authorization(std::size_t i) {
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

void Scanner::bare_bearer(std::size_t i) {
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

void Scanner::cookies(std::size_t i, bool set_cookie) {
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

void Scanner::sql_literal(std::size_t i) {
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

void Scanner::flag(std::size_t i) {
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

void Scanner::curl_user(std::size_t i) {
  if (i == 0 || !is(t_[i - 1], kSpace)) return;
  std::size_t v = i + 2;
  while (at(v) == ' ' && v - i < 6) ++v;
  user_value(i, v);
}

void Scanner::user_value(std::size_t option, std::size_t v) {
  const std::size_t low = option > kCommandWindow ? option - kCommandWindow : 0;
  if (t_.substr(low, option - low).find("curl") == std::string_view::npos) return;
  const Value value = value_at(v);
  const std::size_t colon = t_.substr(value.begin, value.end - value.begin).find(':');
  if (colon == std::string_view::npos) return;
  if (own_token_end(value.begin + colon + 1) == value.end) return resume(value.end);
  emit(Kind::basic, value.begin + colon + 1, value.end);
}

}  // namespace remit::redaction
