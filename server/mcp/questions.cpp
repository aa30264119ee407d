#include "server/mcp/questions.h"

#include "base/limits.h"

namespace remit::mcp {

bool QuestionTurn::acquire(std::stop_token stop) {
  std::unique_lock held(mutex_);
  if (!free_.wait(held, stop, [&] { return !taken_; })) return false;
  taken_ = true;
  return true;
}

void QuestionTurn::release() {
  {
    const std::lock_guard held(mutex_);
    taken_ = false;
  }
  free_.notify_one();
}

std::pair<IdText, std::shared_ptr<PendingAnswers::Wait>> PendingAnswers::open() {
  auto wait = std::make_shared<Wait>();
  const std::lock_guard held(mutex_);
  IdText id = "\"remit-" + std::to_string(next_++) + "\"";
  waiting_.emplace(id, wait);
  return {std::move(id), std::move(wait)};
}

void PendingAnswers::close(const IdText& id) {
  const std::lock_guard held(mutex_);
  waiting_.erase(id);
}

bool PendingAnswers::deliver(Response response) {
  std::shared_ptr<Wait> wait;
  {
    const std::lock_guard held(mutex_);
    const auto at = waiting_.find(response.id);
    if (at == waiting_.end()) return false;
    wait = at->second;
    waiting_.erase(at);
  }
  {
    const std::lock_guard held(wait->mutex);
    wait->response = std::move(response);
  }
  wait->answered.notify_all();
  return true;
}

Result<Response> ask_client(Exchange& exchange, PendingAnswers& pending, const std::string& method,
                            const std::string& params, std::chrono::milliseconds life,
                            const std::stop_token& stop) {
  auto [id, wait] = pending.open();
  if (!exchange.notify(request_message(id, method, params))) {
    pending.close(id);
    return fail(ErrorKind::cancelled, "the call was cancelled");
  }
  std::optional<Response> response;
  {
    std::unique_lock held(wait->mutex);
    wait->answered.wait_for(held, stop, life, [&] { return wait->response.has_value(); });
    response = std::move(wait->response);
  }
  if (response) return std::move(*response);
  pending.close(id);
  // The client may still show the dialog: tell it that nobody waits any more.
  const std::string note = R"({"requestId":)" + id + R"(,"reason":"no longer needed"})";
  exchange.outbox().send(notification_message("notifications/cancelled", note));
  if (stop.stop_requested())
    return fail(ErrorKind::cancelled, "the call was cancelled while its question was open");
  return fail(ErrorKind::timeout, "nobody answered the question in time", {}, "approval_timeout");
}

bool is_answer_to(const std::string& method, const Json& answer) {
  if (!answer.is_object()) return false;
  const auto is = [&](const char* name, bool (*fits)(const Json&)) {
    const auto at = answer.find(name);
    return at != answer.end() && fits(*at);
  };
  const auto text = [](const Json& value) { return value.is_string(); };
  if (method == "elicitation/create") {
    if (answer.contains("content") && !answer["content"].is_object()) return false;
    return is("action", [](const Json& value) {
      return value == "accept" || value == "decline" || value == "cancel";
    });
  }
  if (method == "sampling/createMessage")
    return is("role", text) && is("model", text) &&
           is("content", [](const Json& value) { return value.is_object() || value.is_array(); });
  if (method == "roots/list")
    return is("roots", [](const Json& value) { return value.is_array(); });
  return false;
}

Result<void> RetryInputs::take(const Json& params) {
  const auto state = params.find("requestState");
  const auto responses = params.find("inputResponses");
  if (state != params.end()) {
    if (!state->is_string() || !seal_.available())
      return fail(ErrorKind::invalid_argument,
                  "requestState is not valid for this call; call again without it", {},
                  "request_state");
    TRY(OpenedState opened, seal_.open(state->get_ref<const std::string&>(), binding()));
    opened_ = std::move(opened);
  }
  if (responses != params.end() && !responses->is_null() && !responses->is_object())
    return fail(ErrorKind::invalid_argument, "inputResponses must be an object");
  if (opened_) {
    // Used up even if the answer is missing or useless: a token must not be tried twice.
    TRY_DO(seal_.consume(*opened_));
    if (!opened_->kept.empty()) {
      const auto kept = parse_json(opened_->kept);
      if (kept && kept->is_object())
        for (const auto& [key, value] : kept->items()) answers_.emplace(key, value);
    }
  }
  if (responses != params.end() && responses->is_object())
    for (const auto& [key, value] : responses->items()) answers_.insert_or_assign(key, value);
  return {};
}

const Json* RetryInputs::answer(const std::string& key) const {
  const auto at = answers_.find(key);
  return at == answers_.end() ? nullptr : &at->second;
}

tl::unexpected<Error> RetryInputs::require(std::string_view requests, const AskedQuestion* sealed) {
  std::string fields = R"("inputRequests":{)" + std::string(requests) + "}";
  if (sealed != nullptr) {
    auto token = seal_.seal(binding(), *sealed);
    if (!token) return tl::unexpected<Error>(std::move(token.error()));
    fields += R"(,"requestState":)";
    append_json_string(fields, *token);
  }
  required_ = std::move(fields);
  return fail(ErrorKind::needs_approval, "the client must answer a question first", {},
              "input_required");
}

}  // namespace remit::mcp
