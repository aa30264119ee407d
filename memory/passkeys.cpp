#include "memory/passkeys.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/utf8.h"
#include "memory/ledger.h"
#include "memory/private_file.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr const char* kPasskeysFile = "passkeys";
constexpr const char* kPasskeysFormat = "remit.passkeys/1";
constexpr std::size_t kIdPrefix = 4;       // characters of an id that may stand for it
constexpr std::size_t kHandleDigits = 32;  // of a user handle, which may have 64 bytes

tl::unexpected<Error> damaged_keys() {
  return fail(ErrorKind::unavailable,
              "the passkeys' file in the state directory is damaged; remove it and register the "
              "keys again at the console");
}

Json json_of_key(const Passkey& key) {
  return {{"id", key.id},           {"name", key.name},
          {"rp", key.rp_id},        {"key", key.cose_key},
          {"counter", key.counter}, {"added_ms", key.added_ms},
          {"used_ms", key.used_ms}, {"backup_eligible", key.backup_eligible}};
}

Result<Passkey> passkey_of(const Json& one) {
  Passkey key;
  const auto take = [&](const char* name, auto& into) {
    using T = std::remove_reference_t<decltype(into)>;
    const auto found = one.find(name);
    if (found == one.end()) return false;
    if constexpr (std::is_same_v<T, std::string>) {
      if (!found->is_string()) return false;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!found->is_boolean()) return false;
    } else {
      if (!found->is_number_integer()) return false;
    }
    into = found->get<T>();
    return true;
  };
  const bool whole = one.is_object() && take("id", key.id) && take("name", key.name) &&
                     take("rp", key.rp_id) && take("key", key.cose_key) &&
                     take("counter", key.counter) && take("added_ms", key.added_ms) &&
                     take("used_ms", key.used_ms) && take("backup_eligible", key.backup_eligible);
  if (!whole) return damaged_keys();
  return key;
}

Result<void> check_key_name(const std::string& name) {
  const bool printed = valid_utf8(name) && std::ranges::none_of(name, [](char c) {
                         return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                       });
  if (!trim(name).empty() && printed && count_chars(name) <= limits::kPasskeyName) return {};
  return fail(ErrorKind::invalid_argument, "the name of a passkey has 1 to " +
                                               std::to_string(limits::kPasskeyName) +
                                               " printable characters");
}

Result<NameLocks> lock_keys(State& state) {
  return NameLocks::take(state, {"passkeys"});
}

}  // namespace

Result<std::vector<Passkey>> Passkeys::list() {
  TRY(const std::optional<std::string> text,
      read_private(state_, kPasskeysFile, limits::kPasskeyFileBytes, "the passkeys' file",
                   "remove it and register the keys again at the console"));
  std::vector<Passkey> out;
  if (!text) return out;
  const auto file = parse_json(*text);
  if (!file || !file->is_object() || file->value("format", Json()) != kPasskeysFormat ||
      !file->contains("keys") || !(*file)["keys"].is_array())
    return damaged_keys();
  for (const Json& one : (*file)["keys"]) {
    TRY(Passkey key, passkey_of(one));
    out.push_back(std::move(key));
  }
  return out;
}

Result<std::string> Passkeys::user_handle() {
  TRY(const std::string key, state_.key("passkey_user"));
  return sha256_hex(key).substr(0, kHandleDigits);
}

Result<void> Passkeys::store(const std::vector<Passkey>& keys) {
  Json list = Json::array();
  for (const Passkey& key : keys) list.push_back(json_of_key(key));
  return fs::replace_file(state_.directory_fd(), kPasskeysFile,
                          dump(Json{{"format", kPasskeysFormat}, {"keys", std::move(list)}}) + "\n",
                          0600, {}, &state_.unfinished());
}

Result<void> Passkeys::record(const char* verdict, const char* rule, const Passkey& key,
                              std::string_view channel) {
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(append_in(transaction, state_.clock(),
                   {.kind = "approval",
                    .call_id = "",
                    .principal = "operator",
                    .verdict = verdict,
                    .rule = rule,
                    .origin = "",
                    .fields = dump(Json{{"credential", key.id},
                                        {"name", to_utf8(key.name)},
                                        {"site", key.rp_id},
                                        {"channel", channel}})}));
  return transaction.commit(Sync::durable);
}

Result<void> Passkeys::add(const Passkey& key, std::string_view channel) {
  TRY_DO(check_key_name(key.name));
  TRY(const NameLocks held, lock_keys(state_));
  TRY(std::vector<Passkey> keys, list());
  if (keys.size() >= limits::kPasskeys)
    return fail(ErrorKind::too_large, "there are " + std::to_string(limits::kPasskeys) +
                                          " passkeys already; remove one first");
  for (const Passkey& one : keys) {
    if (one.id == key.id)
      return fail(ErrorKind::conflict,
                  "this passkey is registered already, as " + printable(one.name));
    if (one.name == key.name)
      return fail(ErrorKind::conflict, "another passkey has this name already");
  }
  keys.push_back(key);
  keys.back().added_ms = state_.clock().unix_ms();
  TRY_DO(record("allow", "passkey.added", key, channel));
  return store(keys);
}

Result<Passkey> Passkeys::remove(std::string_view which, std::string_view channel) {
  TRY(const NameLocks held, lock_keys(state_));
  TRY(std::vector<Passkey> keys, list());
  auto found = std::ranges::find_if(
      keys, [&](const Passkey& key) { return key.id == which || key.name == which; });
  if (found == keys.end() && which.size() >= kIdPrefix) {
    const auto fits = [&](const Passkey& key) { return key.id.starts_with(which); };
    if (std::ranges::count_if(keys, fits) > 1)
      return fail(ErrorKind::invalid_argument,
                  "several passkeys begin with " + escape_ascii(which));
    found = std::ranges::find_if(keys, fits);
  }
  if (found == keys.end())
    return fail(ErrorKind::not_found, "no passkey " +
                                          escape_ascii(which.substr(0, limits::kEchoedInput)) +
                                          "; `remit pin passkeys` lists them");
  Passkey gone = *found;
  keys.erase(found);
  TRY_DO(record("allow", "passkey.removed", gone, channel));
  TRY_DO(store(keys));
  return gone;
}

Result<Passkey> Passkeys::use(std::string_view id, std::int64_t counter, bool backup_eligible) {
  TRY(const NameLocks held, lock_keys(state_));
  TRY(std::vector<Passkey> keys, list());
  const auto found = std::ranges::find(keys, id, &Passkey::id);
  if (found == keys.end()) return fail(ErrorKind::not_found, "the passkey was removed meanwhile");
  // Keys that live on several devices do not count, and say 0.
  if ((counter != 0 || found->counter != 0) && counter <= found->counter) {
    TRY_DO(record("deny", "passkey.copied", *found, "console"));
    return fail(ErrorKind::denied,
                "the counter of passkey " + printable(found->name) + " did not grow (" +
                    std::to_string(counter) + " after " + std::to_string(found->counter) +
                    "): it may have been copied; remove it",
                {}, "passkey");
  }
  if (backup_eligible != found->backup_eligible)
    return fail(ErrorKind::denied,
                "passkey " + printable(found->name) +
                    " says otherwise than before whether it may be backed up; register it again",
                {}, "passkey");
  found->counter = counter;
  found->used_ms = state_.clock().unix_ms();
  TRY_DO(store(keys));
  return *found;
}

}  // namespace remit::memory
