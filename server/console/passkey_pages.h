// Passkeys: those that are registered, a new one after the PIN, and the end of one.
//
// Threads: any.
#pragma once

#include <string>

#include "server/console/page.h"

namespace remit::console {

Page list_passkeys(Visit& visit);
// Wants the PIN itself: a passkey cannot bring in another one.
Page add_passkey(Visit& visit);
// With the PIN or a passkey. `id`: the credential's, base64url.
Page remove_passkey(Visit& visit, const std::string& id);

}  // namespace remit::console
