// RequestState: the sealed token that carries a question from an input_required result to the retry
// of the call: `v1.<base64url payload>.<base64url HMAC-SHA-256>`. It binds method, tool, arguments,
// principal and the question itself, lives kRequestStateLife, and is single use by the service's
// nonce table. It proves which question was asked, not that a person answered.
//
// Threads: immutable, safe from any thread. Every failure to open is the same error, so that a
// forger learns nothing from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "server/mcp/service.h"

namespace remit::mcp {

struct AskedQuestion {
  std::string grant_key;  // of the policy::Question
  std::string code;       // the four digits; only their MAC is in the token
  std::int64_t asked_unix_ms = 0;
  std::string kept = {};  // JSON object: answers of earlier rounds, by key; or empty
};

// A token that was opened: its question, but the code only as something to compare with.
struct OpenedState {
  std::string grant_key;
  std::string nonce;
  std::string code_mac;
  std::int64_t asked_unix_ms = 0;
  std::int64_t expires_unix_ms = 0;
  std::string kept = {};
};

class StateSeal {
 public:
  explicit StateSeal(const Settings& service) : service_(service) {}
  bool available() const;
  // `call`: what the token is bound to (binding()).
  // Errors: too_large if the answers it must carry leave it longer than kRequestStateBytes.
  Result<std::string> seal(const std::string& call, const AskedQuestion& question) const;
  // Opens and checks everything but the nonce. Errors: invalid_argument, always the same text.
  Result<OpenedState> open(std::string_view token, const std::string& call) const;
  // Marks the nonce as used. Errors: invalid_argument (the same text) if it was; unavailable.
  Result<void> consume(const OpenedState& state) const;
  bool code_matches(const OpenedState& state, std::string_view code) const;

  // Method, tool and arguments as one digest.
  static std::string binding(std::string_view method, std::string_view tool,
                             const nlohmann::json& arguments);

 private:
  std::string code_mac(const std::string& key, std::string_view nonce, std::string_view code) const;
  const Settings& service_;
};

}  // namespace remit::mcp
