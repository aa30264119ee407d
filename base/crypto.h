// Hashes, MACs and randomness, over OpenSSL and libsodium (included only in crypto.cpp). Reentrant.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit {

using Sha256Digest = std::array<unsigned char, 32>;

// Its 32 bytes; for as long as the digest lives.
inline std::string_view bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
Sha256Digest sha256(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
// Whether `text` could be one: 64 lower-case hex digits.
bool is_sha256_hex(std::string_view text);

// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  // Length-prefixed update: fields cannot run into one another.
  void field(std::string_view bytes);
  Sha256Digest finish();
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// RFC 2104; a key of any length.
std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);
// Ed25519 (RFC 8032): whoever has the secret (of any length) signs; the public key, 32 bytes, only
// tells whether a signature is the secret's. A signature is given as hex; any other text proves
// nothing.
std::string signing_public_key(std::string_view secret);
std::string sign_hex(std::string_view secret, std::string_view bytes);
bool signature_proves(std::string_view public_key, std::string_view bytes,
                      std::string_view signature_hex);
bool equal_constant_time(std::string_view a, std::string_view b);
// scrypt (RFC 7914), N=2^15 r=8 p=1, 32 bytes as hex: about 60 ms; for the operator's PIN.
Result<std::string> scrypt_hex(std::string_view secret, std::string_view salt);

// Bytes from getrandom(2); aborts if the kernel cannot give any.
std::string random_bytes(std::size_t count);
std::string random_hex(std::size_t bytes);
// A ULID (https://github.com/ulid/spec): 26 characters of Crockford base32, sortable by time.
std::string ulid(std::int64_t unix_ms);

std::string to_hex(std::string_view bytes);
std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes);  // no padding
Result<std::string> decode_base64url(std::string_view text);

}  // namespace remit
