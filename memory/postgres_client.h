// Documents in PostgreSQL as a served process sees them: a Store whose every call is an exchange
// with the keeper that was started beside it (memory/postgres_keeper.h has why). Conditions, typed
// edits and checks run here, on what the keeper has locked.
//
// Threads: any, as many at once as there are channels; others wait at most kStateLockWait. A keeper
// that ended is not started again: this process could not, once it has locked itself in.
#pragma once

#include <string>

#include "memory/postgres_url.h"
#include "memory/state.h"
#include "memory/store.h"

namespace remit::memory {

// Starts `program` (remit-postgres) and waits until it has connected and the tables are there.
// `state`: where this Agent_Memory has its number; must outlive the Store. Errors: those of the
// connection (docs/memory.md); unavailable if the program cannot be run.
Result<std::unique_ptr<Store>> open_postgres_store(State& state, const PostgresUrl& url,
                                                   const std::string& program);

// The same over channels that are there already, in the order of serve_channels().
Result<std::unique_ptr<Store>> open_postgres_client(State& state, std::vector<Fd> channels);

}  // namespace remit::memory
