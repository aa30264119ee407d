#include "server/mcp/client_call.h"

#include "base/json.h"

namespace remit::mcp {
namespace {

ClientFeatures features_for(const std::string& method) {
  ClientFeatures needed;
  needed.form = method == "elicitation/create";
  needed.sampling = method == "sampling/createMessage";
  needed.roots = method == "roots/list";
  return needed;
}

}  // namespace

void log_to_client(Parts& parts, Exchange& exchange, LogLevel level, const std::string& text) {
  if (level < exchange.envelope.log_level || exchange.envelope.log_level == LogLevel::off) return;
  std::string params = R"({"level":")";
  params += to_string(level);
  params += R"(","logger":)";
  append_json_string(params, parts.service.name);
  params += R"(,"data":)";
  parts.writer.append_text(params, text);
  params += '}';
  exchange.notify(notification_message("notifications/message", params));
}

void ClientCall::log(LogLevel level, const std::string& text) {
  log_to_client(parts_, exchange_, level, text);
}

Result<ClientAnswers> ClientCall::ask(const std::vector<ClientQuestion>& questions, Seal seal) {
  for (const ClientQuestion& question : questions) {
    lacking_ = features_for(question.method);
    if (!features().covers(lacking_))
      return fail(ErrorKind::unavailable,
                  "this needs " + question.method + ", which the client did not declare", {},
                  "missing_capability");
  }
  return is_modern(exchange_.envelope.revision) ? ask_by_retry(questions, seal)
                                                : ask_by_request(questions);
}

Result<ClientAnswers> ClientCall::ask_by_request(const std::vector<ClientQuestion>& questions) {
  if (!link_.client_ready)
    return fail(ErrorKind::unavailable, "the client has not sent notifications/initialized yet");
  const Pool::Parked parked(parts_.pool);
  ClientAnswers answers;
  for (const ClientQuestion& question : questions) {
    TRY(Response response, ask_client(exchange_, link_.pending, question.method, question.params,
                                      parts_.service.question_life, exchange_.stop.get_token()));
    if (!is_answer_to(question.method, response.result))
      return fail(ErrorKind::unavailable, "the client did not answer " + question.method);
    answers.insert_or_assign(question.key, std::move(response.result));
  }
  return answers;
}

Result<ClientAnswers> ClientCall::ask_by_retry(const std::vector<ClientQuestion>& questions,
                                               Seal seal) {
  if (run_ != nullptr && run_->is_task()) return run_->ask(questions);
  const bool sealed = seal == Seal::sealed;
  if (sealed && !inputs_.can_seal())
    return fail(ErrorKind::unavailable, "this server has no key to seal a question with");
  ClientAnswers answers;
  std::string missing;
  for (const ClientQuestion& question : questions) {
    const Json* given = !sealed || inputs_.opened() ? inputs_.answer(question.key) : nullptr;
    if (given != nullptr && is_answer_to(question.method, *given)) {
      answers.emplace(question.key, *given);
      continue;
    }
    if (!missing.empty()) missing += ',';
    append_json_string(missing, question.key);
    missing += R"(:{"method":")" + question.method + R"(","params":)" + question.params + "}";
  }
  if (missing.empty()) {
    for (const auto& [key, value] : answers) asked_[key] = value;
    return answers;
  }
  // The call ends here with its questions, unless it has become a task meanwhile.
  if (run_ != nullptr && !run_->stay_call()) return run_->ask(questions);
  if (!sealed) return inputs_.require(missing, nullptr);
  for (const auto& [key, value] : answers) asked_[key] = value;
  AskedQuestion question;
  question.asked_unix_ms = parts_.service.clock->unix_ms();
  question.kept = dump(Json(asked_));
  return inputs_.require(missing, &question);
}

}  // namespace remit::mcp
