// What an agent's clients are told of: changes of the documents it may read and of its own inbox,
// and orders of other processes for its tasks.
//
// Threads: safe from any thread. The watch starts with the first client that lists or subscribes,
// the waiting for orders with the first task; both end with stop().
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "memory/server_rows.h"
#include "memory/store.h"
#include "memory/task_rows.h"
#include "policy/remit.h"
#include "server/mcp/dispatcher.h"

namespace remit::server {

class AgentChanges final : public mcp::ChangeSource {
 public:
  AgentChanges(std::shared_ptr<const policy::Remit> remit, memory::State& state,
               memory::Store& store, memory::Wake& wake)
      : state_(state), store_(store), wake_(wake), remit_(std::move(remit)) {}
  ~AgentChanges() override { stop(); }
  AgentChanges(const AgentChanges&) = delete;
  AgentChanges& operator=(const AgentChanges&) = delete;

  void attach(mcp::Server& server) override;
  void stop() final;

  // A client lists or subscribes. Errors: unavailable if Agent_Memory cannot be watched.
  Result<void> watch();
  // What the agent may read from now on, and so is told of.
  void grant(std::shared_ptr<const policy::Remit> remit);
  // The task records of this server, which also bring orders of other processes.
  std::shared_ptr<memory::TaskStore> tasks(const std::string& principal,
                                           const std::string& server_id);

 private:
  class Tasks;
  void tell(const std::map<std::string, bool>& changed);
  void await_orders();

  memory::State& state_;
  memory::Store& store_;
  memory::Wake& wake_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<const policy::Remit> remit_;
  mcp::Server* server_ = nullptr;
  std::unique_ptr<memory::Watching> documents_;
  std::jthread orders_;
  bool stopped_ = false;
};

// Makes `service` announce changes and keep tasks, and settles the tasks of servers that are gone.
Result<std::shared_ptr<AgentChanges>> serve_changes(mcp::Settings& service,
                                                    std::shared_ptr<const policy::Remit> remit,
                                                    memory::State& state, memory::Store& store,
                                                    memory::Wake& wake,
                                                    const std::string& server_id);

// remit://inbox/SLUG
std::string inbox_uri(const policy::Remit& remit);
// The folder of that inbox in Agent_Memory, with its slash.
std::string inbox_folder(const policy::Remit& remit);
// remit://handoff/ID
inline constexpr std::string_view kHandoffUri = "remit://handoff/";
bool may_read(const policy::Remit& remit, const std::string& path);

}  // namespace remit::server
