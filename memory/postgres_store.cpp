#include "memory/postgres_store.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/commit_replay.h"
#include "memory/commit_rules.h"
#include "memory/document_pages.h"
#include "memory/postgres_limits.h"

namespace remit::memory {
namespace {

std::int64_t milliseconds(std::chrono::milliseconds time) {
  return time.count();
}

// The number of an advisory lock: of a name, out of 2^64.
std::int64_t lock_number(std::string_view kind, std::string_view name) {
  Sha256 hash;
  hash.field(kind);
  hash.field(name);
  const std::string hex = hash.finish_hex();
  std::uint64_t out = 0;
  for (std::size_t at = 0; at < 16; ++at)
    out =
        out << 4 | static_cast<std::uint64_t>(hex[at] <= '9' ? hex[at] - '0' : hex[at] - 'a' + 10);
  return static_cast<std::int64_t>(out);
}

bool was_lost(const Error& error) {
  return error.code == "lost";
}

Error not_a_document(std::string_view path, const char* what) {
  return Error{ErrorKind::denied,
               escape_ascii(path) + " is " + what + ", not a document",
               {},
               "not_a_document",
               nullptr};
}

// Paths are names beneath a root elsewhere, too: a document is no folder of others. Two that are
// made at once see one another by locks on the names above them, shared by all that are made below
// a name and held alone by the document of that name.
Result<void> check_tree(PostgresSession& session, const std::vector<std::string>& made) {
  if (made.empty()) return {};
  std::set<std::int64_t> alone, shared;
  std::vector<std::string> above;
  for (const std::string& path : made) {
    alone.insert(lock_number("folder", path));
    for (std::string& folder : folders_above(path)) above.push_back(std::move(folder));
  }
  for (const std::string& folder : above) shared.insert(lock_number("folder", folder));
  std::set<std::int64_t> all = alone;
  all.insert(shared.begin(), shared.end());
  std::vector<std::int64_t> numbers(all.begin(), all.end());
  std::vector<std::int64_t> exclusive(alone.begin(), alone.end());
  TRY_DO(session.run(
      "select case when n = any($2::bigint[]) then pg_advisory_xact_lock(n)::text "
      "else pg_advisory_xact_lock_shared(n)::text end "
      "from (select n from unnest($1::bigint[]) with ordinality as t(n, at) order by at) as sorted",
      {SqlValue::numbers(numbers), SqlValue::numbers(exclusive)}));
  TRY(const SqlRows file,
      session.run("select path from document where path = any($1::text[]) and sha256 <> '' limit 1",
                  {SqlValue::texts(above)}));
  if (!file.empty()) return tl::unexpected<Error>(not_a_document(made.front(), "below a document"));
  for (const std::string& path : made) {
    // '0' is the byte after '/'.
    TRY(const SqlRows below,
        session.run("select 1 from document where path > $1::text || '/' and path < $1::text || "
                    "'0' and sha256 <> '' limit 1",
                    {path}));
    if (!below.empty()) return tl::unexpected<Error>(not_a_document(path, "a directory"));
  }
  return {};
}

}  // namespace

PostgresStore::PostgresStore(const PostgresUrl& url, const Clock& clock)
    : clock_(clock),
      readers_(url, limits::kPostgresReaders),
      writers_(url, limits::kPostgresWriters) {}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresUrl& url,
                                                           const Clock& clock) {
  std::unique_ptr<PostgresStore> out(new PostgresStore(url, clock));
  TRY(const PostgresPool::Lease session, out->writers_.take());
  TRY(out->identity_, migrate_postgres(*session));
  TRY(const PostgresStanding standing, postgres_standing(*session));
  out->standing_ = url.shown + " (PostgreSQL " + std::to_string(session->server_version() / 10000) +
                   "." + std::to_string(session->server_version() % 10000) + ", tables at step " +
                   std::to_string(standing.step) + " of " + std::to_string(standing.newest) + ")";
  return out;
}

std::string PostgresStore::etag_of(const DocPath& path, std::string_view sha256_hex) const {
  return etag_text(identity_.etag_key, path.text(), sha256_hex);
}

// --- reading ------------------------------------------------------------------------------------

Result<Document> PostgresStore::read(const DocPath& path) {
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(
            "select v.body, v.sha256, v.at_ms, v.persona from document d join version v using "
            "(path, version) where d.path = $1 and d.sha256 <> ''",
            {path.text()});
      }));
  if (rows.empty()) return tl::unexpected<Error>(document_not_found(path));
  Document out{.path = path,
               .body = rows.bytes(0, 0),
               .etag = etag_of(path, rows.text(0, 1)),
               .sha256 = rows.text(0, 1),
               .modified_unix_ms = rows.integer(0, 2),
               .author = rows.text(0, 3)};
  if (sha256_hex(out.body) == out.sha256) return out;
  return fail(ErrorKind::unavailable,
              "the row of " + escape_ascii(path.text()) +
                  " was changed without Remit: its content is not what its hash says",
              {}, "corrupt");
}

Result<bool> PostgresStore::is_own(const DocPath& path, const Author& author) {
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(
            "select v.sole and v.persona = $2 and v.principal = $3 and v.instruction = $4 from "
            "document d join version v using (path, version) where d.path = $1 and d.sha256 <> ''",
            {path.text(), author.persona, author.principal, author.instruction});
      }));
  return !rows.empty() && rows.truth(0, 0);
}

Result<std::vector<DocumentEntry>> PostgresStore::list(
    const std::string& prefix, const std::function<bool(std::string_view)>& enter,
    const std::function<bool(std::string_view)>& wanted) {
  return list_pages(prefix, enter, wanted,
                    [&](const std::string& after) { return page(prefix, after); });
}

Result<std::vector<DocumentEntry>> PostgresStore::page(const std::string& prefix,
                                                       const std::string& after) {
  // '0' is the byte after '/': all that begins with "PREFIX/".
  const std::string end = prefix.empty() ? std::string() : prefix + "0";
  TRY(const SqlRows rows, with(readers_, [&](PostgresSession& session) {
        return session.run(
            "select path, sha256, bytes, at_ms from document where path > $1 and ($2 = '' or path "
            "< $2) and sha256 <> '' order by path limit $3::bigint",
            {after, end, static_cast<std::int64_t>(limits::kPostgresListed)});
      }));
  std::vector<DocumentEntry> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    out.push_back({rows.text(row, 0),
                   etag_text(identity_.etag_key, rows.text(row, 0), rows.text(row, 1)),
                   static_cast<std::uint64_t>(rows.integer(row, 2)), rows.integer(row, 3)});
  }
  return out;
}

// --- commit -------------------------------------------------------------------------------------

// A change with the document it meets and the body it makes.
struct PostgresStore::Prepared {
  const DocumentChange* change = nullptr;
  std::string_view op;
  std::int64_t version = 0;  // of the document as it is
  std::string before_sha;    // "": it does not exist
  std::string body, sha256;
  bool removes = false, sole = false;
};

Result<PostgresStore::Prepared> PostgresStore::prepare(PostgresSession& session,
                                                       const SqlRows& locked,
                                                       const DocumentChange& change,
                                                       const Author& author) {
  const std::string& path = change.path.text();
  std::size_t row = 0;
  while (row < locked.size() && locked.text(row, 0) != path) ++row;
  if (row == locked.size()) return fail(ErrorKind::internal, "a locked document has no row");
  Prepared one;
  one.change = &change;
  one.op = op_of(change);
  one.removes = change.op == DocumentChange::Op::remove;
  one.version = locked.integer(row, 1);
  one.before_sha = locked.text(row, 2);
  const bool exists = !one.before_sha.empty();
  TRY_DO(check_conditions(
      change, exists ? std::optional(etag_of(change.path, one.before_sha)) : std::nullopt));
  // An append or a typed edit leaves the earlier words in the document.
  const bool whole = one.op == "create" || one.op == "replace" || !exists;
  const Author before{locked.text(row, 3), locked.text(row, 4), locked.text(row, 5), ""};
  one.sole = whole || (locked.truth(row, 6) && same_writer(before, author));
  if (one.removes) return one;
  std::string current;
  if (exists && builds_on_current(change)) {
    TRY(const SqlRows body,
        session.run("select body from version where path = $1 and version = $2::bigint",
                    {path, one.version}));
    if (!body.empty()) current = body.bytes(0, 0);
    if (sha256_hex(current) != one.before_sha) {
      return fail(ErrorKind::unavailable,
                  "the row of " + escape_ascii(path) + " was changed without Remit; replace it", {},
                  "corrupt");
    }
  }
  TRY(one.body, new_body(change, exists ? &current : nullptr));
  one.sha256 = sha256_hex(one.body);
  return one;
}

Result<Committed> PostgresStore::write(PostgresSession& session, const Prepared& one,
                                       const Author& author) {
  const DocPath& path = one.change->path;
  const std::int64_t now = clock_.unix_ms(), version = one.version + 1;
  const auto bytes = static_cast<std::int64_t>(one.body.size());
  const bool listed = one.before_sha.empty() != one.removes;
  const std::int64_t oldest = version - static_cast<std::int64_t>(limits::kKeepVersions);
  TRY_DO(session.run(
      "with made as (insert into version(path, version, op, sha256, bytes, at_ms, persona, "
      "principal, instruction, call_id, sole, sent, body) values($1, $2::bigint, $3, $4, "
      "$5::bigint, $6::bigint, $7, $8, $9, $10, $11::boolean, $12::bytea, $13::bytea)), "
      "told as (insert into event(path, listed, at_ms) values($1, $14::boolean, $6::bigint)), "
      "gone as (delete from version where path = $1 and version <= $15::bigint) "
      "update document set version = $2::bigint, sha256 = $4, bytes = $5::bigint, at_ms = "
      "$6::bigint where path = $1",
      {path.text(), version, one.op, one.sha256, bytes, now, author.persona, author.principal,
       author.instruction, author.call_id, one.sole,
       one.op == "append" ? SqlValue::bytes(one.change->body) : SqlValue(std::nullopt),
       one.removes ? SqlValue(std::nullopt) : SqlValue::bytes(one.body), listed, oldest}));
  return Committed{.etag = one.removes ? "" : etag_of(path, one.sha256),
                   .sha256 = one.sha256,
                   .version = version,
                   .created = one.before_sha.empty() && !one.removes,
                   .bytes = one.body.size(),
                   .previous_etag = one.before_sha.empty() ? "" : etag_of(path, one.before_sha)};
}

Result<std::vector<Committed>> PostgresStore::write_all(PostgresSession& session,
                                                        std::span<const DocumentChange> changes,
                                                        const Author& author) {
  std::vector<std::string> paths;
  for (const DocumentChange& change : changes) paths.push_back(change.path.text());
  std::ranges::sort(paths);
  TRY_DO(session.run(
      "insert into document(path, version, sha256, bytes, at_ms) select path, 0, '', 0, 0 from "
      "unnest($1::text[]) with ordinality as t(path, at) order by at on conflict do nothing",
      {SqlValue::texts(paths)}));
  TRY(const SqlRows locked,
      session.run("select d.path, d.version, d.sha256, v.persona, v.principal, v.instruction, "
                  "v.sole from document d left join version v using (path, version) where d.path = "
                  "any($1::text[]) order by d.path for update of d",
                  {SqlValue::texts(paths)}));
  std::vector<Prepared> all;
  std::vector<std::string> made;
  for (const DocumentChange& change : changes) {
    TRY(Prepared one, prepare(session, locked, change, author));
    if (one.before_sha.empty() && !one.removes) made.push_back(change.path.text());
    all.push_back(std::move(one));
  }
  std::vector<Committed> out;
  for (const Prepared& one : all) {
    TRY(Committed done, write(session, one, author));
    out.push_back(std::move(done));
  }
  // Last, as things stand with all of them.
  TRY_DO(check_tree(session, made));
  return out;
}

Result<std::vector<Committed>> PostgresStore::commit_once(PostgresSession& session,
                                                          const std::string& id,
                                                          std::span<const DocumentChange> changes,
                                                          const Author& author,
                                                          const std::string& key) {
  const std::int64_t now = clock_.unix_ms();
  const std::int64_t expired = now - milliseconds(limits::kIdempotencyWindow);
  TRY_DO(session.run("insert into commit_record(id, at_ms) values($1, $2::bigint)", {id, now}));
  const std::string digest = key.empty() ? "" : digest_of(changes);
  if (!key.empty()) {
    TRY_DO(session.run("select pg_advisory_xact_lock($1::bigint)",
                       {lock_number("key", author.principal + '\0' + key)}));
    TRY(const SqlRows earlier,
        session.run("select digest, result from idempotency where principal = $1 and key = $2 and "
                    "at_ms > $3::bigint",
                    {author.principal, key, expired}));
    if (!earlier.empty() && earlier.text(0, 0) == digest) {
      TRY_DO(session.rollback());
      return decode_committed(earlier.text(0, 1));
    }
    if (!earlier.empty()) {
      return fail(ErrorKind::conflict,
                  "this idempotency key was used for another write; take a new key", {},
                  "conflict");
    }
  }
  TRY(std::vector<Committed> done, write_all(session, changes, author));
  if (!key.empty()) {
    TRY_DO(session.run(
        "insert into idempotency(principal, key, digest, at_ms, result) values($1, $2, $3, "
        "$4::bigint, $5) on conflict (principal, key) do update set digest = $3, at_ms = "
        "$4::bigint, result = $5",
        {author.principal, key, digest, now, encode_committed(done)}));
  }
  const Result<void> committed = session.commit();
  if (!committed && !was_lost(committed.error())) return tl::unexpected<Error>(committed.error());
  if (!committed) {
    TRY(const bool there, happened(id));
    if (!there) return tl::unexpected<Error>(committed.error());
  } else {
    follow_up(session);
  }
  return done;
}

Result<std::vector<Committed>> PostgresStore::commit(std::span<const DocumentChange> changes,
                                                     const Author& author,
                                                     const std::string& idempotency_key) {
  TRY_DO(check_changes(changes));
  return with(writers_, [&](PostgresSession& session) -> Result<std::vector<Committed>> {
    // Of this attempt: the one before, if there was one, is known not to have happened.
    const std::string id = random_hex(16);
    TRY_DO(session.begin());
    auto done = commit_once(session, id, changes, author, idempotency_key);
    if (!done && !session.at_rest() && session.usable()) TRY_DO(session.rollback());
    return done;
  });
}

Result<bool> PostgresStore::happened(const std::string& id) {
  const auto deadline = std::chrono::steady_clock::now() + limits::kPostgresResolve;
  for (;;) {
    // Waits for the transaction that inserted it, if it is still there, and stands in its way if it
    // never came that far.
    const auto asked = [&]() -> Result<SqlRows> {
      TRY(const auto session, writers_.open());
      return session->run(
          "insert into commit_record(id, at_ms) values($1, $2::bigint) on conflict do nothing",
          {id, clock_.unix_ms()});
    }();
    if (asked) return asked->affected() == 0;
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(limits::kPostgresRetry);
  }
  return fail(ErrorKind::unavailable,
              "PostgreSQL went away while it was told to commit: the change may have been written "
              "or not; read the document before you try again",
              {}, "unknown_outcome");
}

void PostgresStore::follow_up(PostgresSession& session) {
  // Listeners look by themselves after kPostgresLook, so that a failure costs time alone.
  static_cast<void>(session.run("notify remit"));
  if (++commits_ % limits::kPostgresSweepEvery != 0) return;
  const std::int64_t now = clock_.unix_ms();
  const auto sweep = [&](const std::string& table, std::chrono::milliseconds kept) {
    static_cast<void>(session.run(
        "delete from " + table + " where ctid = any(array(select ctid from " + table +
            " where at_ms <= $1::bigint order by at_ms limit $2::bigint for update skip locked))",
        {now - milliseconds(kept), std::int64_t{limits::kPostgresSweep}}));
  };
  sweep("idempotency", limits::kIdempotencyWindow);
  sweep("commit_record", limits::kIdempotencyWindow);
  sweep("event", limits::kPostgresEvents);
}

}  // namespace remit::memory
