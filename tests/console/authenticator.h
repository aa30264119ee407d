// A passkey without a device: a key of OpenSSL's that answers as an authenticator and a browser do,
// and lies where a test wants it to. WebAuthn Level 3, sections 5.8.1, 6.1, 6.5.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "base/json.h"

namespace remit::console {

// Writing CBOR, as far as tests need it.
inline std::string cbor_head(unsigned major, std::size_t value) {
  const auto byte = [](std::size_t one) { return static_cast<char>(one & 255u); };
  const std::size_t first = std::size_t{major} << 5U;
  if (value < 24) return {byte(first | value)};
  if (value < 256) return {byte(first | 24), byte(value)};
  return {byte(first | 25), byte(value >> 8U), byte(value)};
}
inline std::string cbor_int(std::int64_t value) {
  return value >= 0 ? cbor_head(0, static_cast<std::size_t>(value))
                    : cbor_head(1, static_cast<std::size_t>(-1 - value));
}
inline std::string cbor_bytes(const std::string& bytes) {
  return cbor_head(2, bytes.size()) + bytes;
}
inline std::string cbor_text(const std::string& text) {
  return cbor_head(3, text.size()) + text;
}
inline std::string raw_hash(std::string_view bytes) {
  const Sha256Digest digest = sha256(bytes);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

enum class Kind { es256, eddsa, rs256 };

// What an authenticator and a browser say, for a test to change.
struct Told {
  std::string origin = "http://localhost:8812", rp_id = "localhost";
  std::string type = {};         // "" = the right one
  std::string user_handle = {};  // of an assertion
  bool present = true, verified = true, eligible = false, backed_up = false, cross_origin = false;
  std::uint32_t counter = 0;    // 0: the next one
  std::string extensions = {};  // CBOR
  bool self_attested = false;
  std::function<void(std::string&)> spoil_client_data = {}, spoil_data = {}, spoil_signature = {};
};

class Authenticator {
 public:
  explicit Authenticator(Kind kind = Kind::es256, std::string id = random_bytes(16))
      : kind_(kind), id_(std::move(id)), key_(make(kind), EVP_PKEY_free) {
    REQUIRE(key_);
  }
  const std::string& id() const { return id_; }
  std::string name() const { return base64url(id_); }

  std::string cose_key() const {
    switch (kind_) {
      case Kind::es256:
        return cbor_head(5, 5) + cbor_int(1) + cbor_int(2) + cbor_int(3) + cbor_int(-7) +
               cbor_int(-1) + cbor_int(1) + cbor_int(-2) +
               cbor_bytes(number(OSSL_PKEY_PARAM_EC_PUB_X, 32)) + cbor_int(-3) +
               cbor_bytes(number(OSSL_PKEY_PARAM_EC_PUB_Y, 32));
      case Kind::eddsa: {
        std::string raw(32, '\0');
        std::size_t size = raw.size();
        EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                    &size);
        return cbor_head(5, 4) + cbor_int(1) + cbor_int(1) + cbor_int(3) + cbor_int(-8) +
               cbor_int(-1) + cbor_int(6) + cbor_int(-2) + cbor_bytes(raw);
      }
      case Kind::rs256:
        return cbor_head(5, 4) + cbor_int(1) + cbor_int(3) + cbor_int(3) + cbor_int(-257) +
               cbor_int(-1) + cbor_bytes(number(OSSL_PKEY_PARAM_RSA_N, 256)) + cbor_int(-2) +
               cbor_bytes(number(OSSL_PKEY_PARAM_RSA_E, 3));
    }
    return {};
  }

  std::string signature(const std::string& bytes) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    const EVP_MD* digest = kind_ == Kind::eddsa ? nullptr : EVP_sha256();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1);
    std::string out(1024, '\0');
    std::size_t size = out.size();
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                           reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size()) == 1);
    out.resize(size);
    return out;
  }

  std::string data(const Told& told, bool with_key) {
    counter_ = told.counter != 0 ? told.counter : counter_ + 1;
    std::string out = raw_hash(told.rp_id);
    out += static_cast<char>((told.present ? 1 : 0) | (told.verified ? 4 : 0) |
                             (told.eligible ? 8 : 0) | (told.backed_up ? 16 : 0) |
                             (with_key ? 64 : 0) | (told.extensions.empty() ? 0 : 128));
    for (int shift = 24; shift >= 0; shift -= 8)
      out += static_cast<char>((counter_ >> static_cast<unsigned>(shift)) & 255u);
    if (with_key)
      out += std::string(16, '\0') + static_cast<char>(id_.size() >> 8U) +
             static_cast<char>(id_.size() & 255u) + id_ + cose_key();
    return out + told.extensions;
  }

  // What a form's field `passkey` gets.
  std::string answer(std::string_view challenge, const Told& told = {}) {
    std::string client = client_data("webauthn.get", challenge, told), bytes = data(told, false);
    std::string signed_bytes = signature(bytes + raw_hash(client));
    if (told.spoil_client_data) told.spoil_client_data(client);
    if (told.spoil_data) told.spoil_data(bytes);
    if (told.spoil_signature) told.spoil_signature(signed_bytes);
    return base64url(id_) + "." + base64url(client) + "." + base64url(bytes) + "." +
           base64url(signed_bytes) + "." + base64url(told.user_handle);
  }
  std::string registration(std::string_view challenge, const Told& told = {}) {
    std::string client = client_data("webauthn.create", challenge, told), bytes = data(told, true);
    std::string statement = cbor_head(5, 0);
    if (told.self_attested) {
      const std::int64_t algorithm = kind_ == Kind::es256 ? -7 : kind_ == Kind::eddsa ? -8 : -257;
      std::string signed_bytes = signature(bytes + raw_hash(client));
      if (told.spoil_signature) told.spoil_signature(signed_bytes);
      statement = cbor_head(5, 2) + cbor_text("alg") + cbor_int(algorithm) + cbor_text("sig") +
                  cbor_bytes(signed_bytes);
    }
    if (told.spoil_data) told.spoil_data(bytes);
    const std::string object =
        cbor_head(5, 3) + cbor_text("fmt") + cbor_text(told.self_attested ? "packed" : "none") +
        cbor_text("attStmt") + statement + cbor_text("authData") + cbor_bytes(bytes);
    return base64url(client) + "." + base64url(object);
  }

 private:
  static std::string client_data(const char* type, std::string_view challenge, const Told& told) {
    return dump(OrderedJson{{"type", told.type.empty() ? type : told.type},
                            {"challenge", base64url(challenge)},
                            {"origin", told.origin},
                            {"crossOrigin", told.cross_origin}});
  }
  static EVP_PKEY* make(Kind kind) {
    switch (kind) {
      case Kind::es256:
        return EVP_EC_gen("P-256");
      case Kind::eddsa:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      case Kind::rs256:
        return EVP_RSA_gen(2048);
    }
    return nullptr;
  }
  std::string number(const char* what, std::size_t size) const {
    BIGNUM* value = nullptr;
    REQUIRE(EVP_PKEY_get_bn_param(key_.get(), what, &value) == 1);
    std::string out(size, '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
    BN_free(value);
    return out;
  }

  Kind kind_;
  std::string id_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::uint32_t counter_ = 0;
};

}  // namespace remit::console
