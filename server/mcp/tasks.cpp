#include "server/mcp/tasks.h"

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"

namespace remit::mcp {

using memory::TaskRecord;
using memory::TaskStatus;

const char* const kTaskLost =
    R"({"code":-32603,"message":"the server that ran this task ended before the task did; )"
    R"(call the tool again"})";

Tasks::~Tasks() {
  stop_all();
  std::list<Thread> threads;
  {
    const std::lock_guard held(mutex_);
    threads.swap(threads_);
  }
  for (Thread& one : threads) one.thread.join();
}

void Tasks::stop_all() {
  std::vector<std::shared_ptr<TaskRun>> runs;
  {
    const std::lock_guard held(mutex_);
    ending_ = true;
    for (const auto& [id, run] : live_) runs.push_back(run);
  }
  for (const auto& run : runs) run->exchange_->stop.request_stop();
}

bool Tasks::wait_idle(std::chrono::milliseconds timeout) {
  std::unique_lock held(mutex_);
  return idle_.wait_for(held, timeout, [&] { return live_.empty(); });
}

std::shared_ptr<TaskRun> Tasks::live(const std::string& task_id) {
  const std::lock_guard held(mutex_);
  const auto at = live_.find(task_id);
  return at == live_.end() ? nullptr : at->second;
}

void Tasks::ended(const std::string& task_id) {
  // Notified under the lock: who waits may destroy this object as soon as it can look.
  const std::lock_guard held(mutex_);
  live_.erase(task_id);
  if (live_.empty()) idle_.notify_all();
}

void Tasks::join_finished() {
  std::list<Thread> finished;
  {
    const std::lock_guard held(mutex_);
    for (auto at = threads_.begin(); at != threads_.end();) {
      const auto one = at++;
      const std::lock_guard run(one->run->mutex_);
      if (one->run->phase_ == TaskRun::Phase::over) finished.splice(finished.end(), threads_, one);
    }
  }
  for (Thread& one : finished) one.thread.join();
}

bool Tasks::promote(const std::shared_ptr<TaskRun>& run, std::string& created) {
  TaskRecord& task = run->record_;  // nobody else looks at it before it is a task
  bool row_may_stand = false;
  try {
    task.task_id = random_hex(16);
    task.status = TaskStatus::working;
    task.created_ms = task.updated_ms = service_.clock->unix_ms();
    task.ttl_ms = std::chrono::milliseconds(limits::kTaskTtl).count();
    created = fields(task, false);
    {
      const std::lock_guard held(mutex_);
      if (ending_ || live_.size() >= limits::kTasksRunning) return false;
      live_.emplace(task.task_id, run);
    }
    row_may_stand = true;
    const auto made = service_.tasks->create(task);
    if (made) return true;
    row_may_stand = false;
    log::warning("a call stays a call, since its task could not be written",
                 {{"error", made.error().message}});
  } catch (const std::exception& e) {
    // No thread, no memory: costs the call its task, not the process.
    log::warning("a call stays a call, since its task could not be made", {{"what", e.what()}});
  } catch (...) {
    log::warning("a call stays a call, since its task could not be made");
  }
  ended(task.task_id);
  if (row_may_stand) drop_row(task);
  return false;
}

// The client never hears of this task, but one that has no end would count among those kept.
void Tasks::drop_row(TaskRecord& task) {
  try {
    task.status = TaskStatus::failed;
    task.body = error_body({kInternalError, "the task could not be made"});
    // An error: there is no row, and nothing to end.
    static_cast<void>(service_.tasks->update(task));
  } catch (...) {
    log::warning("a task that was not made may stand as working until its time is over");
  }
}

void Tasks::run(ReplyOnce& reply, const std::string& tool, std::chrono::milliseconds after,
                Work work) {
  using Phase = TaskRun::Phase;
  join_finished();
  const auto run = std::make_shared<TaskRun>(*this, reply.exchange().shared_from_this(), tool);
  // In a node of its own, so that handing it to threads_ cannot fail while it runs.
  std::list<Thread> started;
  started.push_back({run, {}});
  started.front().thread = std::thread([run, work = std::move(work)] {
    CallOutcome outcome;
    try {
      outcome = work(*run);
    } catch (const std::exception& e) {
      log::error("a call failed", {{"what", e.what()}});
      outcome.error = RpcError{kInternalError, "internal error"};
    } catch (...) {
      outcome.error = RpcError{kInternalError, "internal error"};
    }
    run->finish(std::move(outcome));
  });

  bool is_task = false;
  std::string created;
  {
    std::unique_lock held(run->mutex_);
    const auto waits = [&] { return run->phase_ == Phase::wanted || run->phase_ == Phase::over; };
    run->changed_.wait_for(held, after, waits);
    if (run->phase_ == Phase::call || run->phase_ == Phase::wanted) {
      run->phase_ = Phase::creating;
      held.unlock();
      // A call that was cancelled has nobody who would ask for its task.
      is_task = !run->exchange_->stop.stop_requested() && promote(run, created);
      held.lock();
      run->phase_ = is_task ? Phase::task : Phase::refused;
      run->changed_.notify_all();
    }
    if (!is_task) run->changed_.wait(held, [&] { return run->phase_ == Phase::over; });
  }
  if (is_task) {
    {
      const std::lock_guard held(mutex_);
      threads_.splice(threads_.end(), started);
    }
    return reply.result(writer_.result(Revision::v2026_07_28, created, std::nullopt, "task"));
  }
  started.front().thread.join();
  if (run->outcome_.error) return reply.error(*run->outcome_.error);
  reply.result(run->outcome_.result);
}

std::string Tasks::fields(const TaskRecord& task, bool detailed) const {
  std::string out = R"("taskId":")" + task.task_id + R"(","status":")";
  out += memory::to_string(task.status);
  out += R"(","createdAt":")" + rfc3339(task.created_ms);
  out += R"(","lastUpdatedAt":")" + rfc3339(task.updated_ms);
  out += R"(","ttlMs":)" + std::to_string(task.ttl_ms);
  out += R"(,"pollIntervalMs":)" +
         std::to_string(std::chrono::milliseconds(limits::kTaskPoll).count());
  if (!detailed || task.body.empty()) return out;
  switch (task.status) {
    case TaskStatus::input_required:
      return out + R"(,"inputRequests":)" + task.body;
    case TaskStatus::completed:
      return out + R"(,"result":)" + task.body;
    case TaskStatus::failed:
      return out + R"(,"error":)" + task.body;
    case TaskStatus::working:
    case TaskStatus::cancelled:
      return out;
  }
  return out;
}

std::optional<TaskRecord> Tasks::named(ReplyOnce& reply, const Json& params) {
  const auto id = params.is_object() ? params.find("taskId") : params.end();
  if (!params.is_object() || id == params.end() || !id->is_string()) {
    reply.error({kInvalidParams, "params.taskId is required and must be a string"});
    return std::nullopt;
  }
  const Envelope& envelope = reply.exchange().envelope;
  if (ClientFeatures needed; !envelope.client.tasks) {
    needed.tasks = true;
    reply.error(missing_capability(needed, envelope.client));
    return std::nullopt;
  }
  const auto& name = id->get_ref<const std::string&>();
  auto found = name.size() > limits::kIdBytes ? Result<std::optional<TaskRecord>>(std::nullopt)
                                              : service_.tasks->find(name);
  if (!found) {
    reply.error({kInternalError, "the task could not be looked up: " + found.error().message});
    return std::nullopt;
  }
  if (!*found) reply.error({kInvalidParams, "unknown task " + quoted_input(name)});
  return std::move(*found);
}

void Tasks::get(ReplyOnce& reply, const Json& params) {
  if (const auto task = named(reply, params))
    reply.result(writer_.result(Revision::v2026_07_28, fields(*task, true)));
}

void Tasks::update(ReplyOnce& reply, const Json& params) {
  const auto task = named(reply, params);
  if (!task) return;
  const auto responses = params.find("inputResponses");
  if (responses == params.end() || !responses->is_object())
    return reply.error({kInvalidParams, "params.inputResponses is required and must be an object"});
  if (const auto run = live(task->task_id)) {
    run->answer(*responses);
  } else if (!memory::is_final(task->status)) {
    if (const auto sent = service_.tasks->order({task->task_id, false, dump(*responses)}); !sent)
      return reply.error(rpc_error(sent.error(), Revision::v2026_07_28));
  }
  reply.result(writer_.result(Revision::v2026_07_28, {}));
}

void Tasks::cancel(ReplyOnce& reply, const Json& params) {
  const auto task = named(reply, params);
  if (!task) return;
  if (const auto run = live(task->task_id)) {
    run->cancel();
  } else if (!memory::is_final(task->status)) {
    if (const auto sent = service_.tasks->order({task->task_id, true, {}}); !sent)
      return reply.error({kInternalError, sent.error().message});
  }
  reply.result(writer_.result(Revision::v2026_07_28, {}));
}

void Tasks::take_orders() {
  const auto orders = service_.tasks->take_orders();
  if (!orders)
    return log::warning("orders for tasks were not read", {{"error", orders.error().message}});
  for (const memory::TaskOrder& order : *orders) {
    const auto run = live(order.task_id);
    if (!run) continue;
    if (order.cancel) run->cancel();
    if (order.answers.empty()) continue;
    if (const auto answers = parse_json(order.answers); answers && answers->is_object())
      run->answer(*answers);
  }
}

bool Tasks::announce(const std::string& task_id) {
  const auto task = service_.tasks->find(task_id);
  if (!task || !*task) return false;
  subscriptions_.task_changed(task_id, fields(**task, true));
  return true;
}

}  // namespace remit::mcp
