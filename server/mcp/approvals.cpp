#include "server/mcp/approvals.h"

#include <algorithm>
#include <vector>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::mcp {
namespace {

using Reply = tools::Asker::Reply;
constexpr const char* kInputKey = "approve";

// At most kFormLines lines of kFormLineChars, the code among them; empty if that is not possible.
std::string form_message(const policy::Question& question, const std::string& code) {
  std::vector<std::string> lines = question.lines;
  if (lines.empty()) return {};
  const std::string note = "To run it: decision approve, code " + code;
  const std::string brief = " (code " + code + ")";
  if (lines.size() < limits::kFormLines) {
    lines.push_back(note);
  } else {
    const auto shortest = std::min_element(
        lines.begin(), lines.end(),
        [](const auto& a, const auto& b) { return count_chars(a) < count_chars(b); });
    *shortest += brief;
  }
  if (lines.size() > limits::kFormLines) return {};
  for (const std::string& line : lines)
    if (count_chars(line) > limits::kFormLineChars + brief.size() ||
        line.find('\n') != std::string::npos)
      return {};
  return join_text(lines, "\n");
}

}  // namespace

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

std::string four_digits() {
  const std::string bytes = random_bytes(4);
  std::uint32_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<unsigned char>(byte);
  std::string digits = std::to_string(number % 10'000U);
  return std::string(4 - digits.size(), '0') + digits;
}

std::string form_params(const policy::Question& question, const std::string& code, bool name_mode) {
  const std::string message = form_message(question, code);
  if (message.empty()) return {};
  std::string params = name_mode ? R"({"mode":"form","message":)" : R"({"message":)";
  append_json_string(params, message);
  // Two fields that both need a deliberate entry: an empty form is accepted by one key press, and a
  // key typed ahead of the dialog would choose.
  params +=
      R"(,"requestedSchema":{"type":"object","properties":{)"
      R"("decision":{"type":"string","title":"Decision","description":"approve lets it happen, once",)"
      R"("enum":["deny","approve"],"default":"deny"},)"
      R"("code":{"type":"string","title":"Code",)"
      R"("description":"the four digits shown in the message"}},)"
      R"("required":["decision","code"]}})";
  return params;
}

std::optional<FormAnswer> read_form_answer(const Json& result) {
  if (!result.is_object()) return std::nullopt;
  const auto action = result.find("action");
  if (action == result.end() || !action->is_string()) return std::nullopt;
  FormAnswer answer;
  answer.action = action->get<std::string>();
  if (answer.action != "accept" && answer.action != "decline" && answer.action != "cancel")
    return std::nullopt;
  if (const auto content = result.find("content");
      content != result.end() && content->is_object()) {
    const auto text = [&](const char* name) {
      const auto at = content->find(name);
      return at != content->end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    answer.decision = text("decision");
    answer.code = text("code");
  }
  return answer;
}

Reply judge(const FormAnswer& answer, bool code_fits, std::chrono::milliseconds latency) {
  if (answer.action == "accept") {
    if (latency < limits::kMachineAnswer) return Reply::cancel;
    return answer.decision == "approve" && code_fits ? Reply::approve : Reply::decline;
  }
  if (latency < limits::kMachineDecline) return Reply::cancel;
  return answer.action == "decline" ? Reply::decline : Reply::cancel;
}

Result<tools::Asker::Answer> FormAsker::ask(const policy::Question& question,
                                            std::stop_token stop) {
  if (!available())
    return fail(ErrorKind::unavailable, "this client shows no forms", {}, "no_channel");
  const Pool::Parked parked(pool_);
  if (!turn_.acquire(stop))
    return fail(ErrorKind::cancelled, "the call was cancelled before its question was asked");
  auto answer = ask_in_turn(question, stop);
  turn_.release();
  return answer;
}

Result<tools::Asker::Answer> FormAsker::ask_in_turn(const policy::Question& question,
                                                    std::stop_token stop) {
  const std::string code = four_digits();
  const std::string params =
      form_params(question, code, exchange_.envelope.revision == Revision::v2025_11_25);
  if (params.empty())
    return fail(ErrorKind::unavailable, "the question does not fit a form", {}, "no_channel");
  auto [id, wait] = pending_.open();
  const std::int64_t asked = service_.clock->monotonic_ms();
  if (!exchange_.notify(request_message(id, "elicitation/create", params))) {
    pending_.close(id);
    return fail(ErrorKind::cancelled, "the call was cancelled");
  }
  std::optional<Response> response;
  {
    std::unique_lock held(wait->mutex);
    wait->answered.wait_for(held, stop, service_.question_life,
                            [&] { return wait->response.has_value(); });
    response = std::move(wait->response);
  }
  const std::chrono::milliseconds latency(service_.clock->monotonic_ms() - asked);
  if (!response) {
    pending_.close(id);
    // The client may still show the dialog: tell it that nobody waits any more.
    std::string note = R"({"requestId":)" + id + R"(,"reason":"no longer needed"})";
    exchange_.outbox().send(notification_message("notifications/cancelled", note));
    if (stop.stop_requested())
      return fail(ErrorKind::cancelled, "the call was cancelled while its question was open");
    return fail(ErrorKind::timeout, "nobody answered the question in time", {}, "approval_timeout");
  }
  const auto answer = read_form_answer(response->result);
  if (!answer)  // an error, or nothing that a form returns: not approved, and no person's word
    return Answer{Reply::cancel, "elicitation", latency};
  return Answer{judge(*answer, equal_constant_time(answer->code, code), latency), "elicitation",
                latency};
}

std::string RetryAsker::binding() const {
  return StateSeal::binding("tools/call", tool_, arguments_);
}

Result<void> RetryAsker::take_answer(const Json* responses, const Json* state) {
  if (state == nullptr) return {};  // answers without the question they belong to: ask again
  if (!state->is_string() || !seal_.available())
    return fail(ErrorKind::invalid_argument,
                "requestState is not valid for this call; call again without it", {},
                "request_state");
  TRY(OpenedState opened, seal_.open(state->get_ref<const std::string&>(), binding()));
  if (responses != nullptr && !responses->is_object())
    return fail(ErrorKind::invalid_argument, "inputResponses must be an object");
  // Used up even if the answer is missing or useless: a token must not be tried twice.
  TRY_DO(seal_.consume(opened));
  if (responses == nullptr) return {};
  const auto given = responses->find(kInputKey);
  if (given == responses->end()) return {};
  answer_ = read_form_answer(*given);
  if (answer_) opened_ = std::move(opened);
  return {};
}

Result<tools::Asker::Answer> RetryAsker::ask(const policy::Question& question,
                                             std::stop_token /*stop*/) {
  if (!available())
    return fail(ErrorKind::unavailable, "this client shows no forms", {}, "no_channel");
  const std::int64_t now = service_.clock->unix_ms();
  if (answer_ && opened_ && opened_->grant_key == question.grant_key) {
    const std::chrono::milliseconds latency(now - opened_->asked_unix_ms);
    const Answer answer{judge(*answer_, seal_.code_matches(*opened_, answer_->code), latency),
                        "mrtr", latency};
    answer_.reset();
    return answer;
  }
  const std::string code = four_digits();
  const std::string params = form_params(question, code, true);
  if (params.empty())
    return fail(ErrorKind::unavailable, "the question does not fit a form", {}, "no_channel");
  input_required_ = std::string(R"("inputRequests":{")") + kInputKey +
                    R"(":{"method":"elicitation/create","params":)" + params +
                    R"(}},"requestState":)";
  append_json_string(input_required_, seal_.seal(binding(), {question.grant_key, code, now}));
  return fail(ErrorKind::needs_approval, "a person must approve this call", {}, "input_required");
}

}  // namespace remit::mcp
