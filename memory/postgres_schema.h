// The tables of Agent_Memory in PostgreSQL: schema `remit` of the database that the URL names, one
// Agent_Memory for each database. Released steps never change; a new one is added at the end.
//
// Threads: any; processes that start at once migrate one after the other.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "memory/postgres_session.h"

namespace remit::memory {

struct PostgresIdentity {
  std::string id;        // of this Agent_Memory, made with it
  std::string etag_key;  // 32 bytes, the same for every replica
};

// How far a database is, for whoever only looks.
struct PostgresStanding {
  int step = 0;    // 0: not set up
  int newest = 0;  // what this build knows
};
Result<PostgresStanding> postgres_standing(PostgresSession& session);

// Makes or completes the tables, and says whose they are. Errors: unavailable if the database is
// newer than this build (code "newer"), or the user may not make a schema (code "refused").
Result<PostgresIdentity> migrate_postgres(PostgresSession& session);

}  // namespace remit::memory
