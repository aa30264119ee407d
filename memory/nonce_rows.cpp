#include "memory/nonce_rows.h"

#include "memory/sqlite.h"

namespace remit::memory {

Result<bool> consume_nonce(State& state, const std::string& nonce) {
  TRY(Transaction transaction, state.database().write());
  std::int64_t inserted = 0;
  {
    Statement insert = transaction.sql(
        "insert or ignore into idempotency(principal, key, digest, batch, at_ms, result) "
        "values('nonce', ?, '', '', ?, '')");
    TRY_DO(insert.bind(nonce).bind(state.clock().unix_ms()).run());
    inserted = transaction.changes();
  }
  TRY_DO(transaction.commit(Sync::durable));
  return inserted == 1;
}

}  // namespace remit::memory
