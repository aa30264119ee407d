// The task table of the state database (task_store.h). Orders for another server are rows; its wake
// socket is told "tasks".
#pragma once

#include "memory/state.h"
#include "memory/task_store.h"

namespace remit::memory {

class TaskRows final : public TaskStore {
 public:
  TaskRows(State& state, std::string principal, std::string server_id)
      : state_(state), principal_(std::move(principal)), server_id_(std::move(server_id)) {}

  Result<void> create(const TaskRecord& task) override;
  Result<void> update(const TaskRecord& task) override;
  Result<std::optional<TaskRecord>> find(const std::string& task_id) override;
  Result<void> order(const TaskOrder& order) override;
  Result<std::vector<TaskOrder>> take_orders() override;

 private:
  State& state_;
  const std::string principal_, server_id_;
};

// At the start of a server: tasks that no living server runs any more have failed, and those whose
// time is over are forgotten. `error`: the body that a failed one gets. Returns how many failed.
Result<std::int64_t> settle_tasks(State& state, const std::string& error);

}  // namespace remit::memory
