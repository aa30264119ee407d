// Which documents in PostgreSQL change, on whatever machine: every commit leaves rows of `event`
// and a notification (LISTEN), and the rows are read when one comes or kPostgresLook has passed. A
// listener whose connection broke makes a new one and catches up.
//
// Commits become visible in another order than they number their events, so what was read is not
// "everything up to a number": read is everything of the transactions that had ended, and the
// events of those that had not are looked for again.
//
// Threads: PostgresWatch: one. watch_postgres() makes one, on which `tell` runs.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "memory/postgres_session.h"
#include "memory/store.h"

namespace remit::memory {

class PostgresWatch {
 public:
  // From now on nothing is missed. Errors: unavailable.
  static Result<std::unique_ptr<PostgresWatch>> start(const PostgresUrl& url);

  // As Store::Tell says; waits until there is something, or `stop` is readable: then empty.
  std::map<std::string, bool> wait(int stop);

 private:
  explicit PostgresWatch(const PostgresUrl& url) : url_(url) {}
  Result<void> connect();
  Result<void> catch_up(std::map<std::string, bool>& changed);
  Result<void> name_all(std::map<std::string, bool>& changed);

  const PostgresUrl url_;
  std::unique_ptr<PostgresSession> session_;
  std::string low_;               // a transaction id: all before it have been read
  std::set<std::int64_t> known_;  // numbers of events of later ones that were told
  std::chrono::steady_clock::time_point heard_;
};

Result<std::unique_ptr<Watching>> watch_postgres(const PostgresUrl& url, Store::Tell tell);

}  // namespace remit::memory
