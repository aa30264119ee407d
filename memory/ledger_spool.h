// LedgerSpool: read-only decisions that are recorded but not chained yet, in memory that outlives
// their process: a file of the state directory, mapped and shared. Recording one is copying some
// 300 bytes; the writer puts whole batches into the chain (ledger.h). Of a process that was killed,
// whoever comes next writes what it left (Ledger::recover).
//
//   spool/NAME, NAME = ULID; an open-file-description lock on it is held as long as its process
//   lives, so that "nobody holds it" needs no pid and no clock. Rows lie from offset 0, each:
//   length (4 bytes, 0: the end), number (8), at_unix_ms, monotonic_ms, then the seven texts of the
//   record, each behind its length (4). A length is written after its row, so a row is there whole
//   or not at all. Numbers count from 1 in the life of a spool; the table ledger_spool says up to
//   which one they are in the chain, in the transaction that put them there: no row is lost and
//   none doubled, whenever the process dies.
//
// Threads: none of its own; its Ledger guards it. Rows that waiting() gave may be read without the
// lock until drop().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::memory {

class State;

// kind, call_id, principal, verdict, rule, origin, fields: a LedgerRecord in its order.
using LedgerTexts = std::array<std::string_view, 7>;

struct SpooledRow {
  std::uint64_t number = 0;
  std::int64_t at_unix_ms = 0, monotonic_ms = 0;
  LedgerTexts texts;
};

class LedgerSpool {
 public:
  // Makes the file, its blocks allocated: a full disk fails here and not in a store. Errors: those
  // of the state directory.
  static Result<std::unique_ptr<LedgerSpool>> make(State& state);
  ~LedgerSpool();  // removes the file if no row waits
  LedgerSpool(const LedgerSpool&) = delete;
  LedgerSpool& operator=(const LedgerSpool&) = delete;

  const std::string& name() const { return name_; }
  // False: there is no room now (or ever, for one that is larger than the spool).
  bool put(std::int64_t at_unix_ms, std::int64_t monotonic_ms, const LedgerTexts& texts);
  bool empty() const { return begin_ == end_; }
  // So much waits that the writer should not.
  bool crowded() const;
  // All rows that wait, oldest first.
  std::vector<SpooledRow> waiting() const;
  // Those up to `number` are in the chain.
  void drop(std::uint64_t number);

 private:
  LedgerSpool() = default;
  std::string name_;
  Fd folder_, file_;
  char* map_ = nullptr;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t next_ = 1;  // number of the next row
};

// What a process that is gone left behind. Holds the lock while it lives.
struct AbandonedSpool {
  std::string name;
  std::string bytes;
  std::vector<SpooledRow> rows;  // views into `bytes`
  bool damaged = false;          // something that is no row follows them
  Fd file;
};

// The next abandoned spool whose name is greater than `after`; nothing if there is none.
Result<std::unique_ptr<AbandonedSpool>> abandoned_spool(State& state, const std::string& after);
// A damaged one is kept as NAME.damaged, with a line in the log.
Result<void> remove_spool(State& state, const AbandonedSpool& spool);
Result<bool> spool_exists(State& state, const std::string& name);

}  // namespace remit::memory
