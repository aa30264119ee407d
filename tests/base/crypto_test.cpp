#include "base/crypto.h"

#include <doctest/doctest.h>

using namespace remit;

TEST_CASE("published vectors") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test case 2
  CHECK(hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // RFC 7914 at our parameters; Python's hashlib.scrypt says the same.
  CHECK(*scrypt_hex("pleaseletmein", "SodiumChloride") ==
        "f72cbc204bdcfc3ff5b115d8508aec1566ff0ef3f658388601a3933078ef7ac8");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64url("\xff\xfe") == "__4");
}

TEST_CASE("a hash in hex is told from everything else of its length") {
  CHECK(is_sha256_hex(sha256_hex("")));
  const std::string identity = "id:64512:12345:10485760:1795490000123456789:179549000012345678";
  CHECK(identity.size() < 64);
  CHECK_FALSE(is_sha256_hex(identity + std::string(64 - identity.size(), '9')));
  CHECK_FALSE(is_sha256_hex(std::string(63, 'a')));
  CHECK_FALSE(is_sha256_hex(std::string(65, 'a')));
  CHECK_FALSE(is_sha256_hex(std::string(64, 'A')));
}

TEST_CASE("a signature is proved by the public key alone, and by no other") {
  const std::string open = signing_public_key("secret");
  const std::string signature = sign_hex("secret", "text");
  CHECK(open.size() == 32);
  CHECK(signature_proves(open, "text", signature));
  CHECK_FALSE(signature_proves(open, "texts", signature));
  CHECK_FALSE(signature_proves(signing_public_key("other"), "text", signature));
  CHECK_FALSE(signature_proves(open, "text", sign_hex("other", "text")));
  // No form of a text that is no signature proves anything.
  std::string altered = signature;
  altered[5] = altered[5] == '0' ? '1' : '0';
  for (const std::string& text :
       {std::string(), altered, signature.substr(2), signature + "00", std::string(128, 'g'),
        std::string(128, '0'), " " + signature.substr(1), "-" + signature.substr(1)}) {
    CHECK_FALSE(signature_proves(open, "text", text));
  }
  CHECK_FALSE(signature_proves("", "text", signature));
  CHECK_FALSE(signature_proves("secret", "text", signature));
}

TEST_CASE("fields of a hash cannot run into one another") {
  Sha256 a, b;
  a.field("ab");
  a.field("c");
  b.field("a");
  b.field("bc");
  CHECK(a.finish_hex() != b.finish_hex());
}

TEST_CASE("base64url has one spelling per value") {
  CHECK(*decode_base64url("__4") == "\xff\xfe");
  CHECK_FALSE(decode_base64url("__5"));   // leftover bits set
  CHECK_FALSE(decode_base64url("a"));     // impossible length
  CHECK_FALSE(decode_base64url("ab=="));  // no padding in base64url here
}

TEST_CASE("ulid sorts by time") {
  CHECK(ulid(1000).size() == 26);
  CHECK(ulid(1000) < ulid(2000));
  CHECK(ulid(1000) != ulid(1000));
}
