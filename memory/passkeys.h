// The operator's passkeys: public keys (WebAuthn) that a person registered at the console after the
// PIN, by name. Their file, `passkeys` in the state directory, is 0600 and outside a worker's lock,
// like the PIN's: whoever could add a key could say yes. What a key signed is checked above
// (server/console/webauthn.h); this keeps the keys and their counters.
//
// Threads and processes: any; changes are made one at a time, under a kernel lock. Adding, removing
// and a counter that does not grow are rows of the ledger.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/state.h"

namespace remit::memory {

struct Passkey {
  std::string id = {};        // the credential's, base64url
  std::string name = {};      // that the person gave it; unique
  std::string rp_id = {};     // the host it was made for, "localhost"
  std::string cose_key = {};  // its public key, base64url
  std::int64_t counter = 0;
  std::int64_t added_ms = 0, used_ms = 0;  // used_ms 0: never
  bool backup_eligible = false;            // it may be copied to other devices of its owner
};

class Passkeys {
 public:
  explicit Passkeys(State& state) : state_(state) {}

  // In the order in which they were added.
  Result<std::vector<Passkey>> list();
  // What a key knows its person by: the same for all keys of a state directory, and no secret.
  Result<std::string> user_handle();
  // Errors: invalid_argument for a name that is empty, longer than kPasskeyName characters or not
  // printable; conflict for a name or key that is there already; too_large beyond kPasskeys.
  Result<void> add(const Passkey& key, std::string_view channel);
  // By its id, its name, or the first characters of its id where they name one (at least 4).
  // Errors: not_found; invalid_argument if several fit.
  Result<Passkey> remove(std::string_view which, std::string_view channel);
  // A key was used: `counter` and `backup_eligible` as it signed them. Errors: not_found if it was
  // removed meanwhile; denied (code "passkey") if the counter did not grow or the key is another
  // than it was.
  Result<Passkey> use(std::string_view id, std::int64_t counter, bool backup_eligible);

 private:
  Result<void> store(const std::vector<Passkey>& keys);
  Result<void> record(const char* verdict, const char* rule, const Passkey& key,
                      std::string_view channel);
  State& state_;
};

}  // namespace remit::memory
