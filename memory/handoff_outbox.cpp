#include "memory/handoff_outbox.h"

#include <fcntl.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_row.h"
#include "memory/handoff_rows.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

const char* place_word(OutboxPlace place) {
  return place == OutboxPlace::memory ? "memory" : "drop";
}

constexpr std::string_view kOutboxColumns =
    "id, handoff, place, path, error, attempts, next_ms, created_ms, dead, body";

OutboxRow outbox_row_of(const Statement& from) {
  OutboxRow row;
  row.id = from.integer(0);
  row.handoff = from.text(1);
  row.place = from.view(2) == "drop" ? OutboxPlace::drop : OutboxPlace::memory;
  row.path = from.text(3);
  row.error = from.text(4);
  row.attempts = from.integer(5);
  row.next_ms = from.integer(6);
  row.created_ms = from.integer(7);
  row.dead = from.integer(8) != 0;
  return row;
}

std::string request_path(const Handoff& handoff) {
  const std::string_view word = type_word(handoff.type);
  if (handoff.to_kind == TargetKind::agent) return inbox_path(handoff.to, word, handoff.id);
  return handoff.to + "/" + std::string(word) + "_" + handoff.id + ".yaml";
}

// 1 s, 2 s, 4 s ... 10 min, each shortened by up to a half at random, so that many that failed
// together do not come back together.
std::int64_t pause_ms(std::int64_t attempts) {
  const std::int64_t full =
      std::min<std::int64_t>(limits::kRetryFirst.count() << std::min<std::int64_t>(attempts, 20),
                             limits::kRetryMost.count());
  const auto random = static_cast<unsigned char>(random_bytes(1)[0]);
  return full - full * random / 512;
}

}  // namespace

Result<void> enqueue(Transaction& transaction, const Clock& clock, const Handoff& handoff,
                     OutboxPlace place, const std::string& path, const std::string& body) {
  const std::int64_t now = clock.unix_ms();
  TRY_DO(transaction.sql("delete from outbox where place = ? and path = ?")
             .bind(place_word(place))
             .bind(path)
             .run());
  return transaction
      .sql(
          "insert into outbox(handoff, place, path, body, attempts, next_ms, lease_ms, created_ms, "
          "dead, error, root) values(?, ?, ?, ?, 0, ?, 0, ?, 0, '', ?)")
      .bind(handoff.id)
      .bind(place_word(place))
      .bind(path)
      .bind(body)
      .bind(now)
      .bind(now)
      .bind(handoff.root)
      .run();
}

Result<void> enqueue_request(Transaction& transaction, const Clock& clock, const Handoff& handoff) {
  return enqueue_request_for(transaction, clock, handoff, handoff);
}

Result<void> enqueue_request_for(Transaction& transaction, const Clock& clock, const Handoff& had,
                                 const Handoff& now) {
  if (had.to_kind == TargetKind::human) return {};
  TRY(const std::string body, request_yaml(now));
  const auto place = had.to_kind == TargetKind::agent ? OutboxPlace::memory : OutboxPlace::drop;
  return enqueue(transaction, clock, now, place, request_path(had), body);
}

Result<std::optional<HandoffDelivery::Task>> HandoffDelivery::take(const std::string& handoff) {
  const std::int64_t now = state_.clock().unix_ms();
  TRY(Transaction transaction, state_.database().write());
  Task task;
  {
    Statement next = transaction.sql(
        handoff.empty()
            ? "select " + std::string(kOutboxColumns) +
                  " from outbox where dead = 0 and next_ms <= ?1 and lease_ms <= ?1 and root = ?2 "
                  "order by next_ms, id limit 1"
            : "select " + std::string(kOutboxColumns) +
                  " from outbox where lease_ms <= ?1 and root = ?2 and handoff = ?3 "
                  "order by id limit 1");
    next.bind(now).bind(store_.root_id());
    if (!handoff.empty()) next.bind(handoff);
    TRY(const bool found, next.step());
    if (!found) return std::optional<Task>();
    task.row = outbox_row_of(next);
    task.body = next.text(9);
  }
  TRY_DO(transaction.sql("update outbox set lease_ms = ? where id = ?")
             .bind(now + limits::kDeliveryLease.count())
             .bind(task.row.id)
             .run());
  TRY_DO(transaction.commit(Sync::cached));
  return std::optional<Task>(std::move(task));
}

Result<Fd> open_drop_root(State& state, const std::string& configured) {
  return configured.empty() ? state.subdirectory("drop") : fs::open_root(configured);
}

Result<bool> HandoffDelivery::is_newest(const Task& task) {
  TRY(Snapshot snapshot, state_.database().read());
  return snapshot.sql("select 1 from outbox where id = ?").bind(task.row.id).step();
}

// Under the lock of the file: whoever has it while the row still waits has the newest version, and
// what is enqueued from then on is written by somebody who waits for the lock.
Result<bool> HandoffDelivery::write(const Task& task) {
  if (task.row.place == OutboxPlace::memory) {
    DocumentChange change;
    change.op = DocumentChange::Op::replace;
    TRY(change.path, DocPath::parse(task.row.path));
    // There or not, from us or from an outsider: the record is the truth.
    bool overtaken = false;
    change.edit = [&](const std::optional<std::string>&) -> Result<std::string> {
      TRY(const bool newest, is_newest(task));
      overtaken = !newest;
      if (overtaken) return fail(ErrorKind::conflict, "a newer version of this file is there");
      return task.body;
    };
    const Author author{"remit", "system", "", ""};
    const auto done = store_.commit({&change, 1}, author, "");
    if (!done && !overtaken) return tl::unexpected<Error>(done.error());
    return !overtaken;
  }
  TRY(const NameLocks lock, NameLocks::take(state_, {"drop:" + task.row.path}));
  TRY(const bool newest, is_newest(task));
  if (!newest) return false;
  TRY(const Fd directory, fs::make_directories(drop_root_, fs::parent_of(task.row.path)));
  TRY_DO(fs::replace_file(directory, std::string(fs::base_name(task.row.path)), task.body, 0644, {},
                          &state_.unfinished()));
  return true;
}

Result<void> HandoffDelivery::finish(const Task& task) {
  {
    TRY(Transaction transaction, state_.database().write());
    TRY_DO(transaction.sql("delete from outbox where id = ?").bind(task.row.id).run());
    TRY_DO(transaction.commit(Sync::durable));
  }
  HandoffRows rows(state_, store_.root_id());
  TRY(const Handoff handoff, rows.get(task.row.handoff));
  const bool is_request = task.row.path == request_path(handoff);  // not a reply or dead letter
  const std::string_view next = handoff.type == HandoffType::consult    ? "delivered"
                                : handoff.type == HandoffType::escalate ? "notified"
                                                                        : "";
  if (!is_request || next.empty() || handoff.state != first_state(handoff.type)) return {};
  HandoffStep step;
  step.to_state = next;
  step.persona = "remit";
  step.principal = "system";
  step.if_match = handoff.etag;
  const Result<Handoff> stepped = rows.step(handoff.id, step);
  // Another process may have answered it meanwhile: then it needs no such step.
  if (!stepped && stepped.error().kind != ErrorKind::conflict) {
    return tl::unexpected<Error>(stepped.error());
  }
  return {};
}

Result<void> HandoffDelivery::postpone(const Task& task, const Error& error) {
  const std::int64_t now = state_.clock().unix_ms();
  const bool dead = now - task.row.created_ms >= limits::kRetryFor.count();
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(transaction
             .sql("update outbox set attempts = attempts + 1, next_ms = ?, lease_ms = 0, dead = ?, "
                  "error = ? where id = ?")
             .bind(now + pause_ms(task.row.attempts))
             .bind(dead ? 1 : 0)
             .bind(error.message)
             .bind(task.row.id)
             .run());
  if (dead && transaction.changes() == 1 &&
      !task.row.path.starts_with("_communication/dead_letter/")) {
    const std::string path =
        "_communication/dead_letter/" + std::string(fs::base_name(task.row.path));
    Handoff handoff;
    handoff.id = task.row.handoff;
    handoff.root = store_.root_id();
    TRY_DO(enqueue(transaction, state_.clock(), handoff, OutboxPlace::memory, path, task.body));
  }
  return transaction.commit(Sync::durable);
}

Result<std::int64_t> HandoffDelivery::run_some(const std::string& handoff) {
  std::int64_t written = 0;
  for (std::size_t round = 0; round < limits::kDueAtOnce; ++round) {
    TRY(const std::optional<Task> task, take(handoff));
    if (!task) break;
    const Result<bool> done = write(*task);
    if (done) {
      if (!*done) continue;  // whoever has the newer version goes on from there
      TRY_DO(finish(*task));
      ++written;
      continue;
    }
    log::warning("handoff: a file was not delivered",
                 {{"handoff", task->row.handoff}, {"error", done.error().message}});
    TRY_DO(postpone(*task, done.error()));
    // By handoff the pause is not looked at: once each.
    if (!handoff.empty()) return tl::unexpected<Error>(done.error());
  }
  return written;
}

Result<std::int64_t> HandoffDelivery::run() {
  return run_some("");
}

Result<std::int64_t> HandoffDelivery::run_for(const std::string& handoff) {
  return run_some(handoff);
}

Result<std::optional<std::int64_t>> HandoffDelivery::next_due_ms() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement first =
      snapshot.sql("select min(max(next_ms, lease_ms)) from outbox where root = ? and dead = 0");
  TRY_DO(first.bind(store_.root_id()).step());
  if (first.is_null(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(first.integer(0));
}

Result<std::vector<OutboxRow>> HandoffDelivery::dead() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement rows = snapshot.sql("select " + std::string(kOutboxColumns) +
                                " from outbox where dead = 1 and root = ? order by id limit 1000");
  rows.bind(store_.root_id());
  std::vector<OutboxRow> out;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(outbox_row_of(rows));
  }
}

}  // namespace remit::memory
