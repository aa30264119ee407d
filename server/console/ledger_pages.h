// The pages about the ledger: what happens now, and the whole record with its check.
//
// Threads: any.
#pragma once

#include "memory/ledger.h"
#include "server/console/page.h"

namespace remit::console {

// The last rows, to which console.js adds what comes.
Page show_activity(Visit& visit);
// kConsoleRows rows; ?before=SEQ: those before one.
Page show_ledger(Visit& visit);
// Walks the whole chain.
Page verify_ledger(Visit& visit);

// A row in words that can be shown, for the page and for the live updates.
struct ActivityLine {
  std::string time, what, verdict, who, details;
};
ActivityLine line_of(const memory::LedgerRow& row);

}  // namespace remit::console
