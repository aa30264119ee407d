// The one redaction point: every byte that leaves the process for a person, a model, a log or the
// ledger's text passes redact(). Secrets become [redacted:<kind>:<12 hex>], hex = HMAC-SHA256(case
// key, kind NUL value): the same value gives the same token inside a case, so counting works, and
// different tokens across cases, so customers cannot be linked.
//
// Kinds recognised: known_secret, jwt, bearer, basic, api_key, private_key, password, dsn, cookie,
// pan, email, iban (docs/security.md lists the forms). IP addresses, request ids and user ids stay:
// diagnosis needs them.
//
// Threads: redact() is const and safe from any thread; add_secret() locks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remit {

struct Redacted {
  std::string text;
  std::map<std::string, std::uint64_t> counts;  // by kind; empty if nothing was replaced
};

// One place where a secret stands in a text (for the secret scan before a memory write).
struct SecretSpan {
  std::string kind;
  std::size_t offset = 0, length = 0;
};

class Redactor {
 public:
  // `case_key`: 32 random bytes of this case (state directory, 0600).
  explicit Redactor(std::string case_key);
  ~Redactor();
  Redacted redact(std::string_view text) const;
  std::vector<SecretSpan> find(std::string_view text) const;
  // A value loaded from a secret file; recognised verbatim and in base64, percent-encoded and
  // JSON-escaped form. Values shorter than 6 bytes are ignored (they would mask ordinary text).
  void add_secret(std::string_view value);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace remit
