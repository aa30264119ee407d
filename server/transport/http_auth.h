// Tokens: who may call over HTTP. Only digests are kept: a token is hashed and looked for among all
// of them in constant time. One line of a token file:
//
//   technical-support-engineer
//   sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//
// (printf %s "$TOKEN" | sha256sum), the agent that the token is for first; # starts a comment.
//
// Threads: immutable after construction, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/transport/http_head.h"

namespace remit::transport {

class Tokens {
 public:
  // No token is asked for.
  static Tokens none();
  // One token, as it is.
  static Tokens one(std::string_view token);
  // The lines of `text` that are for `agent`. Errors: invalid_argument with FILE:LINE; unavailable
  // if no line is for the agent.
  static Result<Tokens> from_file(const std::string& file, std::string_view text,
                                  std::string_view agent);

  bool required() const { return required_; }
  // The caller's name: a piece of the digest of its token ("-" if none is needed); "" if it may not
  // call. Two Authorization fields are none.
  std::string principal(const Head& head) const;

 private:
  bool required_ = false;
  std::vector<std::string> digests_;  // SHA-256, hex
};

}  // namespace remit::transport
