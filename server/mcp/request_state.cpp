#include "server/mcp/request_state.h"

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"

namespace remit::mcp {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kVersion = "v1.";

tl::unexpected<Error> refused() {
  return fail(ErrorKind::invalid_argument,
              "requestState is not valid for this call; call again without it", {},
              "request_state");
}

// The MAC as the token carries it: of the payload's text, so that nothing is parsed before it fits.
std::string mac_of(const std::string& key, std::string_view payload) {
  const std::string hex = hmac_sha256_hex(key, "requestState.v1." + std::string(payload));
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) << 4U | digit(hex[i + 1]));
  return base64url(bytes);
}

std::string text_or_empty(const Json& payload, const char* name) {
  const auto at = payload.find(name);
  return at != payload.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t number_member(const Json& payload, const char* name) {
  const auto at = payload.find(name);
  return at != payload.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

}  // namespace

bool StateSeal::available() const {
  return service_.consume_nonce && !service_.request_state_keys.empty() &&
         service_.request_state_keys.front().size() >= kKeyBytes;
}

std::string StateSeal::binding(std::string_view method, std::string_view tool,
                               const Json& arguments) {
  Sha256 hash;
  hash.field(method);
  hash.field(tool);
  hash.field(dump(arguments));  // members of a Json object are sorted: one text per value
  return hash.finish_hex();
}

std::string StateSeal::code_mac(const std::string& key, std::string_view nonce,
                                std::string_view code) const {
  return hmac_sha256_hex(key, "code." + std::string(nonce) + "." + std::string(code));
}

Result<std::string> StateSeal::seal(const std::string& call, const AskedQuestion& question) const {
  const std::string& key = service_.request_state_keys.front();
  const std::string nonce = random_hex(16);
  Json payload = Json::object();
  payload["call"] = call;
  payload["who"] = hmac_sha256_hex(key, "principal." + service_.principal);
  payload["ask"] = question.grant_key;
  payload["code"] = code_mac(key, nonce, question.code);
  payload["nonce"] = nonce;
  payload["at"] = question.asked_unix_ms;
  payload["until"] =
      question.asked_unix_ms + std::chrono::milliseconds(limits::kRequestStateLife).count();
  if (!question.kept.empty()) payload["kept"] = question.kept;
  const std::string body = base64url(dump(payload));
  std::string token = std::string(kVersion) + body + "." + mac_of(key, body);
  if (token.size() > limits::kRequestStateBytes)
    return fail(ErrorKind::too_large, "the answers so far are longer than a requestState holds (" +
                                          std::to_string(limits::kRequestStateBytes) + " bytes)");
  return token;
}

Result<OpenedState> StateSeal::open(std::string_view token, const std::string& call) const {
  if (token.size() > limits::kRequestStateBytes || token.substr(0, kVersion.size()) != kVersion)
    return refused();
  token.remove_prefix(kVersion.size());
  const auto dot = token.find('.');
  if (dot == std::string_view::npos) return refused();
  const std::string_view body = token.substr(0, dot);
  const std::string_view mac = token.substr(dot + 1);
  const std::string* key = nullptr;
  for (const std::string& candidate : service_.request_state_keys)
    if (candidate.size() >= kKeyBytes && equal_constant_time(mac_of(candidate, body), mac))
      key = &candidate;
  if (key == nullptr) return refused();
  const auto text = decode_base64url(body);
  if (!text) return refused();
  const auto payload = parse_json(*text);
  if (!payload || !payload->is_object()) return refused();
  OpenedState state{text_or_empty(*payload, "ask"),   text_or_empty(*payload, "nonce"),
                    text_or_empty(*payload, "code"),  number_member(*payload, "at"),
                    number_member(*payload, "until"), text_or_empty(*payload, "kept")};
  const std::string who = hmac_sha256_hex(*key, "principal." + service_.principal);
  if (text_or_empty(*payload, "call") != call || text_or_empty(*payload, "who") != who ||
      state.expires_unix_ms <= service_.clock->unix_ms())
    return refused();
  return state;
}

Result<void> StateSeal::consume(const OpenedState& state) const {
  TRY(const bool first, service_.consume_nonce(state.nonce, state.expires_unix_ms));
  if (!first) return refused();
  return {};
}

bool StateSeal::code_matches(const OpenedState& state, std::string_view code) const {
  for (const std::string& key : service_.request_state_keys)
    if (equal_constant_time(code_mac(key, state.nonce, code), state.code_mac)) return true;
  return false;
}

}  // namespace remit::mcp
