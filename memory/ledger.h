// The ledger: an append-only, hash-chained table of every decision and effect.
// h_n = SHA-256(h_{n-1} || canonical record); several processes share one chain.
//
// Threads: safe. append() from many threads is grouped into one transaction. A record given with
// Durability::effect is on disk (synchronous) before append returns, and every record appended
// before it is chained before it. Durability::read survives the death of the process from when
// append returns, and is synced within kLedgerSync: it is committed at once, or, after
// open_spool(), copied to the spool (memory/ledger_spool.h) and in the chain within
// kLedgerSpoolWait (the first record of a process at once). If the ledger cannot be written, append
// fails with `unavailable` and the caller must not act. Spooled records fail from the first failed
// write on: under a foreign lock that is known after kStateLockWait, and no later than when the
// spool is full.
//
// Rows that another transaction writes itself (append_in) may stand before read-only ones that were
// decided up to kLedgerSpoolWait earlier; at_unix_ms and monotonic_ms say when.
//
// canonical record = seq, at_unix_ms, monotonic_ms as 8 bytes each, little-endian, then kind,
// call_id, principal, verdict, rule, origin, fields, each preceded by its length in 8 bytes. The
// first record's h_{n-1} is 32 zero bytes. `fields` is stored and hashed as it was given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace remit::memory {

class State;
class Transaction;  // memory/sqlite.h

enum class Durability { read, effect };

// What is recorded. `kind`: request, decision, walk, start, end, apply, approval, handoff, memory,
// policy, persona, canary, server. `fields` is a JSON object (text) whose strings the caller has
// already passed through redaction; it must be well-formed (memory/ledger_json.h prints it).
struct LedgerRecord {
  std::string kind;
  std::string call_id;    // ULID of the tool call, or empty
  std::string principal;  // "uid:0/technical-support-engineer/inst_x"
  std::string verdict;    // allow, ask, deny, or empty
  std::string rule;
  std::string origin;  // file:line:col
  std::string fields;  // JSON object, or empty
};

// A row as stored: `seq` counts from 1 without gaps; `hash` and `prev` are 64 hex digits.
struct LedgerRow {
  std::int64_t seq = 0;
  std::int64_t at_unix_ms = 0;
  std::int64_t monotonic_ms = 0;
  LedgerRecord record;
  std::string prev, hash;
};

struct LedgerCheck {
  bool ok = false;
  std::int64_t rows = 0;
  std::int64_t first_bad = 0;  // seq of the first record that does not fit; 0 if ok
  std::string problem;         // "hash differs", "record missing", "head not found", ...
  std::string head;            // hash of the last row, 64 hex digits
};

// Appends within a transaction of the caller, for what must become true together with its record
// (approvals). The caller commits with Sync::durable for an effect.
Result<void> append_in(Transaction& transaction, const Clock& clock, const LedgerRecord& record);

// Owns one thread, which chains spooled records, syncs and checkpoints the log; it starts with the
// first read-class record, so that a process can lock itself (Landlock is per thread) after making
// its Ledger.
class Ledger {
 public:
  explicit Ledger(State& state);
  ~Ledger();  // chains what is spooled, syncs what is committed
  // From now on read-class records go through a spool of this process's own. For servers: a command
  // that makes one decision has no use for it.
  Result<void> open_spool();
  // Chains what processes that are gone left in their spools.
  static Result<void> recover(State& state);
  Result<void> append(LedgerRecord record, Durability durability);
  // Chains what is spooled. verify(), rows(), head() and sync() do so first.
  Result<void> flush();
  // How many records with each verdict append() took: allow, ask, deny. Those that other
  // transactions write themselves (append_in: approvals, handoffs) are not in it.
  struct Verdicts {
    std::uint64_t allow = 0, ask = 0, deny = 0;
  };
  Verdicts verdicts() const;
  // Walks the whole chain. `expected_head`: a hash published earlier that must be in it (a chain
  // alone cannot show that its tail was cut off).
  Result<LedgerCheck> verify(const std::optional<std::string>& expected_head);
  // Rows with seq > after, oldest first, at most `limit`; seq < 0 means the last -after rows.
  Result<std::vector<LedgerRow>> rows(std::int64_t after, std::size_t limit);
  // Hash of the last record as 64 hex digits; 64 zeros for an empty ledger. A server (open_spool)
  // publishes it in its log: every kLedgerHead while records are written, and at its end.
  Result<std::string> head();
  // Blocks until every record is on disk (shutdown).
  Result<void> sync();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace remit::memory
