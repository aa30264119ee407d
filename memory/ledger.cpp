// Over 400 lines because every way into the chain shares insert() and the one writer.
#include "memory/ledger.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "memory/ledger_spool.h"
#include "memory/sqlite.h"
#include "memory/state.h"

namespace remit::memory {
namespace {

using Steady = std::chrono::steady_clock;
using Time = Steady::time_point;

constexpr Time kNever = Time::max();
constexpr std::size_t kHashBytes = 32;
constexpr std::int64_t kVerifyPage = 1000;  // rows read under one snapshot
// Read-class records are synced this long after the first of them, so that kLedgerSync holds with
// the time of the sync itself.
constexpr auto kSyncDelay = limits::kLedgerSync * 7 / 10;

constexpr std::string_view kRecordColumns =
    "seq, at_ms, mono_ms, kind, call_id, principal, verdict, rule, origin, fields, hash";

void put(std::string& out, std::int64_t value) {
  char bytes[8];
  auto rest = static_cast<std::uint64_t>(value);
  for (char& byte : bytes) {
    byte = static_cast<char>(rest & 0xff);
    rest >>= 8;
  }
  out.append(bytes, sizeof bytes);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::int64_t>(text.size()));
  out += text;
}

LedgerTexts texts_of(const LedgerRecord& record) {
  return {record.kind, record.call_id, record.principal, record.verdict,
          record.rule, record.origin,  record.fields};
}

// The hash of one record, given its predecessor's (32 bytes).
Sha256Digest chain(std::string_view prev, std::int64_t seq, std::int64_t at_ms,
                   std::int64_t mono_ms, const LedgerTexts& texts, std::string& scratch) {
  scratch.assign(prev);
  put(scratch, seq);
  put(scratch, at_ms);
  put(scratch, mono_ms);
  for (const std::string_view text : texts) put(scratch, text);
  return sha256(scratch);
}

struct Head {
  std::int64_t seq = 0;
  std::string hash = std::string(kHashBytes, '\0');
};

template <class Source>  // Transaction or Snapshot
Result<Head> read_head(Source& source) {
  Head head;
  Statement last = source.sql("select seq, hash from ledger order by seq desc limit 1");
  TRY(const bool row, last.step());
  if (row) {
    head.seq = last.integer(0);
    head.hash = last.text(1);
  }
  return head;
}

Result<void> insert(Transaction& transaction, Head& head, std::int64_t at_ms, std::int64_t mono_ms,
                    const LedgerTexts& texts, std::string& scratch) {
  const std::int64_t seq = head.seq + 1;
  const Sha256Digest hash = chain(head.hash, seq, at_ms, mono_ms, texts, scratch);
  Statement row = transaction.sql("insert into ledger values(?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(seq).bind(at_ms).bind(mono_ms);
  for (const std::string_view text : texts) row.bind_borrowed(text);
  TRY_DO(row.bind_borrowed_blob(bytes_of(hash)).run());
  head.seq = seq;
  head.hash = bytes_of(hash);
  return {};
}

Result<void> insert_spooled(Transaction& transaction, Head& head, const std::string& spool,
                            const std::vector<SpooledRow>& rows, std::string& scratch) {
  if (rows.empty()) return {};
  for (const SpooledRow& row : rows) {
    TRY_DO(insert(transaction, head, row.at_unix_ms, row.monotonic_ms, row.texts, scratch));
  }
  return transaction
      .sql(
          "insert into ledger_spool(name, written) values(?,?) "
          "on conflict(name) do update set written = excluded.written")
      .bind(spool)
      .bind(static_cast<std::int64_t>(rows.back().number))
      .run();
}

LedgerRow record_row_of(const Statement& from) {
  LedgerRow row;
  row.seq = from.integer(0);
  row.at_unix_ms = from.integer(1);
  row.monotonic_ms = from.integer(2);
  row.record = {from.text(3), from.text(4), from.text(5), from.text(6),
                from.text(7), from.text(8), from.text(9)};
  row.hash = from.text(10);  // raw; made hex by the caller
  return row;
}

// Spools that are gone need their last number no longer: only a power cut could bring one back.
Result<void> forget_spools(State& state) {
  const std::int64_t kept = std::chrono::milliseconds(limits::kLedgerSpoolKept).count();
  const std::string oldest = ulid(std::max<std::int64_t>(0, state.clock().unix_ms() - kept));
  std::vector<std::string> gone;
  {
    TRY(Snapshot snapshot, state.database().read());
    Statement old = snapshot.sql("select name from ledger_spool where name < ?");
    old.bind(oldest);
    for (;;) {
      TRY(const bool more, old.step());
      if (!more) break;
      TRY(const bool there, spool_exists(state, old.text(0)));
      if (!there) gone.push_back(old.text(0));
    }
  }
  if (gone.empty()) return {};
  TRY(Transaction transaction, state.database().write());
  for (const std::string& name : gone) {
    TRY_DO(transaction.sql("delete from ledger_spool where name = ?").bind(name).run());
  }
  return transaction.commit(Sync::cached);
}

struct Waiting {
  const LedgerRecord* record = nullptr;  // null: only what is spooled
  bool done = false;
  std::optional<Error> error;
  std::uint64_t commit = 0;
};

}  // namespace

Result<void> append_in(Transaction& transaction, const Clock& clock, const LedgerRecord& record) {
  std::string scratch;
  TRY(Head head, read_head(transaction));
  return insert(transaction, head, clock.unix_ms(), clock.monotonic_ms(), texts_of(record),
                scratch);
}

struct Ledger::Parts {
  explicit Parts(State& s) : state(s) {}

  bool spool_one(const LedgerRecord& record);
  Result<std::uint64_t> write_one(std::unique_lock<std::mutex>& lock, Waiting& mine);
  Result<std::uint64_t> write(const std::vector<SpooledRow>& spooled,
                              const std::vector<Waiting*>& batch);
  Result<std::uint64_t> write_all(const std::vector<SpooledRow>& spooled,
                                  const std::vector<Waiting*>& batch);
  void work(const std::stop_token& stop);
  bool start_worker();  // false if there is none and the system has no thread left
  void publish_head();

  State& state;
  std::string scratch;  // of the thread that writes a batch

  std::mutex mutex;  // guards the rest
  std::condition_variable written;
  std::condition_variable_any due_changed;
  std::vector<Waiting*> queue;
  std::unique_ptr<LedgerSpool> spool;
  bool writing = false;
  Verdicts verdicts;
  bool first = true;    // nothing was recorded yet
  bool failed = false;  // the last write did: nothing is spooled until one succeeds
  // When the worker has something to do; kNever: nothing. Moved only from kNever, or to now.
  Time flush_due = kNever, sync_due = kNever;
  // Of a server, which has a spool: the head is told when rows were written since, at most so
  // often.
  Time publish_due = Time::min();
  bool unpublished = false;
  std::jthread worker;
  bool worker_failed = false;  // what is recorded is then written and synced by who records it
};

Result<std::uint64_t> Ledger::Parts::write(const std::vector<SpooledRow>& spooled,
                                           const std::vector<Waiting*>& batch) {
  TRY(Transaction transaction, state.database().write());
  // Other processes append too: the head is read again under the write lock.
  TRY(Head head, read_head(transaction));
  if (spool) TRY_DO(insert_spooled(transaction, head, spool->name(), spooled, scratch));
  for (const Waiting* each : batch) {
    if (each->record == nullptr) continue;  // flush()
    TRY_DO(insert(transaction, head, state.clock().unix_ms(), state.clock().monotonic_ms(),
                  texts_of(*each->record), scratch));
  }
  return transaction.commit_numbered();
}

// As write(), but whoever waits for it is answered whatever happens.
Result<std::uint64_t> Ledger::Parts::write_all(const std::vector<SpooledRow>& spooled,
                                               const std::vector<Waiting*>& batch) {
  try {
    return write(spooled, batch);
  } catch (const std::exception&) {  // out of memory
    return fail(ErrorKind::unavailable, "the ledger ran out of memory", {}, "memory");
  }
}

// Group commit: whoever finds nobody writing takes all that wait, the spooled ones first, and
// writes them in one transaction. Gives the number of the commit that holds `mine`.
Result<std::uint64_t> Ledger::Parts::write_one(std::unique_lock<std::mutex>& lock, Waiting& mine) {
  queue.push_back(&mine);
  while (!mine.done && writing) written.wait(lock);
  if (!mine.done) {
    writing = true;
    // Mine is among the first kLedgerBatch or a later round of this loop takes it.
    while (!mine.done) {
      const auto count = std::min(queue.size(), limits::kLedgerBatch);
      const auto end = queue.begin() + static_cast<std::ptrdiff_t>(count);
      const std::vector<Waiting*> batch(queue.begin(), end);
      queue.erase(queue.begin(), end);
      const std::vector<SpooledRow> spooled = spool ? spool->waiting() : std::vector<SpooledRow>();
      lock.unlock();
      Result<std::uint64_t> commit = write_all(spooled, batch);
      lock.lock();
      failed = !commit;
      unpublished = unpublished || commit;
      if (commit && !spooled.empty()) spool->drop(spooled.back().number);
      for (Waiting* each : batch) {
        each->done = true;
        if (commit) {
          each->commit = *commit;
        } else {
          each->error = commit.error();
        }
      }
    }
    writing = false;
    written.notify_all();
  }
  if (mine.error) return tl::unexpected<Error>(std::move(*mine.error));
  return mine.commit;
}

bool Ledger::Parts::spool_one(const LedgerRecord& record) {
  if (!spool || failed || !start_worker()) return false;
  if (!spool->put(state.clock().unix_ms(), state.clock().monotonic_ms(), texts_of(record)))
    return false;
  if (flush_due == kNever) {
    // The first record of a process does not wait for company: a command of a few milliseconds then
    // writes and syncs while it works instead of before it ends.
    flush_due = Steady::now() + (first ? Steady::duration::zero() : limits::kLedgerSpoolWait);
    if (first) sync_due = flush_due;
    first = false;
    due_changed.notify_one();
  } else if (spool->crowded() && flush_due != Time::min()) {
    flush_due = Time::min();
    due_changed.notify_one();
  }
  return true;
}

bool Ledger::Parts::start_worker() {
  if (worker.joinable()) return !worker_failed;
  try {
    worker = std::jthread([this](const std::stop_token& stop) {
      try {
        work(stop);
      } catch (...) {
        log::error("ledger: its thread failed");
        const std::lock_guard held(mutex);
        worker_failed = true;
      }
    });
    return true;
  } catch (const std::system_error& error) {
    log::warning("ledger: no thread to write with", {{"error", error.code().message()}});
    return false;
  }
}

// Chains what is spooled and syncs what is committed, each when it is due.
void Ledger::Parts::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const Time due = std::min(flush_due, sync_due);
    if (const Time now = Steady::now(); due > now) {
      const auto sooner = [&] { return std::min(flush_due, sync_due) < due; };
      if (due == kNever) {
        due_changed.wait(lock, stop, sooner);
      } else {
        due_changed.wait_until(lock, stop, due, sooner);
      }
      continue;
    }
    if (flush_due <= sync_due) {
      flush_due = kNever;
      if (sync_due == kNever) sync_due = Steady::now() + kSyncDelay;  // of who took it along, too
      if (spool->empty()) continue;
      Waiting all;
      const Result<std::uint64_t> done = write_one(lock, all);
      // After a failure whatever is appended tries again, too.
      if (!done) flush_due = Steady::now() + kSyncDelay;
      if (done) continue;
      lock.unlock();
      log::error("ledger: cannot be written", {{"error", done.error().message}});
      lock.lock();
    } else {
      sync_due = kNever;
      const Time now = Steady::now();
      const bool publishes = spool && unpublished && now >= publish_due;
      if (publishes) {
        publish_due = now + limits::kLedgerHead;
        unpublished = false;
      }
      lock.unlock();
      Result<void> done = state.database().sync();
      if (done) done = state.database().checkpoint_if_large();
      if (done && publishes) publish_head();
      if (!done) log::error("ledger: sync failed", {{"error", done.error().message}});
      lock.lock();
    }
  }
}

// In the log of the server, which is not ours to change afterwards: who keeps it can prove that the
// ledger lost nothing from its end (`remit ledger verify --head`).
void Ledger::Parts::publish_head() {
  auto snapshot = state.database().read();
  if (!snapshot) return;
  if (const auto head = read_head(*snapshot))
    log::info("ledger head", {{"sha256", to_hex(head->hash)}, {"seq", std::to_string(head->seq)}});
}

Ledger::Ledger(State& state) : parts_(std::make_unique<Parts>(state)) {}

Ledger::Verdicts Ledger::verdicts() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->verdicts;
}

Ledger::~Ledger() {
  parts_->worker = {};  // asks it to stop, joins
  const bool served = parts_->spool != nullptr;
  const bool spooled = served && !parts_->spool->empty();
  const bool pending = spooled || parts_->flush_due != kNever || parts_->sync_due != kNever;
  Result<void> done = pending ? sync() : Result<void>();
  if (done && served && parts_->unpublished) parts_->publish_head();
  if (!pending) return;
  if (done && served) {
    parts_->spool = nullptr;
    done = forget_spools(parts_->state);
  }
  if (!done) log::error("ledger: sync at shutdown failed", {{"error", done.error().message}});
}

Result<void> Ledger::open_spool() {
  TRY(auto spool, LedgerSpool::make(parts_->state));
  const std::lock_guard held(parts_->mutex);
  parts_->spool = std::move(spool);
  return {};
}

Result<void> Ledger::append(LedgerRecord record, Durability durability) {
  Parts& parts = *parts_;
  Waiting mine;
  mine.record = &record;
  std::uint64_t commit = 0;
  {
    std::unique_lock lock(parts.mutex);
    const bool spooled = durability == Durability::read && parts.spool_one(record);
    if (!spooled) {
      TRY(commit, parts.write_one(lock, mine));
    }
    parts.verdicts.allow += record.verdict == "allow" ? 1U : 0U;
    parts.verdicts.ask += record.verdict == "ask" ? 1U : 0U;
    parts.verdicts.deny += record.verdict == "deny" ? 1U : 0U;
    if (spooled) return {};
    if (durability == Durability::read && !parts.start_worker()) {
      durability = Durability::effect;  // synced by its own caller
    } else if (durability == Durability::read && parts.sync_due == kNever) {
      parts.sync_due = Steady::now() + (parts.first ? Steady::duration::zero() : kSyncDelay);
      parts.first = false;
      parts.due_changed.notify_one();
    }
  }
  if (durability == Durability::effect) return parts.state.database().sync_to(commit);
  return {};
}

Result<void> Ledger::flush() {
  std::unique_lock lock(parts_->mutex);
  if (!parts_->spool || parts_->spool->empty()) return {};
  Waiting all;
  TRY_DO(parts_->write_one(lock, all));
  return {};
}

Result<void> Ledger::recover(State& state) {
  std::string scratch;
  for (std::string after;;) {
    TRY(const auto spool, abandoned_spool(state, after));
    if (!spool) break;
    after = spool->name;
    TRY(Transaction transaction, state.database().write());
    std::int64_t done = 0;
    {
      Statement known = transaction.sql("select written from ledger_spool where name = ?");
      TRY(const bool row, known.bind(spool->name).step());
      if (row) done = known.integer(0);
    }
    std::erase_if(spool->rows, [&](const SpooledRow& row) {
      return row.number <= static_cast<std::uint64_t>(done);
    });
    TRY(Head head, read_head(transaction));
    TRY_DO(insert_spooled(transaction, head, spool->name, spool->rows, scratch));
    // On the disk before the spool is gone: a command that only recovers syncs nothing afterwards.
    TRY_DO(transaction.commit(Sync::durable));
    TRY_DO(remove_spool(state, *spool));
  }
  return {};
}

Result<LedgerCheck> Ledger::verify(const std::optional<std::string>& expected_head) {
  TRY_DO(flush());
  LedgerCheck check;
  std::string scratch;
  std::string prev(kHashBytes, '\0');
  bool head_seen = !expected_head || *expected_head == to_hex(prev);
  const auto bad = [&](std::int64_t seq, const char* problem) {
    check.first_bad = seq;
    check.problem = problem;
    return check;
  };
  for (std::int64_t after = 0;;) {
    // The chain only grows, so pages may come from different snapshots.
    TRY(Snapshot snapshot, parts_->state.database().read());
    Statement page = snapshot.sql("select " + std::string(kRecordColumns) +
                                  " from ledger where seq > ? order by seq limit ?");
    page.bind(after == 0 ? INT64_MIN : after).bind(kVerifyPage);
    std::int64_t got = 0;
    for (;; ++got) {
      TRY(const bool more, page.step());
      if (!more) break;
      const LedgerRow row = record_row_of(page);
      if (row.seq != check.rows + 1) return bad(check.rows + 1, "record missing");
      const Sha256Digest hash =
          chain(prev, row.seq, row.at_unix_ms, row.monotonic_ms, texts_of(row.record), scratch);
      if (bytes_of(hash) != row.hash) return bad(row.seq, "hash differs");
      prev = row.hash;
      check.rows = after = row.seq;
      if (!head_seen && to_hex(prev) == *expected_head) head_seen = true;
    }
    if (got < kVerifyPage) break;
  }
  check.head = to_hex(prev);
  if (!head_seen) return bad(check.rows + 1, "head not found: records were cut off or rewritten");
  check.ok = true;
  return check;
}

Result<std::vector<LedgerRow>> Ledger::rows(std::int64_t after, std::size_t limit) {
  TRY_DO(flush());
  TRY(Snapshot snapshot, parts_->state.database().read());
  TRY(const Head head, read_head(snapshot));
  if (after < 0) after = std::max<std::int64_t>(0, head.seq + after);
  std::vector<LedgerRow> out;
  std::string prev(kHashBytes, '\0');
  if (after > 0) {
    Statement before = snapshot.sql("select hash from ledger where seq = ?");
    TRY(const bool row, before.bind(after).step());
    if (row) prev = before.text(0);
  }
  Statement page = snapshot.sql("select " + std::string(kRecordColumns) +
                                " from ledger where seq > ? order by seq limit ?");
  page.bind(after).bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT32_MAX)));
  for (;;) {
    TRY(const bool more, page.step());
    if (!more) return out;
    LedgerRow row = record_row_of(page);
    row.prev = to_hex(prev);
    prev = row.hash;
    row.hash = to_hex(row.hash);
    out.push_back(std::move(row));
  }
}

Result<std::string> Ledger::head() {
  TRY_DO(flush());
  TRY(Snapshot snapshot, parts_->state.database().read());
  TRY(const Head head, read_head(snapshot));
  return to_hex(head.hash);
}

Result<void> Ledger::sync() {
  TRY_DO(flush());
  return parts_->state.database().sync();
}

}  // namespace remit::memory
