// Fuzzes what a browser sends of a passkey: an answer's text, and its parts by themselves, which
// are base64url there and would rarely be met through it. Whatever comes in, nothing holds that
// nobody signed, what is read lies within what was sent, and reading it again gives the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "server/console/cbor.h"
#include "server/console/cose_key.h"
#include "server/console/webauthn.h"
#include "tests/fuzz/require.h"

using namespace remit;
using namespace remit::console;

namespace {

const RelyingParty kParty{"http://localhost:8812", "localhost"};
const std::string kChallenge(32, 'c');

void check_cbor(std::string_view bytes) {
  CborReader reader(bytes);
  if (!reader.skip()) return;
  REQUIRE_THAT(reader.position() > 0 && reader.position() <= bytes.size());
  // The same item, cut by one byte, is none; followed by something, the same.
  CborReader cut(bytes.substr(0, reader.position() - 1));
  REQUIRE_THAT(!cut.skip());
}

void check_data(std::string_view bytes) {
  const auto data = parse_authenticator_data(bytes);
  if (!data) return;
  REQUIRE_THAT(data->rp_id_hash == bytes.substr(0, 32));
  REQUIRE_THAT(data->credential_id.size() + data->cose_key.size() < bytes.size());
  REQUIRE_THAT(bytes.find(data->cose_key) != std::string_view::npos);
  REQUIRE_THAT(!parse_authenticator_data(bytes.substr(0, bytes.size() - 1)) || bytes.size() != 37);
}

void check_answers(std::string_view text) {
  if (const auto answer = parse_assertion(text)) {
    REQUIRE_THAT(base64url(answer->credential_id) + "." + base64url(answer->client_data) + "." +
                     base64url(answer->authenticator_data) + "." + base64url(answer->signature) +
                     "." + base64url(answer->user_handle) ==
                 text);
    REQUIRE_THAT(!check_assertion(*answer, kParty, kChallenge, answer->authenticator_data));
  }
  if (const auto made = parse_registration(text)) {
    const auto data = check_registration(*made, kParty, kChallenge);
    if (data) REQUIRE_THAT(check_cose_key(data->cose_key) && !data->credential_id.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_cbor(bytes);
  check_data(bytes);
  if (const auto algorithm = check_cose_key(bytes))
    REQUIRE_THAT(!check_signature(bytes, "nobody signed this", "with nothing"));
  check_answers(bytes);
  // The browser's part is right, the key's part is fuzzed.
  const std::string client = R"({"type":"webauthn.create","challenge":")" + base64url(kChallenge) +
                             R"(","origin":"http://localhost:8812","crossOrigin":false})";
  const auto made = check_registration({client, std::string(bytes)}, kParty, kChallenge);
  if (made)
    REQUIRE_THAT(made->user_present && made->user_verified && check_cose_key(made->cose_key));
  return 0;
}
