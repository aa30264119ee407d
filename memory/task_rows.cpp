#include "memory/task_rows.h"

#include <array>

#include "base/json.h"
#include "base/limits.h"
#include "memory/server_rows.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr std::array<const char*, 5> kStatus = {"working", "input_required", "completed", "failed",
                                                "cancelled"};

// Answers of several orders are one object; a later answer to a key takes the place of the earlier.
Result<std::string> joined(const std::string& earlier, const std::string& later) {
  if (later.empty() || earlier.empty()) return earlier + later;
  TRY(Json all, parse_json(earlier));
  TRY(const Json more, parse_json(later));
  if (!all.is_object() || !more.is_object())
    return fail(ErrorKind::invalid_argument, "answers to a task are an object by key");
  for (const auto& [key, answer] : more.items()) all[key] = answer;
  return dump(all);
}

Result<void> forget_expired(Transaction& transaction, std::int64_t now_ms) {
  return transaction
      .sql(
          "delete from task where status not in ('working', 'input_required') and created_ms + "
          "ttl_ms < ?")
      .bind(now_ms)
      .run();
}

TaskStatus status_of(std::string_view name) {
  for (std::size_t i = 0; i < kStatus.size(); ++i)
    if (name == kStatus[i]) return static_cast<TaskStatus>(i);
  return TaskStatus::failed;
}

}  // namespace

const char* to_string(TaskStatus status) {
  return kStatus[static_cast<std::size_t>(status)];
}

Result<void> TaskRows::create(const TaskRecord& task) {
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(forget_expired(transaction, state_.clock().unix_ms()));
  {
    Statement row = transaction.sql("select count(*) from task where principal = ?");
    TRY_DO(row.bind(principal_).step());
    if (row.integer(0) >= static_cast<std::int64_t>(limits::kTasksKept))
      return fail(ErrorKind::too_large, "this principal has " + std::to_string(limits::kTasksKept) +
                                            " tasks, which are kept for a while after their end");
  }
  TRY_DO(transaction
             .sql("insert into task(task_id, principal, server_id, tool, status, body, created_ms, "
                  "updated_ms, ttl_ms, cancel, answers) values(?,?,?,?,?,?,?,?,?,0,'')")
             .bind(task.task_id)
             .bind(principal_)
             .bind(server_id_)
             .bind(task.tool)
             .bind(to_string(task.status))
             .bind(task.body)
             .bind(task.created_ms)
             .bind(task.updated_ms)
             .bind(task.ttl_ms)
             .run());
  return transaction.commit(Sync::durable);
}

Result<void> TaskRows::update(const TaskRecord& task) {
  TRY(Transaction transaction, state_.database().write());
  TRY_DO(transaction
             .sql("update task set status = ?, body = ?, updated_ms = ? where task_id = ? and "
                  "status in ('working', 'input_required')")
             .bind(to_string(task.status))
             .bind(task.body)
             .bind(task.updated_ms)
             .bind(task.task_id)
             .run());
  if (transaction.changes() == 0)
    return fail(ErrorKind::conflict, "the task is over and does not change any more");
  return transaction.commit(is_final(task.status) ? Sync::durable : Sync::cached);
}

Result<std::optional<TaskRecord>> TaskRows::find(const std::string& task_id) {
  TRY(Snapshot snapshot, state_.database().read());
  Statement row = snapshot.sql(
      "select tool, status, body, created_ms, updated_ms, ttl_ms from task where task_id = ? and "
      "principal = ?");
  TRY(const bool there, row.bind(task_id).bind(principal_).step());
  if (!there) return std::optional<TaskRecord>();
  TaskRecord task{task_id,        row.text(0),    status_of(row.view(1)), row.text(2),
                  row.integer(3), row.integer(4), row.integer(5)};
  if (is_final(task.status) && task.created_ms + task.ttl_ms < state_.clock().unix_ms())
    return std::optional<TaskRecord>();
  return std::optional<TaskRecord>(std::move(task));
}

Result<void> TaskRows::order(const TaskOrder& order) {
  std::string server, answers;
  {
    TRY(Transaction transaction, state_.database().write());
    {
      Statement row = transaction.sql(
          "select server_id, answers from task where task_id = ? and "
          "principal = ?");
      TRY(const bool there, row.bind(order.task_id).bind(principal_).step());
      if (!there) return fail(ErrorKind::not_found, "there is no such task");
      server = row.text(0);
      TRY(answers, joined(row.text(1), order.answers));
      if (answers.size() > limits::kTaskResultBytes)
        return fail(ErrorKind::too_large, "the answers to this task are longer than a task takes");
    }
    TRY_DO(transaction
               .sql("update task set cancel = max(cancel, ?), answers = ? "
                    "where task_id = ? and status in ('working', 'input_required')")
               .bind(order.cancel ? 1 : 0)
               .bind(answers)
               .bind(order.task_id)
               .run());
    TRY_DO(transaction.commit(Sync::cached));
  }
  return notify(state_, server, "tasks");
}

Result<std::vector<TaskOrder>> TaskRows::take_orders() {
  std::vector<TaskOrder> orders;
  TRY(Transaction transaction, state_.database().write());
  {
    Statement rows = transaction.sql(
        "select task_id, cancel, answers from task where server_id = ? and status in ('working', "
        "'input_required') and (cancel != 0 or answers != '')");
    rows.bind(server_id_);
    for (;;) {
      TRY(const bool there, rows.step());
      if (!there) break;
      orders.push_back({rows.text(0), rows.integer(1) != 0, rows.text(2)});
    }
  }
  if (orders.empty()) return orders;
  TRY_DO(
      transaction
          .sql("update task set cancel = 0, answers = '' where server_id = ? and (cancel != 0 or "
               "answers != '')")
          .bind(server_id_)
          .run());
  TRY_DO(transaction.commit(Sync::cached));
  return orders;
}

Result<std::int64_t> settle_tasks(State& state, const std::string& error) {
  const std::int64_t now = state.clock().unix_ms();
  {
    // Most starts find nothing to do and need no write lock.
    TRY(Snapshot snapshot, state.database().read_at_start());
    Statement any = snapshot.sql(
        "select 1 from task where (status in ('working', 'input_required') and server_id not in "
        "(select server_id from server)) or (status not in ('working', 'input_required') and "
        "created_ms + ttl_ms < ?) limit 1");
    TRY(const bool there, any.bind(now).step());
    if (!there) return 0;
  }
  TRY(Transaction transaction, state.database().write());
  TRY_DO(transaction
             .sql("update task set status = 'failed', body = ?, updated_ms = ? where status in "
                  "('working', 'input_required') and server_id not in (select server_id from "
                  "server)")
             .bind(error)
             .bind(now)
             .run());
  const std::int64_t failed = transaction.changes();
  TRY_DO(forget_expired(transaction, now));
  TRY_DO(transaction.commit(Sync::cached));
  return failed;
}

}  // namespace remit::memory
