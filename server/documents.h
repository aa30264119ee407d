// Where Agent_Memory is, as --memory says: in a folder, or in a PostgreSQL database.
// Threads: any.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "memory/postgres_url.h"
#include "memory/state.h"
#include "memory/store.h"

namespace remit::server {

// nullopt: `option` names a folder (or nothing). Errors: those of a URL that will not do.
Result<std::optional<memory::PostgresUrl>> database_of(const std::string& option);

// Starts the keeper, which lies beside this binary, and sets the tables up where they are missing.
// Before the process locks itself in. Errors: unavailable, in one clear line.
Result<std::unique_ptr<memory::Store>> open_database(memory::State& state,
                                                     const memory::PostgresUrl& url);

}  // namespace remit::server
