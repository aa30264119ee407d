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
    auto parsed = parse_json(given->get_ref<const std::string&>(), {.refuse_duplicate_keys = true});
    if (parsed && parsed->is_object()) return std::move(*parsed);
  }
  return fail(ErrorKind::invalid_argument, "params.arguments must be an object");
}

Result<tools::Reply> run_guarded(const Parts& parts, const tools::Tool& tool,
                                 const Json& arguments, tools::Call& call, ClientLink& client) {
  try {
    const auto traits = parts.service.traits.find(tool.name);
    return traits != parts.service.traits.end() && traits->second.run
               ? traits->second.run(arguments, call, client)
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

void call_tool(Parts& parts, const CallLink& link, ReplyOnce& reply, const tools::Tool& tool,
               Json& params) {
  Exchange& exchange = reply.exchange();
  const Envelope& envelope = exchange.envelope;
  const bool modern = is_modern(envelope.revision);
  auto arguments = take_arguments(params);
  if (!arguments) return reply.error({kInvalidParams, arguments.error().message});
  if (modern)
    if (const auto traits = parts.service.traits.find(tool.name);
        traits != parts.service.traits.end() && !envelope.client.covers(traits->second.needs))
      return reply.error(missing_capability(traits->second.needs, envelope.client));

  FormAsker form(exchange, parts.service, link.pending, parts.questions, parts.pool,
                 link.client_ready && !modern);
  RetryInputs inputs(parts.seal, "tools/call", tool.name, *arguments);
  RetryAsker retry(envelope, parts.service, parts.seal, inputs);
  ClientCall client(parts, link, exchange, inputs);
  if (modern)
    if (const auto taken = inputs.take(params); !taken)
      return reply.error(rpc_error(taken.error(), envelope.revision));
  if (!exchange.outbox().wait_for_room(exchange.stop.get_token())) return reply.abandon();

  const policy::CallScope scope{ulid(parts.service.clock->unix_ms()), tool.name};
  if (parts.service.on_call) {
    const Json none;
    const Json* meta = member(params, "_meta");
    parts.service.on_call({scope, meta != nullptr ? *meta : none});
  }
  log_to_client(parts, exchange, LogLevel::debug, tool.name + " started");

  NoProgress silent;
  std::shared_ptr<CallProgress> progress;
  if (!envelope.progress_token.empty())
    progress = std::make_shared<CallProgress>(exchange.shared_from_this(), parts.writer);
  tools::Asker& asker = modern ? static_cast<tools::Asker&>(retry) : form;
  tools::Progress& reporter = progress ? static_cast<tools::Progress&>(*progress) : silent;
  Result<tools::Reply> outcome = [&] {
    const Beating beating(parts.heartbeat, progress);
    tools::Call call{scope,    parts.service.access(),    asker,
                     reporter, exchange.stop.get_token(), parts.service.page_chars};
    return run_guarded(parts, tool, *arguments, call, client);
  }();

  std::string fields;
  if (outcome) {
    log_to_client(parts, exchange, LogLevel::debug, tool.name + " finished");
    append_reply(parts, envelope.revision, fields, tool, std::move(*outcome));
    return reply.result(parts.writer.result(envelope.revision, fields));
  }
  if (modern && outcome.error().code == "input_required" && !inputs.required().empty())
    return reply.result(parts.writer.result(envelope.revision, inputs.required(), std::nullopt,
                                            "input_required"));
  if (modern && outcome.error().code == "missing_capability")
    return reply.error(missing_capability(client.lacking(), envelope.client));
  log_to_client(parts, exchange, LogLevel::warning,
                tool.name + " failed: " + tool_error_text(outcome.error()));
  append_error(parts.writer, fields, outcome.error());
  reply.result(parts.writer.result(envelope.revision, fields));
}

}  // namespace remit::mcp
