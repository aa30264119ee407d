// What a passkey's answer says, and whether it holds: the relying party's side of Web
// Authentication Level 3 (https://www.w3.org/TR/webauthn-3/, sections 7.1 and 7.2) for one site
// without attestation: who made a key does not matter here, only that the person who knows the PIN
// registered it.
//
// A browser sends an answer as one text, its parts in base64url with dots between them: see
// parse_registration() and parse_assertion(). Everything in it is hostile until it has been
// checked. Pure functions, safe from any thread; a check costs up to a millisecond. Errors:
// invalid_argument for what is malformed, denied (code "passkey") for what does not hold, with the
// reason.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::console {

// Where passkeys are used, and what a key is asked to sign.
struct RelyingParty {
  std::string origin;  // "http://localhost:8812", "https://remit.example"
  std::string id;      // its host without port: "localhost"; "" = passkeys do not work there
};
// The party of an origin. Errors: invalid_argument if it is not https://HOST[:PORT] or
// http://localhost[:PORT]: a browser offers passkeys nowhere else, and under no bare IP address.
Result<RelyingParty> relying_party(const std::string& origin);

// Authenticator data, section 6.1.
struct AuthenticatorData {
  std::string rp_id_hash;  // 32 bytes
  bool user_present = false, user_verified = false;
  bool backup_eligible = false, backed_up = false;
  std::uint32_t counter = 0;            // 0: the key does not count
  std::string credential_id, cose_key;  // "" unless a registration's
};
Result<AuthenticatorData> parse_authenticator_data(std::string_view bytes);

// "CLIENT_DATA.ATTESTATION_OBJECT"
struct Registration {
  std::string client_data, attestation_object;
};
Result<Registration> parse_registration(std::string_view text);

// "CREDENTIAL_ID.CLIENT_DATA.AUTHENTICATOR_DATA.SIGNATURE.USER_HANDLE", the last one may be empty.
struct Assertion {
  std::string credential_id, client_data, authenticator_data, signature, user_handle;
};
Result<Assertion> parse_assertion(std::string_view text);

// A new key. `challenge`: the 32 bytes that it was asked to sign. Takes the attestation formats
// "none" and "packed" without a certificate: none was asked for.
Result<AuthenticatorData> check_registration(const Registration& answer, const RelyingParty& party,
                                             std::string_view challenge);

// An answer of a key that is registered. The caller has looked up `cose_key` by credential id, and
// compares the counter.
Result<AuthenticatorData> check_assertion(const Assertion& answer, const RelyingParty& party,
                                          std::string_view challenge, std::string_view cose_key);

}  // namespace remit::console
