// SHA-256 is OpenSSL's assembler, called below EVP, of which the linker then takes 25 KB. One call
// of EVP would bring 3.5 MB of it into every process, 350 KB of them to be relocated at each start.
// What is rarer than hashing is libsodium's, which is made of small parts: HMAC, Ed25519 and
// scrypt.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/crypto.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <openssl/sha.h>
#include <sodium/core.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_pwhash_scryptsalsa208sha256.h>
#include <sodium/crypto_sign.h>

namespace remit {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode64(std::string_view bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8) | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      if (j <= have) {
        out += alphabet[(group >> (18 - 6 * j)) & 63u];
      } else if (pad) {
        out += '=';
      }
    }
  }
  return out;
}

}  // namespace

struct Sha256::State {
  SHA256_CTX context;
  State() { SHA256_Init(&context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
}

void Sha256::field(std::string_view bytes) {
  const auto length = static_cast<std::uint64_t>(bytes.size());
  std::array<char, 8> prefix{};
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    prefix[i] = static_cast<char>((length >> (8 * i)) & 0xFFu);
  }
  update({prefix.data(), prefix.size()});
  update(bytes);
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  SHA256_Final(digest.data(), &state_->context);
  return digest;
}

std::string Sha256::finish_hex() {
  return to_hex(remit::bytes_of(finish()));
}

Sha256Digest sha256(std::string_view bytes) {
  Sha256Digest digest{};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::string sha256_hex(std::string_view bytes) {
  return to_hex(remit::bytes_of(sha256(bytes)));
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  crypto_auth_hmacsha256_state state;
  Sha256Digest digest{};
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, digest.data());
  return to_hex(remit::bytes_of(digest));
}

namespace {

struct SigningKeys {
  explicit SigningKeys(std::string_view secret_bytes) {
    Sha256Digest seed = sha256(secret_bytes);
    crypto_sign_seed_keypair(open.data(), secret.data(), seed.data());
    ::explicit_bzero(seed.data(), seed.size());
  }
  ~SigningKeys() { ::explicit_bzero(secret.data(), secret.size()); }
  SigningKeys(const SigningKeys&) = delete;
  SigningKeys& operator=(const SigningKeys&) = delete;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
};

}  // namespace

std::string signing_public_key(std::string_view secret) {
  const SigningKeys keys(secret);
  return {reinterpret_cast<const char*>(keys.open.data()), keys.open.size()};
}

std::string sign_hex(std::string_view secret, std::string_view bytes) {
  const SigningKeys keys(secret);
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  crypto_sign_detached(signature.data(), nullptr, bytes_of(bytes), bytes.size(),
                       keys.secret.data());
  return to_hex({reinterpret_cast<const char*>(signature.data()), signature.size()});
}

bool signature_proves(std::string_view public_key, std::string_view bytes,
                      std::string_view signature_hex) {
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  if (public_key.size() != crypto_sign_PUBLICKEYBYTES ||
      signature_hex.size() != 2 * signature.size()) {
    return false;
  }
  for (std::size_t i = 0; i < signature.size(); ++i) {
    const char* const digits = signature_hex.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, signature[i], 16).ptr != digits + 2) return false;
  }
  return crypto_sign_verify_detached(signature.data(), bytes_of(bytes), bytes.size(),
                                     bytes_of(public_key)) == 0;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

Result<std::string> scrypt_hex(std::string_view secret, std::string_view salt) {
  constexpr std::uint64_t kN = 1u << 15;
  constexpr std::uint32_t kR = 8, kP = 1;
  std::array<unsigned char, 32> out{};
  // Initialised, the library uses what this processor has; it may be told so many times.
  if (::sodium_init() < 0 || ::crypto_pwhash_scryptsalsa208sha256_ll(
                                 bytes_of(secret), secret.size(), bytes_of(salt), salt.size(), kN,
                                 kR, kP, out.data(), out.size()) != 0) {
    return fail(ErrorKind::internal, "scrypt failed");
  }
  return to_hex({reinterpret_cast<const char*>(out.data()), out.size()});
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = ::getrandom(out.data() + have, count - have, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // without randomness no id or key is safe
    }
    have += static_cast<std::size_t>(got);
  }
  return out;
}

std::string random_hex(std::size_t bytes) {
  return to_hex(random_bytes(bytes));
}

std::string ulid(std::int64_t unix_ms) {
  constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string out(26, '0');
  auto time = static_cast<std::uint64_t>(unix_ms);
  for (std::size_t i = 10; i-- > 0;) {
    out[i] = kCrockford[time & 31u];
    time >>= 5;
  }
  const std::string random = random_bytes(16);
  for (std::size_t i = 0; i < 16; ++i) {
    out[10 + i] = kCrockford[static_cast<unsigned char>(random[i]) & 31u];
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out[2 * i] = kDigits[byte >> 4];
    out[2 * i + 1] = kDigits[byte & 15u];
  }
  return out;
}

std::string base64(std::string_view bytes) {
  return encode64(bytes, kBase64, true);
}
std::string base64url(std::string_view bytes) {
  return encode64(bytes, kBase64Url, false);
}

Result<std::string> decode_base64url(std::string_view text) {
  const auto bad = [] { return fail(ErrorKind::invalid_argument, "not base64url"); };
  if (text.size() % 4 == 1) return bad();
  std::string out;
  std::uint32_t group = 0;
  std::size_t bits = 0;
  for (const char c : text) {
    const std::size_t value = kBase64Url.find(c);
    if (value == std::string_view::npos) return bad();
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>((group >> bits) & 0xFFu);
    }
  }
  // Leftover bits must be zero: one value has one spelling.
  if ((group & ((1u << bits) - 1)) != 0) return bad();
  return out;
}

}  // namespace remit
