// PostgresStore: what was written before.
#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/postgres_limits.h"
#include "memory/postgres_store.h"
#include "memory/postgres_watch.h"

namespace remit::memory {
namespace {

Error not_kept(const DocPath& path, std::int64_t version) {
  return Error{
      ErrorKind::not_found,
      "no text is kept of version " + std::to_string(version) + " of " + escape_ascii(path.text()),
      {},
      "not_found",
      nullptr};
}

Result<std::int64_t> purge_in(PostgresSession& session, const DocPath& path,
                              std::optional<std::int64_t> version) {
  TRY(const SqlRows document,
      session.run("select sha256 from document where path = $1 for update", {path.text()}));
  const std::string kept = document.empty() ? std::string() : document.text(0, 0);
  if (version) {
    TRY(const SqlRows row,
        session.run("select sha256 from version where path = $1 and version = $2::bigint",
                    {path.text(), *version}));
    if (row.empty()) {
      return fail(
          ErrorKind::not_found,
          "there is no version " + std::to_string(*version) + " of " + escape_ascii(path.text()),
          {}, "not_found");
    }
    if (!kept.empty() && row.text(0, 0) == kept) {
      return fail(ErrorKind::conflict,
                  "version " + std::to_string(*version) +
                      " is what the document holds now; replace or remove that first");
    }
  }
  TRY(const SqlRows purged,
      session.run("update version set body = null, sent = null where path = $1 and ($2::bigint = 0 "
                  "or version = $2::bigint) and ($3 = '' or sha256 <> $3) and (body is not null or "
                  "sent is not null)",
                  {path.text(), version.value_or(0), kept}));
  return static_cast<std::int64_t>(purged.affected());
}

}  // namespace

Result<std::vector<std::string>> PostgresStore::recorded(const std::string& prefix) {
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(
            "select path from document where sha256 <> '' and ($1 = '' or path = $1 or (path > $1 "
            "|| '/' and path < $1 || '0')) order by path limit $2::bigint",
            {prefix, static_cast<std::int64_t>(limits::kListedDocuments) + 1});
      }));
  if (rows.size() > limits::kListedDocuments) {
    return fail(ErrorKind::too_large, "more than " + with_commas(limits::kListedDocuments) +
                                          " documents were written; name a directory");
  }
  std::vector<std::string> out;
  for (std::size_t row = 0; row < rows.size(); ++row) out.push_back(rows.text(row, 0));
  return out;
}

Result<std::vector<VersionRow>> PostgresStore::history(const DocPath& path) {
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(
            "select version, sha256, op, bytes, at_ms, persona, principal, instruction, call_id "
            "from version where path = $1 order by version desc limit $2::bigint",
            {path.text(), static_cast<std::int64_t>(limits::kKeepVersions)});
      }));
  std::vector<VersionRow> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    VersionRow one;
    one.version = rows.integer(row, 0);
    one.sha256 = rows.text(row, 1);
    if (!one.sha256.empty()) one.etag = etag_of(path, one.sha256);
    one.op = rows.text(row, 2);
    one.bytes = static_cast<std::uint64_t>(rows.integer(row, 3));
    one.at_unix_ms = rows.integer(row, 4);
    one.author = {rows.text(row, 5), rows.text(row, 6), rows.text(row, 7), rows.text(row, 8)};
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::string> PostgresStore::bytes(const DocPath& path, std::int64_t version,
                                         const char* column) {
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(std::string("select ") + column +
                               " from version where path = $1 and version = $2::bigint",
                           {path.text(), version});
      }));
  if (rows.empty() || rows.is_null(0, 0)) return tl::unexpected<Error>(not_kept(path, version));
  return rows.bytes(0, 0);
}

Result<std::string> PostgresStore::version_body(const DocPath& path, std::int64_t version) {
  return bytes(path, version, "body");
}

Result<std::string> PostgresStore::version_sent(const DocPath& path, std::int64_t version) {
  // A create or replace sent the whole body; it is stored once.
  return bytes(path, version, "case when op in ('create', 'replace') then body else sent end");
}

// The row versions with the texts stay in PostgreSQL's files until its vacuum has passed, and in
// its log and backups for as long as those are kept: docs/memory.md says so.
Result<std::int64_t> PostgresStore::purge(const DocPath& path,
                                          std::optional<std::int64_t> version) {
  return with(writers_, [&](PostgresSession& session) -> Result<std::int64_t> {
    TRY_DO(session.begin());
    auto purged = purge_in(session, path, version);
    if (!purged && session.usable()) TRY_DO(session.rollback());
    if (!purged) return purged;
    TRY_DO(session.commit());
    static_cast<void>(session.run("vacuum version"));
    return purged;
  });
}

namespace {

Result<std::int64_t> load_in(PostgresSession& session, const NextVersion& next,
                             std::int64_t now_ms) {
  // Nobody writes meanwhile, and nobody has.
  TRY_DO(session.run("lock table document in exclusive mode"));
  TRY(const SqlRows there, session.run("select 1 from document limit 1"));
  if (!there.empty()) {
    return fail(ErrorKind::conflict,
                "there are documents or versions already; import goes into an empty Agent_Memory "
                "only",
                {}, "not_empty");
  }
  TransferOrder order;
  std::int64_t count = 0;
  for (;; ++count) {
    TRY(const std::optional<KeptVersion> one, next());
    if (!one) break;
    TRY_DO(order.take(*one));
    const VersionRow& row = one->row;
    const auto bytes = static_cast<std::int64_t>(row.bytes);
    TRY_DO(session.run(
        "insert into document(path, version, sha256, bytes, at_ms) values($1, $2::bigint, $3, "
        "$4::bigint, $5::bigint) on conflict (path) do update set version = $2::bigint, sha256 = "
        "$3, bytes = $4::bigint, at_ms = $5::bigint",
        {one->path, row.version, row.sha256, bytes, row.at_unix_ms}));
    const auto text = [](const std::optional<std::string>& part) {
      return part ? SqlValue::bytes(*part) : SqlValue(std::nullopt);
    };
    TRY_DO(session.run(
        "insert into version(path, version, op, sha256, bytes, at_ms, persona, principal, "
        "instruction, call_id, sole, sent, body) values($1, $2::bigint, $3, $4, $5::bigint, "
        "$6::bigint, $7, $8, $9, $10, $11::boolean, $12::bytea, $13::bytea)",
        {one->path, row.version, row.op, row.sha256, bytes, row.at_unix_ms, row.author.persona,
         row.author.principal, row.author.instruction, row.author.call_id, one->sole,
         text(one->sent), text(one->body)}));
  }
  TRY_DO(order.end());
  TRY_DO(
      session.run("insert into event(path, listed, at_ms) select path, true, $1::bigint from "
                  "document",
                  {now_ms}));
  return count;
}

}  // namespace

Result<std::int64_t> PostgresStore::load(const NextVersion& next) {
  // Once: what `next` gave it does not give again.
  TRY(const PostgresPool::Lease session, writers_.take());
  const std::string id = random_hex(16);
  TRY_DO(session->begin());
  TRY_DO(session->run("insert into commit_record(id, at_ms) values($1, $2::bigint)",
                      {id, clock_.unix_ms()}));
  auto count = load_in(*session, next, clock_.unix_ms());
  if (!count) return count;  // the connection is closed, and all of it undone
  const Result<void> committed = session->commit();
  if (committed) {
    follow_up(*session);
    return count;
  }
  if (committed.error().code != "lost") return tl::unexpected<Error>(committed.error());
  TRY(const bool there, happened(id));
  if (!there) return tl::unexpected<Error>(committed.error());
  return count;
}

Result<std::unique_ptr<Watching>> PostgresStore::watch(Tell tell) {
  return watch_postgres(url(), std::move(tell));
}

}  // namespace remit::memory
