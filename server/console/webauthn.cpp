#include "server/console/webauthn.h"

#include <array>
#include <span>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "server/console/cbor.h"
#include "server/console/cose_key.h"
#include "server/limits.h"

namespace remit::console {
namespace {

constexpr std::size_t kHashBytes = 32, kFlagsAt = 32, kCounterAt = 33, kFixedBytes = 37,
                      kAaguidBytes = 16;
// Flags of authenticator data.
constexpr unsigned kPresent = 1, kVerified = 4, kEligible = 8, kBackedUp = 16, kAttested = 64,
                   kExtensions = 128;

tl::unexpected<Error> bad_answer(const std::string& what) {
  return fail(ErrorKind::invalid_argument, "the passkey's answer is malformed: " + what);
}

tl::unexpected<Error> not_held(std::string why) {
  return fail(ErrorKind::denied, std::move(why), {}, "passkey");
}

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// The parts of an answer; as many as `into`.
Result<void> parse_parts(std::string_view text, std::span<std::string* const> into) {
  if (text.size() > limits::kPasskeyAnswerBytes) return bad_answer("it is too large");
  const auto parts = split(text, '.');
  if (parts.size() != into.size()) return bad_answer("it has another number of parts");
  for (std::size_t i = 0; i < into.size(); ++i) {
    auto bytes = decode_base64url(parts[i]);
    if (!bytes) return bad_answer("a part is not base64url");
    *into[i] = std::move(*bytes);
  }
  return {};
}

std::string shown(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return "(nothing)";
  const std::string& text = found->get_ref<const std::string&>();
  return escape_ascii(text.substr(0, limits::kEchoedInput));
}

// Section 5.8.1: what the browser says it was asked, and by whom.
Result<void> check_client_data(std::string_view bytes, const char* type, const RelyingParty& party,
                               std::string_view challenge) {
  const auto data = parse_json(bytes, {.refuse_duplicate_keys = true});
  if (!data || !data->is_object()) return bad_answer("its client data is no JSON object");
  const auto says = [&](const char* name, std::string_view value) {
    const auto found = data->find(name);
    return found != data->end() && found->is_string() &&
           equal_constant_time(found->get_ref<const std::string&>(), value);
  };
  if (!says("type", type))
    return not_held("the passkey was asked for " + shown(*data, "type") + ", not for " + type);
  if (!says("origin", party.origin))
    return not_held("the passkey was used at " + shown(*data, "origin") + ", not at " +
                    party.origin);
  const auto cross = data->find("crossOrigin");
  if ((cross != data->end() && *cross != false) || data->contains("topOrigin"))
    return not_held("the passkey was used inside another site's page");
  if (!says("challenge", base64url(challenge)))
    return not_held("the passkey signed something else than this form: read it again");
  return {};
}

Result<void> check_common(const AuthenticatorData& data, const RelyingParty& party) {
  if (!equal_constant_time(data.rp_id_hash, bytes_of(sha256(party.id))))
    return not_held("the passkey belongs to another site than " + party.id);
  if (!data.user_present) return not_held("the passkey did not see that somebody is there");
  if (!data.user_verified)
    return not_held("the passkey did not verify who is there; set a PIN or a finger for it");
  if (data.backed_up && !data.backup_eligible)
    return not_held("the passkey says that it is backed up and cannot be");
  return {};
}

// The attested credential data, section 6.5.1, behind the fixed part.
Result<std::size_t> read_credential(std::string_view bytes, AuthenticatorData& out) {
  std::size_t at = kFixedBytes + kAaguidBytes;
  if (bytes.size() < at + 2) return bad_answer("its key ends too early");
  const std::size_t length = byte_at(bytes, at) * 256u + byte_at(bytes, at + 1);
  at += 2;
  if (length == 0 || length > limits::kCredentialIdBytes)
    return bad_answer("its credential id has " + std::to_string(length) + " bytes");
  if (bytes.size() - at < length) return bad_answer("its credential id ends too early");
  out.credential_id = bytes.substr(at, length);
  at += length;
  CborReader reader(bytes.substr(at));
  if (const auto read = reader.skip(); !read) return bad_answer(read.error().message);
  out.cose_key = bytes.substr(at, reader.position());
  if (out.cose_key.size() > limits::kCoseKeyBytes) return bad_answer("its public key is too large");
  return at + reader.position();
}

// An attestation object, section 6.5.4.
struct AttestationObject {
  std::string_view format, authenticator_data;
  bool empty_statement = false;
  // Of "packed".
  std::int64_t algorithm = 0;
  std::string_view signature;
  bool other_members = false;
};

Result<void> read_statement(CborReader& reader, AttestationObject& out) {
  TRY(const std::size_t pairs, reader.map());
  out.empty_statement = pairs == 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    TRY(const std::string_view name, reader.text());
    if (name == "alg") {
      TRY(out.algorithm, reader.integer());
    } else if (name == "sig") {
      TRY(out.signature, reader.bytes());
    } else {
      out.other_members = true;
      TRY_DO(reader.skip());
    }
  }
  return {};
}

Result<AttestationObject> read_attestation(std::string_view bytes) {
  CborReader reader(bytes);
  TRY(const std::size_t pairs, reader.map());
  AttestationObject out;
  bool format = false, statement = false, data = false;
  for (std::size_t i = 0; i < pairs; ++i) {
    TRY(const std::string_view name, reader.text());
    if (name == "fmt" && !format) {
      format = true;
      TRY(out.format, reader.text());
    } else if (name == "attStmt" && !statement) {
      statement = true;
      TRY_DO(read_statement(reader, out));
    } else if (name == "authData" && !data) {
      data = true;
      TRY(out.authenticator_data, reader.bytes());
    } else {
      return fail(ErrorKind::invalid_argument,
                  "a member that does not belong there, or is there twice");
    }
  }
  if (!format || !statement || !data || !reader.at_end())
    return fail(ErrorKind::invalid_argument, "a member is missing, or something stands behind it");
  return out;
}

}  // namespace

Result<RelyingParty> relying_party(const std::string& origin) {
  const auto bad = [&] {
    return fail(
        ErrorKind::invalid_argument,
        "not an origin of a console: " + escape_ascii(origin.substr(0, limits::kEchoedInput)) +
            "; write https://HOST or https://HOST:PORT, in lower case");
  };
  const bool secure = origin.starts_with("https://");
  if (!secure && !origin.starts_with("http://")) return bad();
  const std::string_view authority = std::string_view(origin).substr(secure ? 8 : 7);
  const std::string_view host = authority.substr(0, authority.find(':'));
  const std::string_view port = authority.substr(host.size());
  constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  const auto is_digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (host.empty() || host.size() > limits::kHostNameBytes || host.starts_with('.') ||
      host.ends_with('.') || host.find_first_not_of(kNameCharacters) != std::string_view::npos)
    return bad();
  // A browser leaves the default port out of an origin.
  if (!port.empty() && (!is_digits(port.substr(1)) || port.size() > 6 || port[1] == '0' ||
                        port == (secure ? ":443" : ":80")))
    return bad();
  // An IPv4 address: its last part is a number, which no name's is.
  if (is_digits(host.substr(host.rfind('.') == std::string_view::npos ? 0 : host.rfind('.') + 1)))
    return bad();
  if (!secure && host != "localhost") return bad();
  return RelyingParty{origin, std::string(host)};
}

Result<AuthenticatorData> parse_authenticator_data(std::string_view bytes) {
  if (bytes.size() < kFixedBytes) return bad_answer("its authenticator data is too short");
  AuthenticatorData out;
  out.rp_id_hash = bytes.substr(0, kHashBytes);
  const unsigned flags = byte_at(bytes, kFlagsAt);
  out.user_present = (flags & kPresent) != 0;
  out.user_verified = (flags & kVerified) != 0;
  out.backup_eligible = (flags & kEligible) != 0;
  out.backed_up = (flags & kBackedUp) != 0;
  for (std::size_t i = 0; i < 4; ++i)
    out.counter = (out.counter << 8U) | byte_at(bytes, kCounterAt + i);
  std::size_t at = kFixedBytes;
  if ((flags & kAttested) != 0) {
    TRY(at, read_credential(bytes, out));
  }
  if ((flags & kExtensions) != 0) {
    CborReader reader(bytes.substr(at));
    if (const auto pairs = reader.map(); !pairs) return bad_answer(pairs.error().message);
    CborReader whole(bytes.substr(at));
    if (const auto read = whole.skip(); !read) return bad_answer(read.error().message);
    at += whole.position();
  }
  if (at != bytes.size()) return bad_answer("something stands behind its authenticator data");
  return out;
}

Result<Registration> parse_registration(std::string_view text) {
  Registration out;
  TRY_DO(parse_parts(text, std::array{&out.client_data, &out.attestation_object}));
  return out;
}

Result<Assertion> parse_assertion(std::string_view text) {
  Assertion out;
  TRY_DO(parse_parts(text, std::array{&out.credential_id, &out.client_data, &out.authenticator_data,
                                      &out.signature, &out.user_handle}));
  return out;
}

Result<AuthenticatorData> check_registration(const Registration& answer, const RelyingParty& party,
                                             std::string_view challenge) {
  TRY_DO(check_client_data(answer.client_data, "webauthn.create", party, challenge));
  const auto object = read_attestation(answer.attestation_object);
  if (!object) return bad_answer("its attestation: " + object.error().message);
  TRY(AuthenticatorData data, parse_authenticator_data(object->authenticator_data));
  TRY_DO(check_common(data, party));
  if (data.credential_id.empty()) return bad_answer("it holds no key");
  TRY(const std::int64_t algorithm, check_cose_key(data.cose_key));
  if (object->format == "none" && object->empty_statement) return data;
  // Self attestation: signed by the very key.
  if (object->format == "packed" && !object->other_members && object->algorithm == algorithm) {
    TRY_DO(check_signature(
        data.cose_key,
        std::string(object->authenticator_data) + std::string(bytes_of(sha256(answer.client_data))),
        object->signature));
    return data;
  }
  return not_held("the passkey sent an attestation (" +
                  escape_ascii(object->format.substr(0, limits::kEchoedInput)) +
                  ") that nobody asked for");
}

Result<AuthenticatorData> check_assertion(const Assertion& answer, const RelyingParty& party,
                                          std::string_view challenge, std::string_view cose_key) {
  TRY_DO(check_client_data(answer.client_data, "webauthn.get", party, challenge));
  TRY(AuthenticatorData data, parse_authenticator_data(answer.authenticator_data));
  if (!data.credential_id.empty()) return bad_answer("it holds a key that nobody asked for");
  TRY_DO(check_common(data, party));
  TRY_DO(check_signature(
      cose_key, answer.authenticator_data + std::string(bytes_of(sha256(answer.client_data))),
      answer.signature));
  return data;
}

}  // namespace remit::console
