#include "memory/postgres_schema.h"

#include "base/crypto.h"

namespace remit::memory {
namespace {

// An advisory lock of this program alone: "remit" as a number.
constexpr std::int64_t kMigrationLock = 0x72656d6974;
constexpr std::size_t kKeyBytes = 32;

// `document`: one row for each path that ever was one, so that there is a row to lock; sha256 ''
// means that it does not exist (any more). What it holds is the body of its newest version.
// `version`: as in the state directory (memory/schema.cpp). `commit_record`: one row for each
// commit, by which a caller whose connection broke in COMMIT learns what became of it. `event`:
// what listeners that were away catch up with; `xid` because commits become visible in another
// order than their numbers.
// Bodies are kept as they are (external): most are too small or are not read twice, and a large one
// is cheaper to read than to unpack.
constexpr const char* kDocuments = R"sql(
create table remit.store(
  single boolean primary key check(single),
  id text not null,
  etag_key bytea not null
);
create table remit.document(
  path text collate "C" primary key,
  version bigint not null,
  sha256 text not null,
  bytes bigint not null,
  at_ms bigint not null
) with (fillfactor = 70);
create table remit.version(
  path text collate "C" not null references remit.document(path),
  version bigint not null,
  op text not null,
  sha256 text not null,
  bytes bigint not null,
  at_ms bigint not null,
  persona text not null,
  principal text not null,
  instruction text not null,
  call_id text not null,
  sole boolean not null,
  sent bytea,
  body bytea,
  primary key(path, version)
);
alter table remit.version alter column body set storage external;
alter table remit.version alter column sent set storage external;
create table remit.idempotency(
  principal text not null,
  key text not null,
  digest text not null,
  at_ms bigint not null,
  result text not null,
  primary key(principal, key)
);
create index idempotency_at on remit.idempotency(at_ms);
create table remit.commit_record(
  id text primary key,
  at_ms bigint not null
);
create index commit_record_at on remit.commit_record(at_ms);
create table remit.event(
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  path text collate "C" not null,
  listed boolean not null,
  at_ms bigint not null
);
create index event_xid on remit.event(xid);
create index event_at on remit.event(at_ms);
)sql";

const std::vector<const char*>& steps() {
  static const std::vector<const char*> kSteps{kDocuments};
  return kSteps;
}

Result<int> step_of(PostgresSession& session) {
  // Not to_regclass(): that may answer from a cache which does not know yet what the process before
  // us made.
  TRY(const SqlRows there,
      session.run("select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = "
                  "c.relnamespace where n.nspname = 'remit' and c.relname = 'migration'"));
  if (there.empty()) return 0;
  TRY(const SqlRows rows, session.run("select coalesce(max(step), 0) from remit.migration"));
  return static_cast<int>(rows.integer(0, 0));
}

}  // namespace

Result<PostgresStanding> postgres_standing(PostgresSession& session) {
  TRY(const int step, step_of(session));
  return PostgresStanding{step, static_cast<int>(steps().size())};
}

Result<PostgresIdentity> migrate_postgres(PostgresSession& session) {
  const int newest = static_cast<int>(steps().size());
  TRY(int step, step_of(session));
  if (step < newest) {
    TRY_DO(session.begin());
    // Until the end of the transaction; whoever waited finds it done.
    TRY_DO(session.run("select pg_advisory_xact_lock($1::bigint)", {kMigrationLock}));
    TRY(step, step_of(session));
    if (step == 0) {
      TRY_DO(session.run("create schema if not exists remit"));
      TRY_DO(session.run(
          "create table if not exists remit.migration(step int primary key, at timestamptz not "
          "null default now())"));
    }
    for (; step < newest; ++step) {
      TRY_DO(session.run_all(steps()[static_cast<std::size_t>(step)]));
      TRY_DO(session.run("insert into remit.migration(step) values($1::int)",
                         {std::int64_t{step} + 1}));
    }
    TRY_DO(session.run(
        "insert into remit.store(single, id, etag_key) values(true, $1, $2::bytea) on conflict do "
        "nothing",
        {random_hex(16), SqlValue::bytes(random_bytes(kKeyBytes))}));
    TRY_DO(session.commit());
  }
  if (step > newest) {
    return fail(ErrorKind::unavailable,
                "Agent_Memory in this database was set up by a newer Remit (step " +
                    std::to_string(step) + ", this one knows " + std::to_string(newest) + ")",
                {}, "newer");
  }
  TRY(const SqlRows rows, session.run("select id, etag_key from remit.store"));
  if (rows.size() != 1)
    return fail(ErrorKind::unavailable, "the tables of Agent_Memory in this database are damaged");
  return PostgresIdentity{rows.text(0, 0), rows.bytes(0, 1)};
}

}  // namespace remit::memory
