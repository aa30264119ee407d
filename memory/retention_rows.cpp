#include "memory/retention_rows.h"

#include "base/crypto.h"
#include "base/text.h"

namespace remit::memory {
namespace {

constexpr const char* kRound = "retention";
constexpr const char* kMove = "archive:";

// '0' is the byte after '/': all that begins with "FOLDER/".
constexpr const char* kAny =
    "select 1 from version where root = ? and path > ?2 || '/' and path < ?2 || '0' limit 1";
constexpr const char* kPending =
    "select 1 from version where root = ? and path > ?2 || '/' and path < ?2 || '0' and state = 0 "
    "limit 1";

}  // namespace

Result<std::int64_t> RetentionRows::due_ms(Snapshot& snapshot, std::int64_t root) {
  Statement row = snapshot.sql("select due_ms from chore where root = ? and name = ?");
  TRY(const bool found, row.bind(root).bind(kRound).step());
  return found ? row.integer(0) : 0;
}

Result<bool> RetentionRows::take(Transaction& transaction, std::int64_t root, std::int64_t due,
                                 std::int64_t next) {
  TRY_DO(transaction
             .sql("insert into chore(root, name, due_ms, note) values(?1, ?2, ?4, '') on conflict "
                  "do update set due_ms = ?4 where due_ms = ?3")
             .bind(root)
             .bind(kRound)
             .bind(due)
             .bind(next)
             .run());
  return transaction.changes() > 0;
}

Result<RetentionRows::Dropped> RetentionRows::drop_old(Transaction& transaction, std::int64_t root,
                                                       std::int64_t before_ms, std::size_t kept,
                                                       std::size_t most) {
  Statement rows = transaction.sql(
      "delete from version where id in (select old.id from version as old where old.root = ?1 and "
      "old.state = 1 and (old.at_ms < ?2 or old.version <= (select max(version) from version where "
      "root = ?1 and path = old.path) - ?3) and exists (select 1 from version as newer where "
      "newer.root = ?1 and newer.path = old.path and newer.version > old.version and "
      "newer.state = 1) order by old.id limit ?4) returning path, version, bytes");
  rows.bind(root).bind(before_ms).bind(static_cast<std::int64_t>(kept));
  rows.bind(static_cast<std::int64_t>(most));
  Dropped out;
  Sha256 seen;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) break;
    seen.field(rows.view(0));
    seen.field(std::to_string(rows.integer(1)));
    ++out.versions;
    out.bytes += rows.integer(2);
  }
  out.paths_sha256 = seen.finish_hex();
  return out;
}

Result<void> RetentionRows::begin_move(Transaction& transaction, std::int64_t root,
                                       const Moving& move) {
  return transaction.sql("insert or replace into chore(root, name, due_ms, note) values(?,?,0,?)")
      .bind(root)
      .bind(kMove + move.from)
      .bind(move.to)
      .run();
}

Result<void> RetentionRows::forget_move(Transaction& transaction, std::int64_t root,
                                        const Moving& move) {
  return transaction.sql("delete from chore where root = ? and name = ?")
      .bind(root)
      .bind(kMove + move.from)
      .run();
}

Result<std::vector<Moving>> RetentionRows::moves(Snapshot& snapshot, std::int64_t root) {
  Statement rows =
      snapshot.sql("select name, note from chore where root = ? and name like 'archive:%'");
  rows.bind(root);
  std::vector<Moving> out;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({std::string(rows.view(0).substr(std::string_view(kMove).size())), rows.text(1)});
  }
}

Result<std::int64_t> RetentionRows::follow(Transaction& transaction, std::int64_t root,
                                           const Moving& move) {
  TRY_DO(transaction
             .sql("update version set path = ?3 || substr(path, ?4) where root = ?1 and path > ?2 "
                  "|| '/' and path < ?2 || '0'")
             .bind(root)
             .bind(move.from)
             .bind(move.to)
             .bind(static_cast<std::int64_t>(count_chars(move.from)) + 1)
             .run());
  return transaction.changes();
}

Result<bool> RetentionRows::any_below(Snapshot& snapshot, std::int64_t root,
                                      const std::string& folder) {
  Statement row = snapshot.sql(kAny);
  return row.bind(root).bind(folder).step();
}

Result<bool> RetentionRows::pending_below(Snapshot& snapshot, std::int64_t root,
                                          const std::string& folder) {
  Statement row = snapshot.sql(kPending);
  return row.bind(root).bind(folder).step();
}

Result<bool> RetentionRows::open_handoffs(Snapshot& snapshot, std::int64_t root,
                                          const std::string& instruction) {
  Statement row =
      snapshot.sql("select 1 from handoff where root = ? and instruction = ? and open = 1 limit 1");
  return row.bind(root).bind(instruction).step();
}

}  // namespace remit::memory
