// Tokens: who may call over HTTP. Only digests are kept: a token is hashed and looked for among all
// of them in constant time. One line of a token file is three words, of which the last may miss:
//
//   technical-support-engineer
//   sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   instructions=inst_20260110_001,inst_20260110_002
//
// the agent that the token is for, its digest (printf %s "$TOKEN" | sha256sum), and the ids that it
// may be used under (docs/agents.md): * is any, none is the server's own. # starts a comment.
//
// Threads: immutable after construction, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/transport/http_head.h"

namespace remit::transport {

struct Credential {
  std::string agent;
  std::string digest;                     // SHA-256 of the token, hex
  std::vector<std::string> instructions;  // none: the server's own
  bool any_instruction = false;

  // What its caller is called: a piece of the digest.
  std::string principal() const;
};

// The lines of a token file. Errors: invalid_argument with FILE:LINE.
Result<std::vector<Credential>> parse_credentials(const std::string& file, std::string_view text);

// The digest of the token that a head brings; "" if it brings none or two.
std::string token_digest(const Head& head);

// By which the front (server/front) tells a worker who calls.
inline constexpr const char* kPrincipalField = "remit-principal";

class Tokens {
 public:
  // No token is asked for.
  static Tokens none();
  // One token, as it is.
  static Tokens one(std::string_view token);
  // The lines of `text` that are for `agent` and may be used under `instruction`. Errors:
  // invalid_argument with FILE:LINE; unavailable if there is no such line.
  static Result<Tokens> from_file(const std::string& file, std::string_view text,
                                  std::string_view agent, std::string_view instruction);
  // The caller is whom the front says, which nobody else can reach this server past.
  static Tokens from_front();

  bool required() const { return required_; }
  // The caller's name: a piece of the digest of its token ("-" if none is needed); "" if it may not
  // call. Two Authorization fields are none.
  std::string principal(const Head& head) const;

 private:
  bool required_ = false, from_front_ = false;
  std::vector<std::string> digests_;  // SHA-256, hex
};

}  // namespace remit::transport
