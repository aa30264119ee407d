#include "server/agent_changes.h"

#include <system_error>

#include "base/limits.h"
#include "base/log.h"
#include "memory/handoff_projection.h"
#include "server/mcp/tasks.h"

namespace remit::server {

// The rows, and the start of the waiting for orders with the first of them.
class AgentChanges::Tasks final : public memory::TaskStore {
 public:
  Tasks(AgentChanges& changes, memory::State& state, const std::string& principal,
        const std::string& server_id)
      : changes_(changes), rows_(state, principal, server_id) {}
  Result<void> create(const memory::TaskRecord& task) override {
    changes_.await_orders();
    return rows_.create(task);
  }
  Result<void> update(const memory::TaskRecord& task) override { return rows_.update(task); }
  Result<std::optional<memory::TaskRecord>> find(const std::string& task_id) override {
    return rows_.find(task_id);
  }
  Result<void> order(const memory::TaskOrder& order) override { return rows_.order(order); }
  Result<std::vector<memory::TaskOrder>> take_orders() override { return rows_.take_orders(); }

 private:
  AgentChanges& changes_;
  memory::TaskRows rows_;
};

std::string inbox_uri(const policy::Remit& remit) {
  return "remit://inbox/" + remit.slug;
}

std::string inbox_folder(const policy::Remit& remit) {
  return memory::inbox_folder(remit.slug);
}

bool may_read(const policy::Remit& remit, const std::string& path) {
  for (const policy::MemoryRule& rule : remit.memory)
    if (rule.read && rule.pattern.matches(path)) return true;
  return false;
}

void AgentChanges::attach(mcp::Server& server) {
  const std::lock_guard held(mutex_);
  server_ = &server;
}

void AgentChanges::stop() {
  std::unique_ptr<memory::Watching> documents;
  std::jthread orders;
  {
    const std::lock_guard held(mutex_);
    stopped_ = true;
    documents = std::move(documents_);
    orders = std::move(orders_);
  }
  documents.reset();
  orders.request_stop();
  if (orders.joinable()) orders.join();
  const std::lock_guard held(mutex_);
  server_ = nullptr;
}

void AgentChanges::grant(std::shared_ptr<const policy::Remit> remit) {
  const std::lock_guard held(mutex_);
  remit_ = std::move(remit);
}

Result<void> AgentChanges::watch() {
  const std::lock_guard held(mutex_);
  if (documents_ || stopped_) return {};
  TRY(documents_, store_.watch([this](const auto& changed) { tell(changed); }));
  return {};
}

void AgentChanges::tell(const std::map<std::string, bool>& changed) {
  mcp::Server* server = nullptr;
  std::shared_ptr<const policy::Remit> remit;
  {
    const std::lock_guard held(mutex_);
    server = server_;
    remit = remit_;
  }
  if (server == nullptr) return;
  const std::string inbox = inbox_folder(*remit);
  const bool has_inbox = remit->tool("inbox") != nullptr;
  bool list = false, in_inbox = false;
  for (const auto& [path, listed] : changed) {
    if (has_inbox && path.starts_with(inbox)) {
      in_inbox = true;
      // Every step of a handoff changes its file here or in the other side's answer to it.
      const std::string id = memory::id_in_path(path);
      if (!id.empty()) server->resource_updated(std::string(kHandoffUri) + id);
    }
    if (path.ends_with('/')) {  // a folder that went: what was in it is found by listing
      list = true;
      continue;
    }
    // What this agent may not read has not changed as far as it is told.
    if (!may_read(*remit, path)) continue;
    server->resource_updated("remit://memory/" + path);
    list = list || listed;
  }
  if (in_inbox) server->resource_updated(inbox_uri(*remit));
  if (list) server->list_changed(mcp::Server::List::resources);
}

void AgentChanges::await_orders() {
  const std::lock_guard held(mutex_);
  if (orders_.joinable() || stopped_ || server_ == nullptr) return;
  const auto look = [this, server = server_](const std::stop_token& stop) {
    try {
      memory::Wake::Watch watch(wake_, "tasks");
      // The rows are the truth: they are looked at even if no word of them came.
      while (!stop.stop_requested()) {
        static_cast<void>(watch.wait(std::chrono::steady_clock::now() + limits::kOrdersLook, stop));
        if (!stop.stop_requested()) server->task_orders();
      }
    } catch (...) {
      log::error("orders for tasks are not read any more");
    }
  };
  try {
    orders_ = std::jthread(look);
  } catch (const std::system_error& error) {
    // This task heeds the clients of this process alone; the next one tries again.
    log::warning("no thread for the orders of other processes",
                 {{"error", error.code().message()}});
  }
}

std::shared_ptr<memory::TaskStore> AgentChanges::tasks(const std::string& principal,
                                                       const std::string& server_id) {
  return std::make_shared<Tasks>(*this, state_, principal, server_id);
}

Result<std::shared_ptr<AgentChanges>> serve_changes(mcp::Settings& service,
                                                    std::shared_ptr<const policy::Remit> remit,
                                                    memory::State& state, memory::Store& store,
                                                    memory::Wake& wake,
                                                    const std::string& server_id) {
  TRY(const std::int64_t lost, memory::settle_tasks(state, mcp::kTaskLost));
  if (lost > 0) log::warning("tasks ended with their servers", {{"tasks", std::to_string(lost)}});
  auto changes = std::make_shared<AgentChanges>(std::move(remit), state, store, wake);
  service.changes = changes;
  service.announces = {.tools = true, .prompts = true, .resources = true, .resource_updates = true};
  service.tasks = changes->tasks(service.principal, server_id);
  return changes;
}

}  // namespace remit::server
