#include "server/console/cose_key.h"

#include <memory>
#include <optional>
#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace remit::console {
namespace {

constexpr std::int64_t kEs256 = kCoseAlgorithms[0], kEdDsa = kCoseAlgorithms[1],
                       kRs256 = kCoseAlgorithms[2];
// Types of keys, and their curves.
constexpr std::int64_t kOkp = 1, kEc2 = 2, kRsa = 3, kP256 = 1, kEd25519 = 6;
constexpr std::size_t kCoordinate = 32;
constexpr int kRsaBits = 2048, kRsaMostBits = 4096;
constexpr std::size_t kRsaExponentBytes = 4;

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

tl::unexpected<Error> unusable(const std::string& what) {
  return fail(ErrorKind::invalid_argument, "the passkey's public key cannot be used: " + what);
}

// The members of a COSE_Key that stand for something here; each at most once.
struct CoseKey {
  std::optional<std::int64_t> type, algorithm, curve;  // 1, 3, -1 of a curve
  std::optional<std::string_view> first, second;       // -2 x or e; -3 y. Of RSA -1 n, -2 e
};

Result<CoseKey> read(std::string_view cose_key) {
  CborReader reader(cose_key);
  TRY(const std::size_t pairs, reader.map());
  CoseKey out;
  bool rsa = false;
  for (std::size_t i = 0; i < pairs; ++i) {
    TRY(const std::int64_t label, reader.integer());
    const auto number = [&](std::optional<std::int64_t>& into) -> Result<void> {
      if (into) return unusable("a member stands twice");
      TRY(into, reader.integer());
      return {};
    };
    const auto string = [&](std::optional<std::string_view>& into) -> Result<void> {
      if (into) return unusable("a member stands twice");
      TRY(into, reader.bytes());
      return {};
    };
    switch (label) {
      case 1:
        TRY_DO(number(out.type));
        rsa = *out.type == kRsa;
        break;
      case 3:
        TRY_DO(number(out.algorithm));
        break;
      case -1:
        TRY_DO(rsa ? string(out.first) : number(out.curve));
        break;
      case -2:
        TRY_DO(string(rsa ? out.second : out.first));
        break;
      case -3:
        TRY_DO(string(out.second));
        break;
      default:
        return unusable("it has a member of another kind of key");
    }
  }
  if (!reader.at_end()) return unusable("something stands behind it");
  if (!out.type || !out.algorithm) return unusable("it does not say what it is");
  return out;
}

Result<Key> from_parameters(const char* kind, OSSL_PARAM_BLD* builder) {
  const Params params(::OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return unusable("OpenSSL does not take it");
  Key key(made);
  const KeyContext check(::EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!check || ::EVP_PKEY_public_check(check.get()) != 1)
    return unusable("it is no point of its curve, or no modulus");
  return key;
}

Result<Key> elliptic(const CoseKey& cose) {
  if (cose.curve != kP256 || !cose.first || !cose.second || cose.first->size() != kCoordinate ||
      cose.second->size() != kCoordinate)
    return unusable("an ES256 key is a point of P-256");
  std::string point = "\x04";  // uncompressed
  point.append(*cose.first).append(*cose.second);
  const Builder builder(::OSSL_PARAM_BLD_new());
  if (!builder ||
      ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                        0) != 1 ||
      ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1)
    return fail(ErrorKind::internal, "OpenSSL has no memory");
  return from_parameters("EC", builder.get());
}

Result<Key> edwards(const CoseKey& cose) {
  if (cose.curve != kEd25519 || !cose.first || cose.second || cose.first->size() != kCoordinate)
    return unusable("an EdDSA key is a point of Ed25519");
  Key key(::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*cose.first),
                                        cose.first->size()));
  if (!key) return unusable("OpenSSL does not take it");
  return key;
}

Result<Key> rsa(const CoseKey& cose) {
  if (!cose.first || !cose.second || cose.first->size() > kRsaMostBits / 8 ||
      cose.second->empty() || cose.second->size() > kRsaExponentBytes)
    return unusable("an RS256 key has a modulus of 2048 to 4096 bits and a small exponent");
  const Number n(::BN_bin2bn(bytes_of(*cose.first), static_cast<int>(cose.first->size()), nullptr));
  const Number e(
      ::BN_bin2bn(bytes_of(*cose.second), static_cast<int>(cose.second->size()), nullptr));
  const Builder builder(::OSSL_PARAM_BLD_new());
  if (!n || !e || !builder) return fail(ErrorKind::internal, "OpenSSL has no memory");
  if (::BN_num_bits(n.get()) < kRsaBits || !::BN_is_odd(n.get()) || !::BN_is_odd(e.get()) ||
      ::BN_is_one(e.get()))
    return unusable("an RS256 key has a modulus of 2048 to 4096 bits and a small exponent");
  if (::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return fail(ErrorKind::internal, "OpenSSL has no memory");
  return from_parameters("RSA", builder.get());
}

Result<Key> key_of(const CoseKey& cose) {
  if (cose.type == kEc2 && cose.algorithm == kEs256) return elliptic(cose);
  if (cose.type == kOkp && cose.algorithm == kEdDsa) return edwards(cose);
  if (cose.type == kRsa && cose.algorithm == kRs256) return rsa(cose);
  return unusable("only ES256, EdDSA and RS256 are taken");
}

}  // namespace

Result<std::int64_t> check_cose_key(std::string_view cose_key) {
  TRY(const CoseKey cose, read(cose_key));
  TRY(const Key key, key_of(cose));
  return *cose.algorithm;
}

Result<void> check_signature(std::string_view cose_key, std::string_view signed_bytes,
                             std::string_view signature) {
  TRY(const CoseKey cose, read(cose_key));
  TRY(const Key key, key_of(cose));
  const DigestContext context(::EVP_MD_CTX_new());
  // Ed25519 hashes by itself.
  const EVP_MD* digest = cose.algorithm == kEdDsa ? nullptr : ::EVP_sha256();
  const bool holds =
      context && ::EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
      ::EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                         bytes_of(signed_bytes), signed_bytes.size()) == 1;
  if (holds) return {};
  return fail(ErrorKind::denied, "the passkey's signature does not hold", {}, "passkey");
}

}  // namespace remit::console
