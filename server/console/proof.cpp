#include "server/console/proof.h"

#include <algorithm>
#include <iterator>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/passkeys.h"
#include "memory/pin_rows.h"
#include "server/console/cose_key.h"
#include "server/console/parts.h"

namespace remit::console {
namespace {

// "4:name" in bytes, so that fields cannot run into one another.
std::string counted(const std::string& text) {
  return std::to_string(text.size()) + ":" + text;
}

tl::unexpected<Error> not_taken(std::string why) {
  return fail(ErrorKind::denied, std::move(why), {}, "passkey");
}

Result<std::vector<memory::Passkey>> keys_of(memory::State& state, const RelyingParty& party) {
  TRY(std::vector<memory::Passkey> keys, memory::Passkeys(state).list());
  std::erase_if(keys, [&](const memory::Passkey& key) { return key.rp_id != party.id; });
  return keys;
}

std::string ids_of(const std::vector<memory::Passkey>& keys) {
  std::string out;
  for (const memory::Passkey& key : keys) out += (out.empty() ? "" : " ") + key.id;
  return out;
}

Result<void> need_party(const RelyingParty& party) {
  if (!party.id.empty()) return {};
  return not_taken("no passkey can be used at this address");
}

}  // namespace

std::string challenge_of(const Form& form) {
  std::string all = "remit passkey 1\n";
  for (const auto& [name, value] : form.fields()) {
    if (name == kPinField || name == kPasskeyField) continue;
    // Of line breaks browsers send two kinds, and show scripts a third.
    std::string text = value;
    std::erase(text, '\r');
    all += counted(name) + counted(text);
  }
  return std::string(bytes_of(sha256(all)));
}

bool by_passkey(const Form& form) {
  return !form.get(kPasskeyField).empty();
}

Result<policy::Presence> check_passkey(memory::State& state, const RelyingParty& party,
                                       const Form& form) {
  TRY_DO(need_party(party));
  TRY(const Assertion answer, parse_assertion(form.get(kPasskeyField)));
  memory::Passkeys passkeys(state);
  const std::string id = base64url(answer.credential_id);
  TRY(const std::vector<memory::Passkey> keys, keys_of(state, party));
  const auto key = std::ranges::find(keys, id, &memory::Passkey::id);
  if (key == keys.end()) return not_taken("this passkey is not registered here");
  if (!answer.user_handle.empty()) {
    TRY(const std::string own, passkeys.user_handle());
    if (!equal_constant_time(answer.user_handle, own))
      return not_taken("this passkey was made for another person");
  }
  TRY(const std::string cose_key, decode_base64url(key->cose_key));
  TRY(const AuthenticatorData data, check_assertion(answer, party, challenge_of(form), cose_key));
  TRY_DO(passkeys.use(id, data.counter, data.backup_eligible));
  return policy::Presence{"console", "passkey", id};
}

Result<void> register_passkey(memory::State& state, const RelyingParty& party, const Form& form,
                              const std::string& name) {
  TRY_DO(need_party(party));
  TRY(const Registration answer, parse_registration(form.get(kPasskeyField)));
  TRY(const AuthenticatorData data, check_registration(answer, party, challenge_of(form)));
  memory::Passkey key;
  key.id = base64url(data.credential_id);
  key.name = name;
  key.rp_id = party.id;
  key.cose_key = base64url(data.cose_key);
  key.counter = data.counter;
  key.backup_eligible = data.backup_eligible;
  return memory::Passkeys(state).add(key, "console");
}

Html proof_fields(memory::State& state, const RelyingParty& party, const std::string& id) {
  Html out = pin_field(id);
  if (party.id.empty()) return out;
  const auto keys = keys_of(state, party);
  if (!keys) return out += alert(keys.error().message);
  if (keys->empty()) return out;
  out += el("input", {{"type", "hidden"}, {"name", "passkey"}, {"value", ""}});
  out += el("p", {{"class", "field"}},
            {el("button",
                {{"type", "button"},
                 {"hidden", ""},
                 {"data-passkey", "get"},
                 {"data-site", party.id},
                 {"data-keys", ids_of(*keys)}},
                {"Use a passkey instead of the PIN"})});
  return out;
}

Html where_passkeys_work(memory::State& state, const RelyingParty& anywhere,
                         const RelyingParty& here) {
  if (!here.id.empty() || anywhere.id.empty()) return {};
  const auto keys = keys_of(state, anywhere);
  if (!keys || keys->empty()) return {};
  return el("p", {{"class", "note"}},
            {"Passkeys can be used at ", el("code", {}, {anywhere.origin + "/console"}), "."});
}

Html new_passkey_button(memory::State& state, const RelyingParty& party) {
  const auto keys = keys_of(state, party);
  if (!keys) return alert(keys.error().message);
  const auto user = memory::Passkeys(state).user_handle();
  if (!user) return alert(user.error().message);
  std::string algorithms;
  for (const std::int64_t one : kCoseAlgorithms)
    algorithms += (algorithms.empty() ? "" : " ") + std::to_string(one);
  Html out = el("input", {{"type", "hidden"}, {"name", "passkey"}, {"value", ""}});
  out += el("button",
            {{"type", "button"},
             {"class", "yes"},
             {"hidden", ""},
             {"data-passkey", "create"},
             {"data-site", party.id},
             {"data-keys", ids_of(*keys)},
             {"data-user", base64url(*user)},
             {"data-algorithms", algorithms}},
            {"Register a passkey"});
  out += el("noscript", {}, {"Registering a passkey needs JavaScript."});
  return out;
}

}  // namespace remit::console
