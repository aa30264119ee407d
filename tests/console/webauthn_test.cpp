// The parsers and checks of a passkey's answer, without a console: what holds, and every way in
// which it does not. Cut at each byte, deep and endless CBOR, wrong lengths: an error and nothing
// else.
#include "server/console/webauthn.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "server/console/cbor.h"
#include "server/console/cose_key.h"
#include "tests/console/authenticator.h"

namespace remit::console {
namespace {

const RelyingParty kParty{"http://localhost:8812", "localhost"};
const std::string kChallenge(32, 'c');

Result<AuthenticatorData> asserted(Authenticator& key, const Told& told,
                                   std::string_view challenge = kChallenge) {
  TRY(const Assertion answer, parse_assertion(key.answer(kChallenge, told)));
  return check_assertion(answer, kParty, challenge, key.cose_key());
}
Result<AuthenticatorData> registered(Authenticator& key, const Told& told) {
  TRY(const Registration answer, parse_registration(key.registration(kChallenge, told)));
  return check_registration(answer, kParty, kChallenge);
}
std::string said(const Result<AuthenticatorData>& result) {
  return result ? "held" : result.error().message;
}

TEST_CASE("a key of each kind is registered and answers") {
  for (const Kind kind : {Kind::es256, Kind::eddsa, Kind::rs256}) {
    Authenticator key(kind);
    const auto made = registered(key, {});
    REQUIRE_MESSAGE(made, said(made));
    CHECK(made->credential_id == key.id());
    CHECK(made->cose_key == key.cose_key());
    CHECK(made->counter == 1);
    const auto answered = asserted(key, {});
    REQUIRE_MESSAGE(answered, said(answered));
    CHECK(answered->counter == 2);
    CHECK(said(registered(key, {.self_attested = true})) == "held");
    CHECK(said(registered(key, {.self_attested = true, .spoil_signature = [](std::string& one) {
                                  one.back() = static_cast<char>(one.back() ^ 1);
                                }})) == "the passkey's signature does not hold");
    // Keys add extensions to what they sign.
    CHECK(said(asserted(key, {.extensions = cbor_head(5, 1) + cbor_text("credProtect") +
                                            cbor_int(2)})) == "held");
    CHECK(said(asserted(key, {.spoil_signature = [](std::string& one) {
                          one.back() = static_cast<char>(one.back() ^ 1);
                        }})) == "the passkey's signature does not hold");
    CHECK(said(asserted(key, {.spoil_data = [](std::string& one) {
                          one.back() = static_cast<char>(one.back() ^ 1);
                        }})) == "the passkey's signature does not hold");
    CHECK(said(asserted(key, {.spoil_client_data = [](std::string& one) { one += ' '; }})) ==
          "the passkey's signature does not hold");
    Authenticator other(kind);
    const auto answer = parse_assertion(key.answer(kChallenge));
    CHECK(said(check_assertion(*answer, kParty, kChallenge, other.cose_key())) ==
          "the passkey's signature does not hold");
  }
}

TEST_CASE("what does not hold is refused with its reason") {
  struct Row {
    Told told;
    const char* why;
  };
  const Row rows[] = {
      {{.origin = "http://localhost:9999"},
       "the passkey was used at http://localhost:9999, not at http://localhost:8812"},
      {{.origin = "https://localhost:8812"},
       "the passkey was used at https://localhost:8812, not at http://localhost:8812"},
      {{.origin = "http://LOCALHOST:8812"},
       "the passkey was used at http://LOCALHOST:8812, not at http://localhost:8812"},
      {{.rp_id = "evil.example"}, "the passkey belongs to another site than localhost"},
      {{.present = false}, "the passkey did not see that somebody is there"},
      {{.verified = false},
       "the passkey did not verify who is there; set a PIN or a finger for it"},
      {{.backed_up = true}, "the passkey says that it is backed up and cannot be"},
      {{.cross_origin = true}, "the passkey was used inside another site's page"},
  };
  for (const Row& row : rows) {
    Authenticator key;
    CHECK(said(asserted(key, row.told)) == row.why);
    CHECK(said(registered(key, row.told)) == row.why);
  }
  Authenticator key;
  CHECK(said(asserted(key, {.type = "webauthn.create"})) ==
        "the passkey was asked for webauthn.create, not for webauthn.get");
  CHECK(said(registered(key, {.type = "webauthn.get"})) ==
        "the passkey was asked for webauthn.get, not for webauthn.create");
  CHECK(said(asserted(key, {}, std::string(32, 'd'))) ==
        "the passkey signed something else than this form: read it again");
  const auto with_top = [](std::string& one) {
    one.insert(one.size() - 1, R"(,"topOrigin":"https://evil.example")");
  };
  CHECK(said(asserted(key, {.spoil_client_data = with_top})) ==
        "the passkey was used inside another site's page");
  // Said twice: which one another reader takes cannot be known.
  const auto twice = [](std::string& one) {
    one.insert(one.size() - 1, R"(,"origin":"http://localhost:8812")");
  };
  CHECK(said(asserted(key, {.spoil_client_data = twice})) ==
        "the passkey's answer is malformed: its client data is no JSON object");
}

TEST_CASE("an attestation that nobody asked for, and objects that are none") {
  Authenticator key;
  const auto answer = parse_registration(key.registration(kChallenge));
  const auto with = [&](const std::string& object) {
    return said(check_registration({answer->client_data, object}, kParty, kChallenge));
  };
  const std::string data = cbor_text("authData") + cbor_bytes(key.data({}, true)),
                    none = cbor_text("fmt") + cbor_text("none"),
                    empty = cbor_text("attStmt") + cbor_head(5, 0);
  CHECK(with(cbor_head(5, 3) + none + empty + data) == "held");
  CHECK(with(cbor_head(5, 3) + data + empty + none) == "held");
  CHECK(with(cbor_head(5, 3) + cbor_text("fmt") + cbor_text("tpm") + empty + data) ==
        "the passkey sent an attestation (tpm) that nobody asked for");
  CHECK(with(cbor_head(5, 3) + none + cbor_text("attStmt") + cbor_head(5, 1) + cbor_text("x5c") +
             cbor_head(4, 0) + data) ==
        "the passkey sent an attestation (none) that nobody asked for");
  for (const std::string& object :
       {std::string(), cbor_head(5, 2) + none + empty, cbor_head(5, 4) + none + none + empty + data,
        cbor_head(5, 3) + none + empty + data + "x", cbor_head(4, 1) + none,
        cbor_head(5, 4) + none + empty + data + cbor_text("more") + cbor_int(1),
        cbor_head(5, 3) + none + empty + cbor_text("authData") + cbor_text("text")})
    CHECK(with(object).starts_with("the passkey's answer is malformed: its attestation: "));
  CHECK(with(cbor_head(5, 3) + none + empty + cbor_text("authData") +
             cbor_bytes(key.data({}, false))) ==
        "the passkey's answer is malformed: it holds no key");
}

TEST_CASE("authenticator data of every wrong length is refused") {
  Authenticator key;
  const Told extended{.extensions = cbor_head(5, 1) + cbor_text("a") + cbor_int(1)};
  for (const std::string& whole : {key.data({}, false), key.data({}, true),
                                   key.data(extended, false), key.data(extended, true)}) {
    REQUIRE(parse_authenticator_data(whole));
    for (std::size_t i = 0; i < whole.size(); ++i)
      CHECK_MESSAGE(!parse_authenticator_data(whole.substr(0, i)), i);
    CHECK(!parse_authenticator_data(whole + '\0'));
  }
  std::string data = key.data({}, true);
  data[53] = data[54] = '\xff';  // the length of the credential id
  CHECK(!parse_authenticator_data(data));
  data[53] = data[54] = 0;
  CHECK(!parse_authenticator_data(data));
  CHECK(
      !parse_authenticator_data(Authenticator(Kind::es256, std::string(1024, 'i')).data({}, true)));
  CHECK(
      parse_authenticator_data(Authenticator(Kind::es256, std::string(1023, 'i')).data({}, true)));
  // An extension map that is none.
  CHECK(!parse_authenticator_data(key.data({.extensions = cbor_int(1)}, false)));
}

TEST_CASE("texts that are no answers") {
  Authenticator key;
  const std::string good = key.answer(kChallenge), made = key.registration(kChallenge);
  CHECK(parse_assertion(good));
  CHECK(parse_registration(made));
  for (const std::string& text :
       {std::string(), std::string("."), std::string("...."), good + ".",
        good.substr(0, good.find('.')), "=" + good, good + "=", std::string(9000, 'a')})
    if (text != "....") CHECK(!parse_assertion(text));
  CHECK(!parse_assertion(made));
  CHECK(!parse_registration(good));
  // Parts of nothing are parts, and hold nothing.
  CHECK(!check_assertion(parse_assertion("....").value(), kParty, kChallenge, key.cose_key()));
}

TEST_CASE("CBOR that is deep, endless, lying about its size or written otherwise") {
  const auto skipped = [](const std::string& bytes) {
    CborReader reader(bytes);
    return reader.skip().has_value() && reader.at_end();
  };
  CHECK(skipped(cbor_head(5, 1) + cbor_text("a") + cbor_head(4, 2) + "\xf4" + "\xf6"));
  CHECK(skipped(std::string(4, '\x81') + '\0'));
  CHECK(!skipped(std::string(5, '\x81') + '\0'));
  CHECK(!skipped(std::string(100'000, '\x81')));
  const std::vector<std::string> bad = {
      "",
      "\x9f",                                                  // an array without an end
      "\xff",                                                  // the end of one
      std::string("\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9),  // 2^64 - 1 bytes
      std::string("\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", 9),  // as many items
      std::string("\xbb\x80\0\0\0\0\0\0\0", 9),  // pairs whose number overflows when doubled
      std::string("\x18\x17", 2),                // 23 in two bytes
      std::string("\x19\0\x18", 3),              // 24 in three
      "\xc0\x60",                                // a tag
      std::string("\xf9\0\0", 3),                // a float
      "\xf7",
      "\xe0",
      "\x1c",      // undefined, unassigned, reserved
      "\x42\x61",  // cut
  };
  for (const std::string& bytes : bad) CHECK_MESSAGE(!skipped(bytes), to_hex(bytes));
  const std::string least = std::string("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9);
  CHECK(CborReader(least).integer().value() == INT64_MIN);
  const std::string beyond = std::string("\x3b\x80\0\0\0\0\0\0\0", 9);
  CHECK(!CborReader(beyond).integer());
}

TEST_CASE("keys that are none of the three kinds") {
  const std::string point = Authenticator().cose_key();
  CHECK(check_cose_key(point).value() == -7);
  for (std::size_t i = 0; i < point.size(); ++i) CHECK(!check_cose_key(point.substr(0, i)));
  CHECK(!check_cose_key(point + '\0'));
  std::string off = point;
  off.back() = static_cast<char>(off.back() ^ 1);  // not on the curve
  CHECK(!check_cose_key(off));
  const auto elliptic = [](std::int64_t algorithm, std::int64_t curve, const std::string& x) {
    return cbor_head(5, 5) + cbor_int(1) + cbor_int(2) + cbor_int(3) + cbor_int(algorithm) +
           cbor_int(-1) + cbor_int(curve) + cbor_int(-2) + cbor_bytes(x) + cbor_int(-3) +
           cbor_bytes(std::string(32, 'y'));
  };
  CHECK(!check_cose_key(elliptic(-35, 2, std::string(48, 'x'))));  // ES384
  CHECK(!check_cose_key(elliptic(-7, 2, std::string(32, 'x'))));
  CHECK(!check_cose_key(elliptic(-7, 1, std::string(33, 'x'))));
  const auto rsa = [](const std::string& n, const std::string& e) {
    return cbor_head(5, 4) + cbor_int(1) + cbor_int(3) + cbor_int(3) + cbor_int(-257) +
           cbor_int(-1) + cbor_bytes(n) + cbor_int(-2) + cbor_bytes(e);
  };
  const std::string e("\x01\x00\x01", 3);
  CHECK(!check_cose_key(rsa(std::string(128, '\xff'), e)));       // 1024 bits
  CHECK(!check_cose_key(rsa(std::string(513, '\xff'), e)));       // beyond 4096
  CHECK(!check_cose_key(rsa(std::string(256, '\xff'), "\x01")));  // encrypts nothing
  CHECK(!check_cose_key(rsa(std::string(256, '\xff'), std::string(8, '\xff'))));
  CHECK(!check_cose_key(rsa(std::string(255, '\xff') + '\0', e)));  // even
  // The same member twice, and one that is no key's.
  CHECK(!check_cose_key(cbor_head(5, 2) + cbor_int(1) + cbor_int(2) + cbor_int(1) + cbor_int(2)));
  CHECK(!check_cose_key(cbor_head(5, 1) + cbor_int(4) + cbor_int(2)));
}

TEST_CASE("where passkeys work") {
  for (const char* good : {"http://localhost", "http://localhost:8812", "https://remit.example",
                           "https://remit.example:8443", "https://localhost"})
    CHECK_MESSAGE(relying_party(good), good);
  CHECK(relying_party("https://a.remit.example:8443").value().id == "a.remit.example");
  for (const char* bad :
       {"", "localhost", "http://", "http://127.0.0.1:8812", "http://[::1]:8812",
        "http://remit.example", "https://remit.example/", "https://Remit.example",
        "https://remit.example:443", "http://localhost:80", "https://remit.example:",
        "https://remit.example:08", "https://remit.example:1234567", "https://user@remit.example",
        "https://10.0.0.1", "https://.example", "https://example.", "ftp://example"})
    CHECK_MESSAGE(!relying_party(bad), bad);
}

}  // namespace
}  // namespace remit::console
