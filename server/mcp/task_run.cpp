#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/mcp/questions.h"
#include "server/mcp/tasks.h"

namespace remit::mcp {

using memory::TaskStatus;

TaskRun::TaskRun(Tasks& tasks, std::shared_ptr<Exchange> exchange, std::string tool)
    : tasks_(tasks), exchange_(std::move(exchange)) {
  record_.tool = std::move(tool);
}

bool TaskRun::become_task() {
  std::unique_lock held(mutex_);
  if (phase_ == Phase::call) {
    phase_ = Phase::wanted;
    changed_.notify_all();
  }
  changed_.wait(held, [&] { return phase_ != Phase::wanted && phase_ != Phase::creating; });
  return phase_ == Phase::task;
}

bool TaskRun::is_task() {
  std::unique_lock held(mutex_);
  changed_.wait(held, [&] { return phase_ != Phase::creating; });
  return phase_ == Phase::task;
}

bool TaskRun::stay_call() {
  std::unique_lock held(mutex_);
  changed_.wait(held, [&] { return phase_ != Phase::creating; });
  if (phase_ == Phase::task) return false;
  phase_ = Phase::refused;
  return true;
}

Result<void> TaskRun::write(TaskStatus status, std::string body) {
  const std::lock_guard held(record_mutex_);
  return write_held(status, std::move(body));
}

Result<void> TaskRun::write_held(TaskStatus status, std::string body) {
  record_.status = status;
  record_.body = std::move(body);
  record_.updated_ms = tasks_.service_.clock->unix_ms();
  TRY_DO(tasks_.service_.tasks->update(record_));
  tasks_.subscriptions_.task_changed(record_.task_id, tasks_.fields(record_, true));
  return {};
}

namespace {

std::string requests_of(const std::map<std::string, ClientQuestion>& open) {
  std::string out = "{";
  for (const auto& [key, question] : open) {
    if (out.size() > 1) out += ',';
    append_json_string(out, key);
    out += R"(:{"method":")" + question.method + R"(","params":)" + question.params + "}";
  }
  return out + "}";
}

}  // namespace

Result<void> TaskRun::publish() {
  // Read behind the record's lock: of two that publish, the later one writes what is true last.
  const std::lock_guard record(record_mutex_);
  TaskStatus status = TaskStatus::working;
  std::string body;
  {
    const std::lock_guard held(mutex_);
    if (!open_.empty()) {
      status = TaskStatus::input_required;
      body = requests_of(open_);
    }
  }
  return write_held(status, std::move(body));
}

Result<ClientAnswers> TaskRun::ask(const std::vector<ClientQuestion>& questions) {
  const std::stop_token stop = exchange_->stop.get_token();
  std::map<std::string, std::string> shown;  // the handler's key -> the client's
  {
    const std::lock_guard held(mutex_);
    // A key stands for one question for the whole life of a task.
    const std::string suffix = rounds_ == 0 ? "" : "-" + std::to_string(rounds_ + 1);
    ++rounds_;
    open_.clear();
    answers_.clear();
    for (const ClientQuestion& question : questions) {
      open_.emplace(question.key + suffix, question);
      shown.emplace(question.key, question.key + suffix);
    }
  }
  TRY_DO(publish());
  ClientAnswers answers;
  bool all = false;
  {
    std::unique_lock held(mutex_);
    all =
        changed_.wait_for(held, stop, tasks_.service_.question_life, [&] { return open_.empty(); });
    open_.clear();
    for (const auto& [key, name] : shown)
      if (const auto at = answers_.find(name); at != answers_.end())
        answers.emplace(key, std::move(at->second));
    answers_.clear();
    if (!all && stop.stop_requested())
      return fail(ErrorKind::cancelled, "the task was cancelled while its question was open");
  }
  TRY_DO(publish());
  if (!all)
    return fail(ErrorKind::timeout, "nobody answered the question in time", {}, "approval_timeout");
  return answers;
}

void TaskRun::answer(const Json& responses) {
  bool some_open = false;
  {
    const std::lock_guard held(mutex_);
    bool any = false;
    for (const auto& [key, value] : responses.items()) {
      const auto at = open_.find(key);
      // Unknown keys are ignored; what is no answer to its question leaves it open.
      if (at == open_.end() || !is_answer_to(at->second.method, value)) continue;
      answers_.insert_or_assign(key, value);
      open_.erase(at);
      any = true;
    }
    if (!any) return;
    some_open = !open_.empty();
  }
  if (!some_open) {
    changed_.notify_all();  // who asked publishes
  } else if (const auto written = publish(); !written) {
    log::warning("a task's open questions could not be written",
                 {{"error", written.error().message}});
  }
}

void TaskRun::cancel() {
  {
    const std::lock_guard held(mutex_);
    cancel_asked_ = true;
  }
  exchange_->stop.request_stop();
}

void TaskRun::finish(CallOutcome outcome) {
  {
    std::unique_lock held(mutex_);
    changed_.wait(held, [&] { return phase_ != Phase::creating; });
    if (phase_ != Phase::task) {
      outcome_ = std::move(outcome);
      phase_ = Phase::over;
      changed_.notify_all();
      return;
    }
  }
  try {
    settle(outcome);
  } catch (const std::exception& e) {  // this thread has nobody above who would catch it
    log::error("the end of a task could not be written", {{"what", e.what()}});
  }
  std::string id;
  {
    const std::lock_guard held(record_mutex_);
    id = record_.task_id;
  }
  {
    const std::lock_guard held(mutex_);
    phase_ = Phase::over;
  }
  tasks_.ended(id);
}

void TaskRun::settle(const CallOutcome& outcome) {
  bool cancelled = false, ending = false;
  {
    const std::lock_guard held(mutex_);
    cancelled = cancel_asked_;
  }
  {
    const std::lock_guard held(tasks_.mutex_);
    ending = tasks_.ending_;
  }
  Result<void> written;
  if (cancelled && (outcome.failed || outcome.error)) {
    written = write(TaskStatus::cancelled, {});
  } else if (ending && (outcome.failed || outcome.error)) {
    written = write(TaskStatus::failed, kTaskLost);
  } else if (outcome.error) {
    written = write(TaskStatus::failed, error_body(*outcome.error));
  } else if (outcome.fault) {
    written =
        write(TaskStatus::failed, error_body({kInternalError,
                                              "the tool failed unexpectedly; the server's log "
                                              "has the cause"}));
  } else if (outcome.result.size() > limits::kTaskResultBytes) {
    written = write(
        TaskStatus::failed,
        error_body({kInternalError, "the result has " + std::to_string(outcome.result.size()) +
                                        " bytes, more than a task keeps; ask for less"}));
  } else {
    written = write(TaskStatus::completed, outcome.result);
  }
  if (!written)
    log::error("the end of a task could not be written", {{"error", written.error().message}});
}

}  // namespace remit::mcp
