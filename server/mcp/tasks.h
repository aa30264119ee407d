// Tasks: calls that go on after their reply (the extension io.modelcontextprotocol/tasks). A call
// of a client that declares the extension runs on a thread of its own; if it takes longer than the
// tool's threshold, or says so itself, its record is made durable and the client gets a
// CreateTaskResult, otherwise the usual answer. The rows are the truth; what is here is what runs.
//
// Threads: safe from any thread. Lock order: a run's record, then Tasks, then TaskRun; the last two
// are not held while the store, a stop callback or an outbox is called. That of the record is, and
// keeps its updates and what is told of them in one order; those of Subscriptions come after it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "memory/task_store.h"
#include "server/mcp/client_link.h"
#include "server/mcp/exchange.h"
#include "server/mcp/service.h"
#include "server/mcp/subscriptions.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

// How a call ended: with a result (JSON text), or with an error of the protocol.
struct CallOutcome {
  std::string result;
  std::optional<RpcError> error;
  bool failed = false;  // the result says that the handler failed
  bool fault = false;  // and that it was no failure of the tool's own, but a bug: a task has failed
};

class Tasks;

// One call that may become a task.
class TaskRun {
 public:
  TaskRun(Tasks& tasks, std::shared_ptr<Exchange> exchange, std::string tool);

  // --- on the handler's thread
  // Makes it a task now, if it may be one; true if it is one.
  bool become_task();
  bool is_task();
  // Before the call ends with a question of its own: true if it is no task and will be none.
  bool stay_call();
  // In a task: waits for the answers that tasks/update brings. Errors: cancelled; timeout.
  Result<ClientAnswers> ask(const std::vector<ClientQuestion>& questions);

 private:
  friend class Tasks;
  enum class Phase { call, wanted, creating, task, refused, over };

  void finish(CallOutcome outcome);
  void settle(const CallOutcome& outcome);
  void cancel();
  void answer(const nlohmann::json& responses);
  Result<void> write(memory::TaskStatus status, std::string body);
  // Writes what the open questions say: input_required with them, or working without any.
  Result<void> publish();
  Result<void> write_held(memory::TaskStatus status, std::string body);  // under record_mutex_

  Tasks& tasks_;
  const std::shared_ptr<Exchange> exchange_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Phase phase_ = Phase::call;
  bool cancel_asked_ = false;
  std::map<std::string, ClientQuestion> open_;  // by the key that the client sees
  ClientAnswers answers_;                       // by the same
  std::size_t rounds_ = 0;
  CallOutcome outcome_;  // of a call that became no task

  std::mutex record_mutex_;
  memory::TaskRecord record_;
};

class Tasks {
 public:
  Tasks(const Settings& service, const ResultWriter& writer, Subscriptions& subscriptions)
      : service_(service), writer_(writer), subscriptions_(subscriptions) {}
  ~Tasks();  // stops what runs and waits for it
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  bool served() const { return service_.tasks != nullptr; }
  // Runs `work` on a thread of its own and answers: with its outcome, or after `after` with a task.
  using Work = std::function<CallOutcome(TaskRun& run)>;
  void run(ReplyOnce& reply, const std::string& tool, std::chrono::milliseconds after, Work work);

  // tasks/get, tasks/update, tasks/cancel.
  void get(ReplyOnce& reply, const nlohmann::json& params);
  void update(ReplyOnce& reply, const nlohmann::json& params);
  void cancel(ReplyOnce& reply, const nlohmann::json& params);
  // What other processes asked of tasks that run here.
  void take_orders();
  // Tells the subscribers of a task how it stands. False if there is none of this principal.
  bool announce(const std::string& task_id);

  // Fires the stop token of every task.
  void stop_all();
  bool wait_idle(std::chrono::milliseconds timeout);

 private:
  friend class TaskRun;
  struct Thread {
    std::shared_ptr<TaskRun> run;
    std::thread thread;
  };

  std::shared_ptr<TaskRun> live(const std::string& task_id);
  // Makes `run` a task: its record, `created` (what its client is told) and its place in live_.
  // False, with nothing left behind: it stays a call.
  bool promote(const std::shared_ptr<TaskRun>& run, std::string& created);
  void drop_row(memory::TaskRecord& task);
  void ended(const std::string& task_id);
  void join_finished();
  std::string fields(const memory::TaskRecord& task, bool detailed) const;
  // The record named in `params`; nullopt once `reply` has been told what is wrong.
  std::optional<memory::TaskRecord> named(ReplyOnce& reply, const nlohmann::json& params);

  const Settings& service_;
  const ResultWriter& writer_;
  Subscriptions& subscriptions_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<std::string, std::shared_ptr<TaskRun>> live_;
  std::list<Thread> threads_;
  bool ending_ = false;
};

// The body of a task whose server ended before it did.
extern const char* const kTaskLost;

}  // namespace remit::mcp
