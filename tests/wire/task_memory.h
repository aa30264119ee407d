// Tasks in memory; the product keeps them in its state database. One process: no orders.
//
// Threads: safe from any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "memory/task_store.h"

namespace remit::wire_test {

class TaskMemory : public memory::TaskStore {
 public:
  Result<void> create(const memory::TaskRecord& task) override {
    const std::lock_guard held(mutex_);
    tasks_.emplace(task.task_id, task);
    return {};
  }
  Result<void> update(const memory::TaskRecord& task) override {
    const std::lock_guard held(mutex_);
    const auto at = tasks_.find(task.task_id);
    if (at == tasks_.end() || memory::is_final(at->second.status))
      return fail(ErrorKind::conflict, "the task is over");
    at->second = task;
    return {};
  }
  Result<std::optional<memory::TaskRecord>> find(const std::string& task_id) override {
    const std::lock_guard held(mutex_);
    const auto at = tasks_.find(task_id);
    if (at == tasks_.end()) return std::optional<memory::TaskRecord>();
    return std::optional<memory::TaskRecord>(at->second);
  }
  Result<void> order(const memory::TaskOrder&) override {
    return fail(ErrorKind::not_found, "no other process runs tasks");
  }
  Result<std::vector<memory::TaskOrder>> take_orders() override {
    return std::vector<memory::TaskOrder>{};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, memory::TaskRecord> tasks_;
};

}  // namespace remit::wire_test
