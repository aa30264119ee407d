// A passkey's public key as COSE writes it (RFC 9052, RFC 9053), and its signatures, checked by
// OpenSSL. Three kinds, which all authenticators share: ES256 (P-256), EdDSA (Ed25519) and RS256 (a
// modulus of 2048 to 4096 bits). Pure, safe from any thread. Errors: invalid_argument for a key
// that is none of these, denied (code "passkey") for a signature that does not hold.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "server/console/cbor.h"

namespace remit::console {

// The algorithms' numbers (IANA COSE registry), in the order in which a key is asked for them.
inline constexpr std::int64_t kCoseAlgorithms[] = {-7, -8, -257};

// The algorithm of a key that stands there whole. Of ES256 the point and of RS256 the modulus are
// checked; of EdDSA the length: what is no point verifies nothing.
Result<std::int64_t> check_cose_key(std::string_view cose_key);
Result<void> check_signature(std::string_view cose_key, std::string_view signed_bytes,
                             std::string_view signature);

}  // namespace remit::console
