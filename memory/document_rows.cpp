#include "memory/document_rows.h"

#include <algorithm>
#include <chrono>

#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

Result<std::vector<std::string>> texts(Statement statement) {
  std::vector<std::string> out;
  for (;;) {
    TRY(const bool row, statement.step());
    if (!row) return out;
    out.push_back(statement.text(0));
  }
}

std::int64_t idempotency_horizon(std::int64_t now_ms) {
  return now_ms - std::chrono::milliseconds(limits::kIdempotencyWindow).count();
}

}  // namespace

Result<std::int64_t> DocumentRows::root_id(Transaction& transaction, std::int64_t device,
                                           std::int64_t inode) {
  TRY_DO(transaction.sql("insert into memory_root(dev, ino) values(?, ?) on conflict do nothing")
             .bind(device)
             .bind(inode)
             .run());
  Statement id = transaction.sql("select id from memory_root where dev = ? and ino = ?");
  TRY(const bool row, id.bind(device).bind(inode).step());
  if (!row) return fail(ErrorKind::internal, "memory root vanished");
  return id.integer(0);
}

Result<std::vector<std::string>> DocumentRows::pending_batches(
    Snapshot& snapshot, std::int64_t root, const std::vector<std::string>& paths) {
  if (paths.empty()) {
    Statement all = snapshot.sql("select distinct batch from version where root = ? and state = 0");
    all.bind(root);
    return texts(std::move(all));
  }
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    Statement one = snapshot.sql(
        "select distinct batch from version where root = ? and path = ? and state = 0");
    one.bind(root).bind(path);
    TRY(const std::vector<std::string> batches, texts(std::move(one)));
    for (const std::string& batch : batches) {
      if (std::find(out.begin(), out.end(), batch) == out.end()) out.push_back(batch);
    }
  }
  return out;
}

Result<std::vector<PendingVersion>> DocumentRows::pending_of(Snapshot& snapshot,
                                                             const std::string& batch) {
  Statement rows = snapshot.sql(
      "select path, sha256, pre_sha256, body from version where batch = ? and state = 0 order by "
      "id");
  rows.bind(batch);
  std::vector<PendingVersion> out;
  for (;;) {
    TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3)});
  }
}

Result<void> DocumentRows::mark_done(Transaction& transaction, std::int64_t root,
                                     const std::string& batch,
                                     const std::vector<std::string>& paths, std::size_t kept) {
  TRY_DO(transaction.sql("update version set state = 1 where batch = ? and state = 0")
             .bind(batch)
             .run());
  for (const std::string& path : paths) {
    TRY_DO(transaction
               .sql("delete from version where root = ?1 and path = ?2 and version <= "
                    "(select max(version) from version where root = ?1 and path = ?2) - ?3")
               .bind(root)
               .bind(path)
               .bind(static_cast<std::int64_t>(kept))
               .run());
  }
  return {};
}

Result<void> DocumentRows::drop(Transaction& transaction, const std::string& batch) {
  TRY_DO(transaction.sql("delete from version where batch = ? and state = 0").bind(batch).run());
  return transaction.sql("delete from idempotency where batch = ?").bind(batch).run();
}

Result<std::optional<LastVersion>> DocumentRows::current(Snapshot& snapshot, std::int64_t root,
                                                         std::string_view path,
                                                         std::string_view sha256) {
  Statement rows = snapshot.sql(
      "select version, sha256, op, state, persona, principal, instruction, call_id, sole from "
      "version "
      "where root = ? and path = ? order by version desc limit 2");
  rows.bind(root).bind(path);
  for (bool newest = true;; newest = false) {
    TRY(const bool row, rows.step());
    if (!row) return std::optional<LastVersion>();
    if (rows.view(1) == sha256) {
      return std::optional<LastVersion>({rows.integer(0),
                                         rows.text(1),
                                         rows.text(2),
                                         {rows.text(4), rows.text(5), rows.text(6), rows.text(7)},
                                         rows.integer(8) != 0});
    }
    const bool pending = rows.integer(3) == 0;
    if (!newest || !pending) return std::optional<LastVersion>();
  }
}

Result<bool> DocumentRows::any(Snapshot& snapshot, std::int64_t root, std::string_view path) {
  Statement row = snapshot.sql("select 1 from version where root = ? and path = ? limit 1");
  return row.bind(root).bind(path).step();
}

Result<std::int64_t> DocumentRows::insert(Transaction& transaction, std::int64_t root,
                                          const NewVersion& version, const std::string& batch,
                                          std::int64_t at_ms) {
  Statement last =
      transaction.sql("select coalesce(max(version), 0) from version where root = ? and path = ?");
  TRY_DO(last.bind(root).bind(version.path).step());
  const std::int64_t number = last.integer(0) + 1;
  Statement row = transaction.sql(
      "insert into version(root, path, version, state, batch, op, sha256, pre_sha256, bytes, "
      "at_ms, "
      "persona, principal, instruction, call_id, sole, sent, body) "
      "values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  const Author& author = *version.author;
  row.bind(root).bind(version.path).bind(number).bind(batch.empty() ? 1 : 0).bind(batch);
  row.bind(version.op).bind(version.sha256).bind(version.pre_sha256);
  row.bind(static_cast<std::int64_t>(version.body.size())).bind(at_ms);
  row.bind(author.persona).bind(author.principal).bind(author.instruction).bind(author.call_id);
  row.bind(version.sole ? 1 : 0);
  if (version.sent) {
    row.bind_borrowed_blob(*version.sent);
  } else {
    row.bind_null();
  }
  if (version.sha256.empty()) {
    row.bind_null();
  } else {
    row.bind_borrowed_blob(version.body);
  }
  TRY_DO(row.run());
  return number;
}

Result<void> DocumentRows::insert_kept(Transaction& transaction, std::int64_t root,
                                       const KeptVersion& version, const std::string& batch) {
  Statement row = transaction.sql(
      "insert into version(root, path, version, state, batch, op, sha256, pre_sha256, bytes, "
      "at_ms, persona, principal, instruction, call_id, sole, sent, body) "
      "values(?,?,?,?,?,?,?,'',?,?,?,?,?,?,?,?,?)");
  const VersionRow& kept = version.row;
  row.bind(root).bind(version.path).bind(kept.version).bind(batch.empty() ? 1 : 0).bind(batch);
  row.bind(kept.op).bind(kept.sha256).bind(static_cast<std::int64_t>(kept.bytes));
  row.bind(kept.at_unix_ms).bind(kept.author.persona).bind(kept.author.principal);
  row.bind(kept.author.instruction).bind(kept.author.call_id).bind(version.sole ? 1 : 0);
  for (const std::optional<std::string>* text : {&version.sent, &version.body}) {
    if (*text) {
      row.bind_borrowed_blob(**text);
    } else {
      row.bind_null();
    }
  }
  return row.run();
}

Result<bool> DocumentRows::any_of_root(Snapshot& snapshot, std::int64_t root) {
  Statement row = snapshot.sql("select 1 from version where root = ? limit 1");
  return row.bind(root).step();
}

Result<void> DocumentRows::drop_root(Transaction& transaction, std::int64_t root) {
  return transaction.sql("delete from version where root = ?").bind(root).run();
}

Result<std::string> DocumentRows::pending_body(Snapshot& snapshot, const std::string& batch,
                                               std::string_view path) {
  Statement row =
      snapshot.sql("select body from version where batch = ? and state = 0 and path = ?");
  TRY(const bool found, row.bind(batch).bind(path).step());
  if (!found) return fail(ErrorKind::internal, "a version that was just written is not there");
  return row.text(0);
}

Result<std::vector<std::string>> DocumentRows::recorded(Snapshot& snapshot, std::int64_t root,
                                                        std::string_view prefix) {
  // '0' is the byte after '/': all that begins with "PREFIX/".
  Statement rows = snapshot.sql(
      "select path from version as last where root = ?1 and state = 1 and op != 'remove' and "
      "(?2 = '' or path = ?2 or (path > ?2 || '/' and path < ?2 || '0')) and version = "
      "(select max(version) from version where root = ?1 and path = last.path) "
      "order by path limit ?3");
  rows.bind(root).bind(prefix).bind(static_cast<std::int64_t>(limits::kListedDocuments) + 1);
  return texts(std::move(rows));
}

Result<std::vector<VersionRow>> DocumentRows::history(Snapshot& snapshot, std::int64_t root,
                                                      std::string_view path) {
  Statement rows = snapshot.sql(
      "select version, sha256, op, bytes, at_ms, persona, principal, instruction, call_id "
      "from version where root = ? and path = ? and state = 1 order by version desc limit ?");
  rows.bind(root).bind(path).bind(static_cast<std::int64_t>(limits::kKeepVersionsMax));
  std::vector<VersionRow> out;
  for (;;) {
    TRY(const bool row, rows.step());
    if (!row) return out;
    VersionRow version;
    version.version = rows.integer(0);
    version.sha256 = rows.text(1);
    version.op = rows.text(2);
    version.bytes = static_cast<std::uint64_t>(rows.integer(3));
    version.at_unix_ms = rows.integer(4);
    version.author = {rows.text(5), rows.text(6), rows.text(7), rows.text(8)};
    out.push_back(std::move(version));
  }
}

Result<std::optional<std::string>> DocumentRows::bytes(Snapshot& snapshot, std::int64_t root,
                                                       std::string_view path, std::int64_t version,
                                                       Part part) {
  // A create or replace sent the whole body; it is stored once.
  Statement row = snapshot.sql(
      part == Part::body
          ? "select body from version where root = ? and path = ? and version = ? and state = 1"
          : "select iif(op in ('create', 'replace'), body, sent) from version "
            "where root = ? and path = ? and version = ? and state = 1");
  TRY(const bool found, row.bind(root).bind(path).bind(version).step());
  if (!found || row.is_null(0)) return std::optional<std::string>();
  return std::optional<std::string>(row.text(0));
}

Result<std::int64_t> DocumentRows::purge(Transaction& transaction, std::int64_t root,
                                         std::string_view path, std::optional<std::int64_t> version,
                                         std::string_view kept_sha256) {
  if (version) {
    Statement row = transaction.sql(
        "select sha256 from version where root = ? and path = ? and version = ? and state = 1");
    TRY(const bool found, row.bind(root).bind(path).bind(*version).step());
    if (!found) {
      return fail(ErrorKind::not_found,
                  "there is no version " + std::to_string(*version) + " of " + escape_ascii(path),
                  {}, "not_found");
    }
    if (!kept_sha256.empty() && row.view(0) == kept_sha256) {
      return fail(ErrorKind::conflict,
                  "version " + std::to_string(*version) +
                      " is what the document holds now; replace or remove that first");
    }
  }
  // Versions count from 1.
  TRY_DO(transaction
             .sql("update version set body = null, sent = null where root = ?1 and path = ?2 and "
                  "state = 1 and (?3 = 0 or version = ?3) and (?4 = '' or sha256 <> ?4) and "
                  "(body is not null or sent is not null)")
             .bind(root)
             .bind(path)
             .bind(version.value_or(0))
             .bind(kept_sha256)
             .run());
  return transaction.changes();
}

Result<std::optional<RememberedCommit>> DocumentRows::remembered(Snapshot& snapshot,
                                                                 const std::string& principal,
                                                                 const std::string& key,
                                                                 std::int64_t now_ms) {
  Statement row = snapshot.sql(
      "select digest, result from idempotency where principal = ? and key = ? and at_ms > ?");
  TRY(const bool found, row.bind(principal).bind(key).bind(idempotency_horizon(now_ms)).step());
  if (!found) return std::optional<RememberedCommit>();
  return std::optional<RememberedCommit>({row.text(0), row.text(1)});
}

Result<void> DocumentRows::remember(Transaction& transaction, const std::string& principal,
                                    const std::string& key, const RememberedCommit& commit,
                                    const std::string& batch, std::int64_t now_ms) {
  // A few expired ones go with each new one, so that the table stays small without a scan.
  TRY_DO(transaction
             .sql("delete from idempotency where (principal, key) in (select principal, key from "
                  "idempotency where at_ms <= ? order by at_ms limit 8)")
             .bind(idempotency_horizon(now_ms))
             .run());
  TRY_DO(
      transaction
          .sql("insert into idempotency(principal, key, digest, batch, at_ms, result) "
               "values(?1, ?2, ?3, ?4, ?5, ?6) on conflict do update set digest = ?3, batch = ?4, "
               "at_ms = ?5, result = ?6 where at_ms <= ?7")
          .bind(principal)
          .bind(key)
          .bind(commit.digest)
          .bind(batch)
          .bind(now_ms)
          .bind(commit.result)
          .bind(idempotency_horizon(now_ms))
          .run());
  if (transaction.changes() == 0) {
    return fail(ErrorKind::conflict,
                "this idempotency key was just used for another write; take a "
                "new key",
                {}, "conflict");
  }
  return {};
}

}  // namespace remit::memory
