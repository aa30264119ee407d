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
#include "memory/sqlite.h"
#include "memory/state.h"

namespace remit::memory {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr std::int64_t kVerifyPage = 1000;  // rows read under one snapshot
// Read-class records are synced this long after the first of them, so that kLedgerSync holds with
// the time of the sync itself.
constexpr auto kSyncDelay = limits::kLedgerSync * 7 / 10;

constexpr std::string_view kColumns =
    "seq, at_ms, mono_ms, kind, call_id, principal, verdict, rule, origin, fields, hash";

std::string_view bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

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

// The hash of one record, given its predecessor's (32 bytes).
Sha256Digest chain(std::string_view prev, std::int64_t seq, std::int64_t at_ms,
                   std::int64_t mono_ms, const LedgerRecord& record, std::string& scratch) {
  scratch.assign(prev);
  put(scratch, seq);
  put(scratch, at_ms);
  put(scratch, mono_ms);
  for (const std::string* field : {&record.kind, &record.call_id, &record.principal,
                                   &record.verdict, &record.rule, &record.origin, &record.fields}) {
    put(scratch, std::string_view(*field));
  }
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

Result<void> insert(Transaction& transaction, Head& head, const Clock& clock,
                    const LedgerRecord& record, std::string& scratch) {
  const std::int64_t seq = head.seq + 1, at_ms = clock.unix_ms(), mono_ms = clock.monotonic_ms();
  const Sha256Digest hash = chain(head.hash, seq, at_ms, mono_ms, record, scratch);
  Statement row = transaction.sql("insert into ledger values(?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(seq).bind(at_ms).bind(mono_ms);
  for (const std::string* field : {&record.kind, &record.call_id, &record.principal,
                                   &record.verdict, &record.rule, &record.origin, &record.fields}) {
    row.bind_borrowed(*field);
  }
  TRY_DO(row.bind_borrowed_blob(bytes_of(hash)).run());
  head.seq = seq;
  head.hash = bytes_of(hash);
  return {};
}

LedgerRow row_of(const Statement& from) {
  LedgerRow row;
  row.seq = from.integer(0);
  row.at_unix_ms = from.integer(1);
  row.monotonic_ms = from.integer(2);
  row.record = {from.text(3), from.text(4), from.text(5), from.text(6),
                from.text(7), from.text(8), from.text(9)};
  row.hash = from.text(10);  // raw; made hex by the caller
  return row;
}

struct Waiting {
  const LedgerRecord* record;
  bool done = false;
  std::optional<Error> error;
  std::uint64_t commit = 0;
};

}  // namespace

Result<void> append_in(Transaction& transaction, const Clock& clock, const LedgerRecord& record) {
  std::string scratch;
  TRY(Head head, read_head(transaction));
  return insert(transaction, head, clock, record, scratch);
}

struct Ledger::Parts {
  explicit Parts(State& s) : state(s) {}

  Result<std::uint64_t> write(const std::vector<Waiting*>& batch);
  bool start_syncer();
  void keep_synced(const std::stop_token& stop);

  State& state;
  std::string scratch;  // of the thread that writes a batch

  std::mutex mutex;  // guards the rest
  std::condition_variable written;
  std::condition_variable_any dirty_changed;
  std::vector<Waiting*> queue;
  bool writing = false;
  bool dirty = false;  // read-class records wait for a sync
  std::jthread syncer;
};

Result<std::uint64_t> Ledger::Parts::write(const std::vector<Waiting*>& batch) {
  TRY(Transaction transaction, state.database().write());
  // Other processes append too: the head is read again under the write lock.
  TRY(Head head, read_head(transaction));
  for (const Waiting* each : batch) {
    TRY_DO(insert(transaction, head, state.clock(), *each->record, scratch));
  }
  return transaction.commit_numbered();
}

// False if the system has no thread left.
bool Ledger::Parts::start_syncer() {
  try {
    syncer = std::jthread([this](const std::stop_token& stop) {
      try {
        keep_synced(stop);
      } catch (...) {
        log::error("ledger: the syncing thread failed");
      }
    });
    return true;
  } catch (const std::system_error& error) {
    log::warning("ledger: no thread to sync with", {{"error", error.code().message()}});
    return false;
  }
}

void Ledger::Parts::keep_synced(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  // The first record of a process does not wait for company: a command of a few milliseconds then
  // syncs while it works instead of before it ends.
  for (bool first = true; !stop.stop_requested(); first = false) {
    if (!dirty_changed.wait(lock, stop, [&] { return dirty; })) return;
    if (!first) dirty_changed.wait_for(lock, stop, kSyncDelay, [] { return false; });
    dirty = false;
    lock.unlock();
    Result<void> done = state.database().sync();
    if (done) done = state.database().checkpoint_if_large();
    if (!done) log::error("ledger: sync failed", {{"error", done.error().message}});
    lock.lock();
  }
}

Ledger::Ledger(State& state) : parts_(std::make_unique<Parts>(state)) {}

Ledger::~Ledger() {
  parts_->syncer = {};  // asks it to stop, joins
  if (!parts_->dirty) return;
  const Result<void> done = sync();
  if (!done) log::error("ledger: sync at shutdown failed", {{"error", done.error().message}});
}

// Group commit: whoever finds nobody writing takes all that wait and writes them in one
// transaction.
Result<void> Ledger::append(LedgerRecord record, Durability durability) {
  Parts& parts = *parts_;
  Waiting mine{.record = &record, .done = false, .error = std::nullopt, .commit = 0};
  {
    std::unique_lock lock(parts.mutex);
    parts.queue.push_back(&mine);
    while (!mine.done && parts.writing) parts.written.wait(lock);
    if (!mine.done) {
      parts.writing = true;
      // Mine is among the first kLedgerBatch or a later round of this loop takes it.
      while (!mine.done) {
        const auto count = std::min(parts.queue.size(), limits::kLedgerBatch);
        const auto end = parts.queue.begin() + static_cast<std::ptrdiff_t>(count);
        const std::vector<Waiting*> batch(parts.queue.begin(), end);
        parts.queue.erase(parts.queue.begin(), end);
        lock.unlock();
        Result<std::uint64_t> commit = parts.write(batch);
        lock.lock();
        for (Waiting* each : batch) {
          each->done = true;
          if (commit) {
            each->commit = *commit;
          } else {
            each->error = commit.error();
          }
        }
      }
      parts.writing = false;
      parts.written.notify_all();
    }
    if (mine.error) return tl::unexpected<Error>(std::move(*mine.error));
    if (durability == Durability::read && !parts.dirty) {
      parts.dirty = true;
      if (!parts.syncer.joinable() && !parts.start_syncer()) {
        parts.dirty = false;  // the next record tries again; this one is synced by its own caller
        durability = Durability::effect;
      }
      parts.dirty_changed.notify_one();
    }
  }
  if (durability == Durability::effect) return parts.state.database().sync_to(mine.commit);
  return {};
}

Result<LedgerCheck> Ledger::verify(const std::optional<std::string>& expected_head) {
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
    Statement page = snapshot.sql("select " + std::string(kColumns) +
                                  " from ledger where seq > ? order by seq limit ?");
    page.bind(after == 0 ? INT64_MIN : after).bind(kVerifyPage);
    std::int64_t got = 0;
    for (;; ++got) {
      TRY(const bool more, page.step());
      if (!more) break;
      const LedgerRow row = row_of(page);
      if (row.seq != check.rows + 1) return bad(check.rows + 1, "record missing");
      const Sha256Digest hash =
          chain(prev, row.seq, row.at_unix_ms, row.monotonic_ms, row.record, scratch);
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
  Statement page = snapshot.sql("select " + std::string(kColumns) +
                                " from ledger where seq > ? order by seq limit ?");
  page.bind(after).bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT32_MAX)));
  for (;;) {
    TRY(const bool more, page.step());
    if (!more) return out;
    LedgerRow row = row_of(page);
    row.prev = to_hex(prev);
    prev = row.hash;
    row.hash = to_hex(row.hash);
    out.push_back(std::move(row));
  }
}

Result<std::string> Ledger::head() {
  TRY(Snapshot snapshot, parts_->state.database().read());
  TRY(const Head head, read_head(snapshot));
  return to_hex(head.hash);
}

Result<void> Ledger::sync() {
  return parts_->state.database().sync();
}

}  // namespace remit::memory
