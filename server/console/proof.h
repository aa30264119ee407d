// How somebody shows at the console that they are a person: the PIN, typed into the form, or a
// passkey, which signs the form. The challenge of a passkey is a hash over every field of the form
// but the proof itself, its token included. The token is random, made for one session and for
// exactly what is shown (purpose_of() of each page), taken once, and recent: so an answer of a key
// is good for this act, with these choices, once. assets/passkeys.js builds the same hash.
//
// Threads: any.
#pragma once

#include <string>

#include "base/result.h"
#include "memory/state.h"
#include "policy/answers.h"
#include "server/console/forms.h"
#include "server/console/html.h"
#include "server/console/webauthn.h"

namespace remit::console {

// The names of the two fields that are proof.
inline constexpr const char *kPinField = "pin", *kPasskeyField = "passkey";

// 32 bytes: what a passkey is asked to sign for this form.
std::string challenge_of(const Form& form);

// Whether the form carries an answer of a passkey. Without one it is the PIN's.
bool by_passkey(const Form& form);
// Checks it, and notes the key's use. `party`: with an empty id, no passkey is taken. Errors:
// denied (code "passkey") with what does not hold; those of parse_assertion() and Passkeys::use().
Result<policy::Presence> check_passkey(memory::State& state, const RelyingParty& party,
                                       const Form& form);
// Registers the key in the form under `name`.
Result<void> register_passkey(memory::State& state, const RelyingParty& party, const Form& form,
                              const std::string& name);

// The field for the PIN and, where passkeys are registered for `party`, a button for them, which a
// script shows. `id` of the field; `label` of the button.
Html proof_fields(memory::State& state, const RelyingParty& party, const std::string& id);
// Where passkeys can be used, if not `here`: a sentence, or nothing if there is nothing to say.
Html where_passkeys_work(memory::State& state, const RelyingParty& anywhere,
                         const RelyingParty& here);
// The button that makes a key.
Html new_passkey_button(memory::State& state, const RelyingParty& party);

}  // namespace remit::console
