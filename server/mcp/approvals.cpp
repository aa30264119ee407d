#include "server/mcp/approvals.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::mcp {
namespace {

using Reply = tools::Asker::Reply;
constexpr const char* kInputKey = "approve";
constexpr const char* kPageKey = "open";

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

std::string page_params(const tools::Asker::Page& page, bool with_id) {
  std::string params = R"({"mode":"url","url":)";
  append_json_string(params, page.url);
  if (with_id) {
    params += R"(,"elicitationId":)";
    append_json_string(params, page.id);
  }
  params += R"(,"message":)";
  append_json_string(params, page.message);
  params += '}';
  return params;
}

Reply judge_page(const FormAnswer& answer, std::chrono::milliseconds latency) {
  if (answer.action == "accept") return Reply::approve;
  return answer.action == "decline" && latency >= limits::kMachineDecline ? Reply::decline
                                                                          : Reply::cancel;
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
  const std::int64_t asked = service_.clock->monotonic_ms();
  TRY(const Response response,
      ask_client(exchange_, pending_, "elicitation/create", params, service_.question_life, stop));
  const std::chrono::milliseconds latency(service_.clock->monotonic_ms() - asked);
  const auto answer = read_form_answer(response.result);
  if (!answer)  // an error, or nothing that a form returns: not approved, and no person's word
    return Answer{Reply::cancel, "elicitation", latency};
  return Answer{judge(*answer, equal_constant_time(answer->code, code), latency), "elicitation",
                latency};
}

Result<Reply> FormAsker::open_page(const Page& page, std::stop_token stop) {
  const Pool::Parked parked(pool_);
  if (!turn_.acquire(stop))
    return fail(ErrorKind::cancelled, "the call was cancelled before its page was offered");
  const std::int64_t asked = service_.clock->monotonic_ms();
  const auto response = ask_client(exchange_, pending_, "elicitation/create",
                                   page_params(page, true), limits::kApprovalWait, stop);
  turn_.release();
  if (!response) return tl::unexpected<Error>(response.error());
  const auto answer = read_form_answer(response->result);
  if (!answer) return Reply::cancel;
  const Reply reply =
      judge_page(*answer, std::chrono::milliseconds(service_.clock->monotonic_ms() - asked));
  page_open_ = reply == Reply::approve;
  return reply;
}

void FormAsker::page_done(const std::string& id) {
  if (!std::exchange(page_open_, false)) return;
  std::string params = R"({"elicitationId":)";
  append_json_string(params, id);
  params += '}';
  exchange_.notify(notification_message("notifications/elicitation/complete", params));
}

Result<tools::Asker::Answer> RetryAsker::ask(const policy::Question& question,
                                             std::stop_token /*stop*/) {
  if (!available())
    return fail(ErrorKind::unavailable, "this client shows no forms", {}, "no_channel");
  if (run_ != nullptr && run_->is_task()) return ask_in_task(question);
  const std::int64_t now = service_.clock->unix_ms();
  // An answer counts only with the state of the question that it answers.
  const auto& opened = inputs_.opened();
  if (const Json* given = inputs_.answer(kInputKey);
      given != nullptr && !answered_ && opened && opened->grant_key == question.grant_key) {
    if (const auto answer = read_form_answer(*given)) {
      answered_ = true;
      const std::chrono::milliseconds latency(now - opened->asked_unix_ms);
      return Answer{judge(*answer, seal_.code_matches(*opened, answer->code), latency), "mrtr",
                    latency};
    }
  }
  const std::string code = four_digits();
  const std::string params = form_params(question, code, true);
  if (params.empty())
    return fail(ErrorKind::unavailable, "the question does not fit a form", {}, "no_channel");
  if (run_ != nullptr && !run_->stay_call()) return ask_in_task(question);
  const AskedQuestion asked{question.grant_key, code, now};
  return inputs_.require(std::string("\"") + kInputKey +
                             R"(":{"method":"elicitation/create","params":)" + params + "}",
                         &asked);
}

Result<tools::Asker::Answer> RetryAsker::ask_in_task(const policy::Question& question) {
  const std::string code = four_digits();
  const std::string params = form_params(question, code, true);
  if (params.empty())
    return fail(ErrorKind::unavailable, "the question does not fit a form", {}, "no_channel");
  const std::int64_t asked = service_.clock->monotonic_ms();
  TRY(const ClientAnswers answers, run_->ask({{kInputKey, "elicitation/create", params}}));
  const std::chrono::milliseconds latency(service_.clock->monotonic_ms() - asked);
  const auto answer = read_form_answer(answers.at(kInputKey));
  if (!answer) return Answer{Reply::cancel, "task", latency};
  return Answer{judge(*answer, equal_constant_time(answer->code, code), latency), "task", latency};
}

Result<Reply> RetryAsker::open_page(const Page& page, std::stop_token /*stop*/) {
  const std::int64_t now = service_.clock->unix_ms();
  const auto reply_to = [&](const Json& given, std::int64_t asked) {
    const auto answer = read_form_answer(given);
    return answer
               ? judge_page(*answer, std::chrono::milliseconds(service_.clock->unix_ms() - asked))
               : Reply::cancel;
  };
  const std::string params = page_params(page, false);
  const auto in_task = [&]() -> Result<Reply> {
    TRY(const ClientAnswers answers, run_->ask({{kPageKey, "elicitation/create", params}}));
    return reply_to(answers.at(kPageKey), now);
  };
  if (run_ != nullptr && run_->is_task()) return in_task();
  const auto& opened = inputs_.opened();
  if (const Json* given = inputs_.answer(kPageKey);
      given != nullptr && opened && opened->grant_key == page.grant_key)
    return reply_to(*given, opened->asked_unix_ms);
  if (run_ != nullptr && !run_->stay_call()) return in_task();
  // A code that nobody was shown: what answers this question answers no form.
  const AskedQuestion asked{page.grant_key, random_hex(16), now};
  return inputs_.require(
      std::string("\"") + kPageKey + R"(":{"method":"elicitation/create","params":)" + params + "}",
      &asked);
}

}  // namespace remit::mcp
