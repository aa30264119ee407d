#include "memory/schema.h"

namespace remit::memory {
namespace {

// hash = SHA-256(hash of seq - 1 || canonical record), memory/ledger.cpp.
constexpr const char* kLedger = R"sql(
create table ledger(
  seq integer primary key,
  at_ms integer not null,
  mono_ms integer not null,
  kind text not null,
  call_id text not null,
  principal text not null,
  verdict text not null,
  rule text not null,
  origin text not null,
  fields text not null,
  hash blob not null
) strict;
)sql";

// Documents of Agent_Memory. A root is known by device and inode. `state`: 0 pending (the file may
// not have it yet), 1 done. `sha256`, `pre_sha256`: '' = no file. `batch`: the commit it belongs
// to. `sole`: every byte of the document is this author's. The bodies stand last: reading a column
// behind a large blob walks all its pages.
constexpr const char* kDocuments = R"sql(
create table memory_root(
  id integer primary key,
  dev integer not null,
  ino integer not null,
  unique(dev, ino)
) strict;
create table version(
  id integer primary key,
  root integer not null references memory_root(id),
  path text not null,
  version integer not null,
  state integer not null,
  batch text not null,
  op text not null,
  sha256 text not null,
  pre_sha256 text not null,
  bytes integer not null,
  at_ms integer not null,
  persona text not null,
  principal text not null,
  instruction text not null,
  call_id text not null,
  sole integer not null,
  sent blob,
  body blob,
  unique(root, path, version)
) strict;
create index version_pending on version(root, path) where state = 0;
create index version_batch on version(batch) where state = 0;
create table idempotency(
  principal text not null,
  key text not null,
  digest text not null,
  batch text not null,
  at_ms integer not null,
  result text not null,
  primary key(principal, key)
) strict, without rowid;
create index idempotency_at on idempotency(at_ms);
)sql";

// Questions to a person and their answers; `command` is the raw bytes. The PIN's hash is a file.
constexpr const char* kApprovals = R"sql(
create table approval(
  id text primary key,
  grant_key text not null,
  principal text not null,
  persona_sha256 text not null,
  instruction text not null,
  server_id text not null,
  tool text not null,
  command blob not null,
  title text not null,
  text text not null,
  risk text not null,
  code4 text not null,
  created_ms integer not null,
  expires_ms integer not null,
  state text not null check(state in
    ('pending', 'approved', 'denied', 'expired', 'cancelled', 'consumed')),
  scope text not null check(scope in ('once', 'session', 'rule')),
  decided_ms integer not null,
  channel text not null,
  attestation text not null,
  reason text not null,
  signature text not null
) strict, without rowid;
create index approval_key on approval(principal, grant_key);
create index approval_open on approval(state, expires_ms) where state in ('pending', 'approved');
create table pin_guard(
  id integer primary key check(id = 1),
  failures integer not null,
  locked_until_ms integer not null
) strict;
insert into pin_guard values(1, 0, 0);
)sql";

// A row whose kernel lock "server:<server_id>" is free belongs to a dead process.
constexpr const char* kServers = R"sql(
create table server(
  server_id text primary key,
  pid integer not null,
  start_ticks integer not null,
  agent text not null,
  instruction text not null,
  principal text not null,
  started_ms integer not null
) strict, without rowid;
)sql";

// Handoffs: the record is the truth, files in inboxes are its projection. `path`, `evidence`,
// `fields`, `ladder`, `answer` are JSON. `due_ms`: when fire_due() must look at it; 0 never.
// outbox: files to be written, at least once; `dead`: given up after a day.
constexpr const char* kHandoffs = R"sql(
create table handoff(
  id text primary key,
  kind text not null check(kind in ('consult', 'delegate', 'escalate')),
  from_persona text not null,
  from_principal text not null,
  to_name text not null,
  to_kind text not null,
  thread_id text not null,
  parent_id text not null,
  instruction text not null,
  hop integer not null,
  path text not null,
  idempotency_key text not null,
  request_digest text not null,
  created_ms integer not null,
  priority text not null,
  severity text not null,
  deadline_ms integer not null,
  ack_deadline_ms integer not null,
  due_ms integer not null,
  authorized_by text not null,
  evidence text not null,
  fields text not null,
  dedupe text not null,
  ladder text not null,
  state text not null,
  open integer not null,
  level integer not null,
  etag text not null,
  assumed integer not null,
  answer text not null
) strict, without rowid;
create unique index handoff_key on handoff(from_principal, idempotency_key)
  where idempotency_key != '';
create unique index handoff_dedupe on handoff(instruction, to_name, dedupe)
  where dedupe != '' and open = 1;
create index handoff_thread on handoff(thread_id);
create index handoff_to on handoff(to_name, open);
create index handoff_from on handoff(from_persona, created_ms);
create index handoff_due on handoff(due_ms) where due_ms > 0;
create table handoff_event(
  id integer primary key,
  handoff text not null references handoff(id),
  at_ms integer not null,
  from_state text not null,
  to_state text not null,
  persona text not null,
  principal text not null,
  note text not null
) strict;
create index handoff_event_of on handoff_event(handoff);
create table outbox(
  id integer primary key,
  handoff text not null references handoff(id),
  place text not null check(place in ('memory', 'drop')),
  path text not null,
  body text not null,
  attempts integer not null,
  next_ms integer not null,
  lease_ms integer not null,
  created_ms integer not null,
  dead integer not null,
  error text not null
) strict;
create unique index outbox_path on outbox(place, path);
create index outbox_due on outbox(next_ms) where dead = 0;
)sql";

// Tool calls that go on after their reply. `cancel`, `answers`: orders of other processes for the
// server that runs the task.
constexpr const char* kTasks = R"sql(
create table task(
  task_id text primary key,
  principal text not null,
  server_id text not null,
  tool text not null,
  status text not null check(status in
    ('working', 'input_required', 'completed', 'failed', 'cancelled')),
  body text not null,
  created_ms integer not null,
  updated_ms integer not null,
  ttl_ms integer not null,
  cancel integer not null,
  answers text not null
) strict, without rowid;
create index task_open on task(server_id) where status in ('working', 'input_required');
)sql";

// Up to which number the rows of a spool are in the ledger (memory/ledger_spool.h).
constexpr const char* kSpools = R"sql(
create table ledger_spool(
  name text primary key,
  written integer not null
) strict, without rowid;
)sql";

// A handoff belongs to one Agent_Memory: its files are written there and nowhere else. Rows from
// before are those of the only memory there was; with several, nobody's. `dedupe` names the first
// target, so that an escalation that climbed is still the same one. `task`: whose write right
// moves.
constexpr const char* kHandoffRoots = R"sql(
alter table handoff add column root integer not null default 0;
alter table handoff add column input text not null default '';
alter table handoff add column task text not null default '';
alter table handoff add column task_paths text not null default '[]';
alter table outbox add column root integer not null default 0;
update handoff set root = coalesce((select max(id) from memory_root having count(*) = 1), 0);
update outbox set root = coalesce((select max(id) from memory_root having count(*) = 1), 0);
drop index handoff_dedupe;
update handoff set dedupe = to_name || char(10) || dedupe where dedupe != '';
create unique index handoff_dedupe on handoff(root, instruction, dedupe)
  where dedupe != '' and open = 1;
drop index handoff_due;
create index handoff_due on handoff(root, due_ms) where due_ms > 0;
create index handoff_task on handoff(root, task) where task != '' and open = 1;
drop index outbox_due;
create index outbox_due on outbox(root, next_ms) where dead = 0;
)sql";

// Which passkey gave the answer; '' = none. What was signed before is void: its signatures were
// codes that a worker could not prove.
constexpr const char* kApprovalCredential = R"sql(
alter table approval add column credential text not null default '';
update approval set state = 'expired' where state = 'approved' and signature != '';
)sql";

// What is done once in a while for an Agent_Memory, and when it is due (memory/retention_rows.h).
constexpr const char* kChores = R"sql(
create table chore(
  root integer not null references memory_root(id),
  name text not null,
  due_ms integer not null,
  note text not null,
  primary key(root, name)
) strict, without rowid;
)sql";

}  // namespace

const std::vector<Migration>& schema() {
  static const std::vector<Migration> kSteps = {
      {1, kLedger},  {2, kDocuments},    {3, kApprovals},
      {4, kServers}, {5, kHandoffs},     {6, kTasks},
      {7, kSpools},  {8, kHandoffRoots}, {9, kApprovalCredential},
      {10, kChores}};
  return kSteps;
}

}  // namespace remit::memory
