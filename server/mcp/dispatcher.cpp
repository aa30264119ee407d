#include "server/mcp/dispatcher.h"

#include <exception>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "server/mcp/eras.h"
#include "server/mcp/header_claims.h"
#include "server/mcp/job.h"
#include "server/mcp/messages.h"
#include "server/mcp/methods.h"
#include "server/mcp/parts.h"
#include "server/mcp/tools_call.h"

namespace remit::mcp {

Server::Server(Service service) : parts_(std::make_unique<Parts>(std::move(service))) {
  if (parts_->service.changes) parts_->service.changes->attach(*this);
}
Server::~Server() {
  if (parts_->service.changes) parts_->service.changes->stop();
}
std::string Server::tools_sha256() const {
  return parts_->offered.get()->catalogue.tools_sha256();
}
std::size_t Server::tools_bytes() const {
  return parts_->offered.get()->catalogue.tools_bytes();
}
void Server::offer(Offer next) {
  const auto now =
      std::make_shared<const Offered>(std::move(next), parts_->service, parts_->writer);
  const auto before = parts_->offered.replace(now);
  before->replaced.request_stop();
  const Announces& announces = parts_->service.announces;
  if (announces.tools && before->catalogue.tools_sha256() != now->catalogue.tools_sha256())
    list_changed(List::tools);
  if (announces.prompts) list_changed(List::prompts);
  if (announces.resources) list_changed(List::resources);
}
void Server::list_changed(List list) {
  parts_->subscriptions.list_changed(list);
}
void Server::task_orders() {
  parts_->tasks.take_orders();
}
void Server::stop_tasks() {
  parts_->tasks.stop_all();
}
bool Server::wait_tasks(std::chrono::milliseconds timeout) {
  return parts_->tasks.wait_idle(timeout);
}
HeldBytes& Server::held_bytes() {
  return parts_->held_bytes;
}
void Server::resource_updated(const std::string& uri) {
  parts_->subscriptions.resource_updated(uri);
}

struct Connection::State {
  State(Server& server, Outbox& out)
      : parts(server.parts()), outbox(std::shared_ptr<void>(), &out) {}

  void on_frame(Frame& frame, const Source& source);
  // `held`: this message's part of the memory of its frame.
  void on_message(Message& message, HeldBytes::Share held, const Source& source,
                  const AnswerPlace& place);
  void on_notification(const Notification& notification);
  void on_request(Request& request, HeldBytes::Share held, const Source& source,
                  const AnswerPlace& place);
  void run_on_reader(Method method, const Offered& offered, ReplyOnce& reply, const Json& params);

  Parts& parts;
  const std::shared_ptr<Outbox> outbox;  // the transport's, without a share in it
  EraState eras;
  PendingAnswers pending;
  std::shared_ptr<Subscriptions::Session> session;  // initialize eras
  InFlight in_flight;
  // For take(), on the thread that reads: where on_request leaves the work of its request.
  bool keeps_work = false;
  Work kept;
};

namespace {

void not_handled(const Source& source, const std::exception& cause) {
  log::error("a message could not be handled", {{"what", cause.what()}});
  source.outbox->answer(error_message({}, {kInternalError, "internal error"}), Step::served);
}

}  // namespace

namespace {

void hand_to_pool(Parts& parts, const Work& work) {
  const bool taken = parts.pool.run([work] { Connection::run(work); });
  if (!taken)
    work->reply.error({kInternalError, "busy: no thread can take this now; retry"}, Step::capacity);
}

}  // namespace

void Connection::State::on_message(Message& message, HeldBytes::Share held, const Source& source,
                                   const AnswerPlace& place) {
  if (auto* request = std::get_if<Request>(&message)) {
    on_request(*request, std::move(held), source, place);
  } else if (auto* malformed = std::get_if<Malformed>(&message)) {
    place.answer(error_message(malformed->id, {malformed->code, malformed->message}),
                 Step::message);
  } else {
    if (auto* notification = std::get_if<Notification>(&message)) on_notification(*notification);
    // An answer to nothing that was asked is ignored: it may be late.
    if (auto* response = std::get_if<Response>(&message)) pending.deliver(std::move(*response));
    if (place.batch) place.abandon();
  }
}

void Connection::State::on_notification(const Notification& notification) {
  if (notification.method == "notifications/initialized") {
    eras.on_initialized();
    if (session) session->start();
  } else if (notification.method == "notifications/cancelled" && notification.params.is_object()) {
    const auto id = notification.params.find("requestId");
    // Unknown and finished ids are normal: one client cancels after every call it has finished.
    if (id != notification.params.end())
      if (const auto text = id_text(*id)) in_flight.cancel(*text);
  }
}

void Connection::State::on_request(Request& request, HeldBytes::Share held, const Source& source,
                                   const AnswerPlace& place) {
  const auto refuse = [&](const RpcError& error, Step step) {
    place.answer(error_message(request.id, error), step);
  };
  if (in_flight.contains(request.id))
    return refuse({kInvalidRequest, "a request with this id is in flight"}, Step::message);
  if (source.headers != nullptr)
    if (const auto error = version_mismatch(*source.headers, request.params))
      return refuse(*error, Step::envelope);
  auto judged = eras.classify(request);
  if (const auto* error = std::get_if<RpcError>(&judged)) return refuse(*error, Step::envelope);
  auto& envelope = std::get<Envelope>(judged);
  const auto offered = parts.offered.get();
  const MethodRow* row =
      find_method(offered->offer, parts.service, request.method, envelope.revision);
  if (row == nullptr)
    return refuse({kMethodNotFound, "method " + quoted_input(request.method) +
                                        " does not exist in " + to_string(envelope.revision)},
                  Step::method);
  if (!request.params.is_null() && !request.params.is_object())
    return refuse({kInvalidParams, "params must be an object"}, Step::served);
  const tools::Tool* tool = nullptr;
  if (row->method == Method::call_tool) {
    auto found = find_called_tool(offered->catalogue, request.params);
    if (const auto* error = std::get_if<RpcError>(&found)) return refuse(*error, Step::served);
    tool = std::get<const tools::Tool*>(found);
  }
  if (source.headers != nullptr && is_modern(envelope.revision)) {
    auto error = routing_mismatch(*source.headers, request.method, request.params);
    if (!error && tool != nullptr)
      error = argument_mismatch(*source.headers, *tool, request.params);
    if (error) return refuse(*error, Step::envelope);
  }

  auto exchange = std::make_shared<Exchange>(in_flight, place, std::move(request.id),
                                             std::move(envelope), std::move(held));
  if (row->where == Where::reader) {
    ReplyOnce reply(std::move(exchange));
    return run_on_reader(row->method, *offered, reply, request.params);
  }
  switch (in_flight.enter(exchange)) {
    case InFlight::Refused::no:
      break;
    case InFlight::Refused::id_in_use:  // checked above; only this thread enters
    case InFlight::Refused::too_many: {
      ReplyOnce reply(std::move(exchange));
      return reply.error(
          {kInternalError, "busy: " + std::to_string(limits::kInFlight) +
                               " requests are in flight; retry when one is answered"},
          Step::capacity);
    }
  }
  auto work = std::make_shared<Job>(parts, pending, in_flight, eras.initialized(), session, offered,
                                    row->method, tool, ReplyOnce(std::move(exchange)),
                                    std::move(request.params));
  if (keeps_work && !place.batch)
    kept = std::move(work);
  else
    hand_to_pool(parts, work);
}

void Connection::State::run_on_reader(Method method, const Offered& offered, ReplyOnce& reply,
                                      const Json& params) {
  const Revision revision = reply.exchange().envelope.revision;
  switch (method) {
    case Method::ping:
      return reply.result(parts.writer.result(revision, {}));
    case Method::discover:
      return reply.result(offered.catalogue.discover_result());
    case Method::list_tools: {
      const auto list = offered.catalogue.tools_list_result(revision, params);
      if (!list) return reply.error({kInvalidParams, list.error().message});
      return reply.result(*list);
    }
    case Method::initialize: {
      const auto agreed = eras.initialize(params);
      if (const auto* error = std::get_if<RpcError>(&agreed)) return reply.error(*error);
      if (parts.service.announces.any())
        session = parts.subscriptions.open_session(&in_flight, *outbox);
      return reply.result(offered.catalogue.initialize_result(std::get<Revision>(agreed)));
    }
    case Method::set_log_level: {
      const auto given = params.is_object() ? params.find("level") : params.end();
      const auto level = given != params.end() ? parse_log_level(*given) : std::nullopt;
      if (!level) return reply.error({kInvalidParams, "params.level is not a log level"});
      eras.set_log_level(*level);
      return reply.result(parts.writer.result(revision, {}));
    }
    case Method::complete:
    case Method::list_prompts:
    case Method::list_resources:
    case Method::list_templates:
    case Method::get_prompt:
    case Method::read_resource:
    case Method::call_tool:
    case Method::listen:
    case Method::subscribe:
    case Method::unsubscribe:
    case Method::cancel_task:
    case Method::get_task:
    case Method::update_task:
      return;  // the pool's
  }
}

Connection::Connection(Server& server, Outbox& outbox, Eras eras)
    : state_(std::make_unique<State>(server, outbox)) {
  if (eras == Eras::modern_only) state_->eras.pin_modern();
}

Connection::~Connection() {
  stop();
  while (!wait_idle(std::chrono::seconds(1))) {
  }
  // A listener whose turn came after stop() has subscribed meanwhile.
  state_->parts.subscriptions.end(&state_->in_flight);
}

void Connection::receive(std::string_view frame) {
  if (frame.find_first_not_of(" \t\r") == std::string_view::npos) return;
  const Source source{state_->outbox};
  try {
    const Weight weight = weigh(frame);
    auto parsed = parse_frame(frame, weight, state_->parts.held_bytes.open());
    if (parsed)
      state_->on_frame(*parsed, source);
    else if (weight.is_request())
      source.outbox->answer(busy_message(weight), Step::capacity);
    else
      log::warning("a large message was dropped: memory is in use", {});
  } catch (const std::exception& e) {
    not_handled(source, e);
  }
}

Work Connection::take(std::string_view frame) {
  state_->keeps_work = true;
  receive(frame);
  state_->keeps_work = false;
  return std::exchange(state_->kept, nullptr);
}

void Connection::run(const Work& work) {
  if (!work) return;
  try {
    work->run();
  } catch (const std::exception& e) {  // out of memory costs one request, never the process
    log::error("a request failed", {{"what", e.what()}});
  } catch (...) {
    log::error("a request failed");
  }
}

void Connection::hand_over(const Work& work) {
  if (!work) return;
  try {
    hand_to_pool(state_->parts, work);
  } catch (const std::exception& e) {
    log::error("a request could not be queued", {{"what", e.what()}});
  }
}

void Connection::receive(Frame frame, Source source) {
  if (!source.outbox) source.outbox = state_->outbox;
  try {
    state_->on_frame(frame, source);
  } catch (const std::exception& e) {
    not_handled(source, e);
  }
}

void Connection::State::on_frame(Frame& frame, const Source& source) {
  if (!frame.batch)
    return on_message(frame.message, std::move(frame.held), source, {source.outbox});
  const auto refuse = [&](std::string why) {
    source.outbox->answer(error_message({}, {kInvalidRequest, std::move(why)}), Step::message);
  };
  if (!eras.has_session() || eras.session() != Revision::v2025_03_26)
    return refuse("invalid request: batches exist in 2025-03-26 only");
  if (frame.batch_size == 0) return refuse("invalid request: an empty batch");
  if (frame.elements.size() != frame.batch_size)
    return refuse("invalid request: a batch has at most " + std::to_string(limits::kBatchMessages) +
                  " messages");
  const auto batch = std::make_shared<Batch>(source.outbox, frame.elements.size());
  const std::size_t part = frame.held.size() / frame.batch_size;
  for (std::size_t i = 0; i < frame.elements.size(); ++i)
    on_message(frame.elements[i], frame.held.split(part), source, {source.outbox, batch, i});
}

void Connection::oversize() {
  state_->outbox->answer(
      error_message({}, {kInvalidRequest, "invalid request: a message has at most " +
                                              std::to_string(limits::kFrameBytes) + " bytes"}),
      Step::message);
}

std::optional<Revision> Connection::agreed() const {
  const EraState& eras = state_->eras;
  return eras.has_session() ? std::optional(eras.session()) : std::nullopt;
}

void Connection::stop() {
  state_->in_flight.stop_all();
  state_->parts.subscriptions.end(&state_->in_flight);
}
bool Connection::idle() const {
  return state_->in_flight.idle();
}
bool Connection::wait_idle(std::chrono::milliseconds timeout) {
  return state_->in_flight.wait_idle(timeout);
}

}  // namespace remit::mcp
