// Tasks: tool calls that go on after their reply, as records that outlive the process that runs
// them. A record belongs to one principal and is run by one server; any server of the principal
// reads it, and leaves orders (cancel, answers) for the one that runs it.
//
// Threads: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace remit::memory {

enum class TaskStatus { working, input_required, completed, failed, cancelled };
const char* to_string(TaskStatus status);
inline bool is_final(TaskStatus status) {
  return status != TaskStatus::working && status != TaskStatus::input_required;
}

struct TaskRecord {
  std::string task_id;  // 32 hexadecimal digits
  std::string tool;
  TaskStatus status = TaskStatus::working;
  // JSON text: the open questions (input_required), the result (completed), the error (failed).
  std::string body;
  std::int64_t created_ms = 0, updated_ms = 0, ttl_ms = 0;
};

// What another process asks of the server that runs a task.
struct TaskOrder {
  std::string task_id;
  bool cancel = false;
  std::string answers;  // JSON object by key, or ""
};

class TaskStore {
 public:
  virtual ~TaskStore() = default;
  // Durable when it returns. Errors: too_large if so many are kept that this one has to wait.
  virtual Result<void> create(const TaskRecord& task) = 0;
  // Status, body and time; a final record never changes again: conflict.
  virtual Result<void> update(const TaskRecord& task) = 0;
  // A task of this principal; nullopt if there is none, or its time is over.
  virtual Result<std::optional<TaskRecord>> find(const std::string& task_id) = 0;
  // For a task that another server runs. Errors: not_found; too_large if its orders pile up.
  virtual Result<void> order(const TaskOrder& order) = 0;
  // Takes the orders for tasks of this server.
  virtual Result<std::vector<TaskOrder>> take_orders() = 0;
};

}  // namespace remit::memory
