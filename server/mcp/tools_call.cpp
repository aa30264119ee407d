#include "server/mcp/tools_call.h"

#include <exception>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "server/mcp/approvals.h"
#include "server/mcp/tool_result.h"

namespace remit::mcp {
namespace {

class NoProgress final : public tools::Progress {
 public:
  void report(double /*progress*/, std::optional<double> /*total*/,
              std::string /*message*/) override {}
};

// Registers the heartbeat of one call for as long as it lives.
class Beating {
 public:
  Beating(Heartbeat& heart, std::shared_ptr<CallProgress> progress)
      : heart_(heart), progress_(std::move(progress)) {
    if (progress_) heart_.add(progress_);
  }
  ~Beating() {
    if (progress_) heart_.remove(progress_.get());
  }
  Beating(const Beating&) = delete;
  Beating& operator=(const Beating&) = delete;

 private:
  Heartbeat& heart_;
  std::shared_ptr<CallProgress> progress_;
};

const Json* member(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

// Takes `arguments` out of `params`: absent or null is {}, and a string holding an object is that
// object (some clients encode twice: github/copilot-cli#4301).
Result<Json> take_arguments(Json& params) {
  const auto given = params.find("arguments");
  if (given == params.end() || given->is_null()) return Json::object();
  if (given->is_object()) return std::move(*given);
  if (given->is_string()) {
    auto parsed = parse_json(given->get_ref<const std::string&>(),
                             {.values = limits::kReencodedValues, .refuse_duplicate_keys = true});
    if (parsed && parsed->is_object()) return std::move(*parsed);
  }
  return fail(ErrorKind::invalid_argument, "params.arguments must be an object");
}

Result<tools::Reply> run_guarded(const tools::Tool& tool, const ToolTraits* traits,
                                 const Json& arguments, tools::Call& call, ClientLink& client) {
  try {
    return traits != nullptr && traits->run ? traits->run(arguments, call, client)
                                            : tool.run(arguments, call);
  } catch (const std::exception& e) {
    log::error("a tool threw", {{"tool", tool.name}, {"what", e.what()}});
  } catch (...) {
    log::error("a tool threw", {{"tool", tool.name}});
  }
  return fail(ErrorKind::internal, "the tool failed unexpectedly; the server's log has the cause");
}

}  // namespace

std::variant<const tools::Tool*, RpcError> find_called_tool(const Catalogue& catalogue,
                                                            const Json& params) {
  if (!params.is_object()) return RpcError{kInvalidParams, "tools/call needs params"};
  const Json* name = member(params, "name");
  if (name == nullptr || !name->is_string())
    return RpcError{kInvalidParams, "params.name is required and must be a string"};
  const auto& text = name->get_ref<const std::string&>();
  if (text.size() <= limits::kToolNameBytes)
    if (const tools::Tool* tool = catalogue.find(text)) return tool;
  return RpcError{kInvalidParams,
                  "unknown tool " + quoted_input(text) + "; tools/list names those this agent has"};
}

namespace {

// One call with all that it needs, so that it can go on when its request has been answered.
struct ToolCall {
  ToolCall(Parts& p, std::shared_ptr<const Offered> o, const CallLink& link,
           std::shared_ptr<Exchange> e, const tools::Tool& t, const ToolTraits* extra, Json given)
      : parts(p),
        offered(std::move(o)),
        exchange(std::move(e)),
        tool(t),
        traits(extra),
        arguments(std::move(given)),
        form(*exchange, p.service, link.pending, p.questions, p.pool,
             link.client_ready && !is_modern(exchange->envelope.revision)),
        inputs(p.seal, "tools/call", tool.name, arguments),
        retry(exchange->envelope, p.service, p.seal, inputs),
        client(p, link, *exchange, inputs),
        scope{ulid(p.service.clock->unix_ms()), tool.name} {}
  ToolCall(const ToolCall&) = delete;
  ToolCall& operator=(const ToolCall&) = delete;

  CallOutcome run();

  Parts& parts;
  const std::shared_ptr<const Offered> offered;
  const std::shared_ptr<Exchange> exchange;
  const tools::Tool& tool;
  const ToolTraits* const traits;  // null: none
  bool may_go_on = false;          // it may become a task
  const Json arguments;
  FormAsker form;
  RetryInputs inputs;
  RetryAsker retry;
  ClientCall client;
  const policy::CallScope scope;
};

CallOutcome ToolCall::run() {
  const Envelope& envelope = exchange->envelope;
  const bool modern = is_modern(envelope.revision);
  log_to_client(parts, *exchange, LogLevel::debug, tool.name + " started");
  const std::stop_callback replaced(offered->replaced.get_token(),
                                    [this] { exchange->stop.request_stop(); });
  NoProgress silent;
  std::shared_ptr<CallProgress> progress;
  if (!envelope.progress_token.empty())
    progress = std::make_shared<CallProgress>(exchange, parts.writer);
  tools::Asker& asker = modern ? static_cast<tools::Asker&>(retry) : form;
  tools::Progress& reporter = progress ? static_cast<tools::Progress&>(*progress) : silent;
  Result<tools::Reply> outcome = [&] {
    const Beating beating(parts.heartbeat, progress);
    tools::Call call{scope,
                     offered->offer.access(),
                     asker,
                     reporter,
                     exchange->stop.get_token(),
                     parts.service.page_chars,
                     gives_structured(parts, envelope.revision, tool),
                     may_go_on};
    return run_guarded(tool, traits, arguments, call, client);
  }();

  CallOutcome out;
  std::string fields;
  if (outcome) {
    log_to_client(parts, *exchange, LogLevel::debug, tool.name + " finished");
    append_reply(parts, envelope.revision, fields, tool, std::move(*outcome));
    out.result = parts.writer.result(envelope.revision, fields);
    return out;
  }
  const Error& error = outcome.error();
  if (modern && error.code == "input_required" && !inputs.required().empty()) {
    out.result =
        parts.writer.result(envelope.revision, inputs.required(), std::nullopt, "input_required");
    return out;
  }
  if (modern && error.code == "missing_capability") {
    out.error = missing_capability(client.lacking(), envelope.client);
    return out;
  }
  log_to_client(parts, *exchange, LogLevel::warning,
                tool.name + " failed: " + tool_error_text(error));
  append_error(parts.writer, fields, error);
  out.failed = true;
  out.fault = error.kind == ErrorKind::internal;
  out.result = parts.writer.result(envelope.revision, fields);
  return out;
}

}  // namespace

void call_tool(Parts& parts, std::shared_ptr<const Offered> offered, const CallLink& link,
               ReplyOnce& reply, const tools::Tool& tool, Json& params) {
  Exchange& exchange = reply.exchange();
  const Envelope& envelope = exchange.envelope;
  const bool modern = is_modern(envelope.revision);
  auto arguments = take_arguments(params);
  if (!arguments) return reply.error({kInvalidParams, arguments.error().message});
  const auto& all_traits = offered->offer.traits;
  const auto found = all_traits.find(tool.name);
  const ToolTraits* const traits = found == all_traits.end() ? nullptr : &found->second;
  if (modern && traits != nullptr && !envelope.client.covers(traits->needs))
    return reply.error(missing_capability(traits->needs, envelope.client));

  const auto call =
      std::make_shared<ToolCall>(parts, std::move(offered), link, exchange.shared_from_this(), tool,
                                 traits, std::move(*arguments));
  if (modern)
    if (const auto taken = call->inputs.take(params); !taken)
      return reply.error(rpc_error(taken.error(), envelope.revision));
  if (!exchange.outbox().wait_for_room(exchange.stop.get_token())) return reply.abandon();
  if (parts.service.on_call) {
    const Json none;
    const Json* meta = member(params, "_meta");
    parts.service.on_call({call->scope, meta != nullptr ? *meta : none});
  }

  if (modern && envelope.client.tasks && parts.tasks.served() && traits != nullptr &&
      traits->task_after)
    return parts.tasks.run(reply, tool.name, *traits->task_after, [call](TaskRun& run) {
      call->client.may_become(run);
      call->retry.may_become(run);
      call->may_go_on = true;
      return call->run();
    });
  const CallOutcome outcome = call->run();
  if (outcome.error) return reply.error(*outcome.error);
  reply.result(outcome.result);
}

}  // namespace remit::mcp
