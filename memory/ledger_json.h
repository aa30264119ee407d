// Ledger rows as JSON lines, for `remit ledger tail` and for people with jq. Pure.
#pragma once

#include <string>

#include "memory/ledger.h"

namespace remit::memory {

// One object on one line, without the line end:
// {"seq":1,"time":"2026-07-28T09:00:00.000Z","monotonic_ms":…,"kind":"decision","call_id":…,
//  "principal":…,"verdict":…,"rule":…,"origin":…,"fields":{…},"prev":…,"hash":…}
// Empty texts are left out. `fields` that are not a JSON object appear as a string, as they are.
std::string ledger_line(const LedgerRow& row);

// {"ok":true,"rows":12,"head":"…"} or {"ok":false,"rows":5,"first_bad":6,"problem":"hash differs"}
std::string ledger_check_line(const LedgerCheck& check);

}  // namespace remit::memory
