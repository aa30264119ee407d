#include "server/transport/http_endpoint.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/mcp/eras.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr const char* kJsonType = "application/json";
constexpr const char* kEventsType = "text/event-stream";
constexpr int kBusy = 503;

std::pair<std::string, std::string> retry_after() {
  return {"Retry-After", std::to_string(limits::kHttpRetryAfter)};
}

HttpReply empty(int status) {
  HttpReply reply;
  reply.status = status;
  return reply;
}

bool is_legacy_version(std::string_view version) {
  for (const mcp::Revision known :
       {mcp::Revision::v2025_11_25, mcp::Revision::v2025_06_18, mcp::Revision::v2025_03_26})
    if (version == mcp::to_string(known)) return true;
  return false;
}

// An event without data is how a client learns what to come back with before anything is said.
bool knows_priming(const Session& session) {
  const auto agreed = session.agreed();
  return agreed && *agreed >= mcp::Revision::v2025_11_25;
}

// "3-17" of Last-Event-ID: the stream and the last event that arrived.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_event_id(std::string_view text) {
  std::uint64_t stream = 0, event = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, stream);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, event);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return std::pair(stream, event);
}

int status_of(mcp::Step step, bool modern) {
  switch (step) {
    case mcp::Step::message:
      return 400;
    // An initialize-era client reads the error only under 200.
    case mcp::Step::envelope:
      return modern ? 400 : 200;
    case mcp::Step::method:
      return modern ? 404 : 200;
    case mcp::Step::capacity:
      return kBusy;
    case mcp::Step::served:
      return 200;
  }
  return 200;
}

HttpReply json_reply(std::string body, mcp::Step step, bool modern) {
  HttpReply reply;
  reply.status = status_of(step, modern);
  reply.type = kJsonType;
  reply.body = std::move(body);
  if (reply.status == kBusy) reply.fields.push_back(retry_after());
  return reply;
}

HttpReply json_error(const mcp::IdText& id, const mcp::RpcError& error, mcp::Step step) {
  return json_reply(mcp::error_message(id, error), step, true);
}

}  // namespace

HttpReply refused(const Refusal& refusal) {
  HttpReply reply;
  reply.status = refusal.status;
  reply.fields = refusal.fields;
  reply.type = kJsonType;
  reply.body = refusal_body(refusal);
  return reply;
}

HttpReply busy(std::string what) {
  return refused({kBusy, std::move(what), mcp::kInternalError, {retry_after()}});
}

HttpEndpoint::HttpEndpoint(mcp::Server& server, EndpointOptions options, HttpMetrics& metrics)
    : server_(server),
      options_(std::move(options)),
      metrics_(metrics),
      sessions_(server, system_clock()) {}

HttpEndpoint::~HttpEndpoint() = default;

bool HttpEndpoint::stop(milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  server_.stop_tasks();
  sessions_.end_all();
  if (!sessions_.wait_idle(timeout)) return false;
  const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
  return server_.wait_tasks(std::max(left, milliseconds(0)));
}

std::shared_ptr<void> HttpEndpoint::stream_slot() {
  auto slot = std::make_shared<HttpMetrics::Level>(metrics_.streams);
  if (metrics_.streams > static_cast<int>(limits::kHttpStreams)) return nullptr;
  return slot;
}

std::optional<HttpReply> HttpEndpoint::before_body(const HttpTurn& turn) {
  const Head& head = turn.head;
  const auto named = [&](HttpReply reply) {
    reply.method = head.method;
    return reply;
  };
  if (const auto refusal = judge_names(head, options_.names)) return named(refused(*refusal));
  const auto route = find_route(head);
  if (const auto* refusal = std::get_if<Refusal>(&route)) return named(refused(*refusal));
  const Route at = std::get<Route>(route);
  const bool open = at == Route::healthz || at == Route::readyz;
  const std::string principal = open ? "-" : options_.tokens.principal(head);
  if (principal.empty()) return named(refused(unauthorized()));
  if (const auto refusal = judge_method(head, at)) return named(refused(*refusal));
  HttpReply reply;
  reply.type = "text/plain; charset=utf-8";
  switch (at) {
    case Route::healthz:
      reply.body = "ok\n";
      return named(std::move(reply));
    case Route::readyz:
      reply.status = draining_ ? 503 : 200;
      reply.body = draining_ ? "draining\n" : "ready\n";
      return named(std::move(reply));
    case Route::metrics:
      reply.type = "text/plain; version=0.0.4; charset=utf-8";
      reply.body = metrics_.text(sessions_.size(),
                                 options_.gauges ? options_.gauges() : std::vector<Gauge>());
      return named(std::move(reply));
    case Route::mcp:
      break;
  }
  if (head.method == "GET") return named(get(turn, principal));
  if (head.method == "DELETE") return named(end_session(turn, principal));
  if (const auto refusal = judge_post(head)) return named(refused(*refusal));
  return std::nullopt;
}

std::variant<std::shared_ptr<Session>, Refusal> HttpEndpoint::find_session(
    const Head& head, const std::string& principal) {
  const std::string* id = head.field("mcp-session-id");
  if (id == nullptr)
    return Refusal{400,
                   "Mcp-Session-Id is missing: send initialize first, or name the version in "
                   "params._meta"};
  if (head.count("mcp-session-id") > 1) return Refusal{400, "Mcp-Session-Id stands twice"};
  // Gemini CLI never sends it; absent means what initialize agreed on.
  const std::string* version = head.field("mcp-protocol-version");
  if (version != nullptr && !is_legacy_version(*version))
    return Refusal{400, "MCP-Protocol-Version " + mcp::quoted_input(*version) +
                            " is none of a session; 2025-11-25, 2025-06-18 and 2025-03-26 are"};
  auto session = sessions_.find(*id, principal);
  if (!session) return Refusal{404, "there is no such session; send initialize again"};
  return session;
}

HttpReply HttpEndpoint::get(const HttpTurn& turn, const std::string& principal) {
  auto found = find_session(turn.head, principal);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return refused(*refusal);
  if (!accepts(turn.head).events)
    return refused({406, "a GET is answered with text/event-stream; Accept does not take it"});
  auto& session = std::get<std::shared_ptr<Session>>(found);
  std::uint64_t stream = 0;
  std::optional<std::uint64_t> after;
  if (const std::string* last = turn.head.field("last-event-id")) {
    const auto id = parse_event_id(*last);
    if (!id) return refused({400, "Last-Event-ID is none of this server"});
    std::tie(stream, after) = *id;
  }
  const auto events = session->stream(stream);
  if (!events) return refused({400, "the stream of this Last-Event-ID is no longer kept"});
  auto slot = stream_slot();
  if (!slot) return busy("too many streams are open; retry");
  auto call = std::make_shared<HttpCall>(turn.wake, events);
  call->number = stream;
  call->waits_for_news = stream == 0;
  call->keeps_alive = &sessions_;
  call->session = session;
  if (!events->attach(turn.wake, after))
    log::warning("events after Last-Event-ID are no longer kept", {{"session", session->id}});
  HttpReply reply;
  reply.type = kEventsType;
  reply.streaming =
      stream_events(std::move(call), turn.wire, events->take(turn.wake), std::move(slot));
  return reply;
}

HttpReply HttpEndpoint::end_session(const HttpTurn& turn, const std::string& principal) {
  auto found = find_session(turn.head, principal);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return refused(*refusal);
  sessions_.remove(std::get<std::shared_ptr<Session>>(found)->id, principal);
  return empty(200);
}

HttpReply HttpEndpoint::post(const HttpTurn& turn, std::string body, mcp::HeldBytes::Share held) {
  const mcp::Weight weight = mcp::weigh(body);
  // The body is here and in a thread of its own: it may wait for its turn.
  const bool room = held.grow_in_turn(weight.while_parsed());
  auto frame = room ? mcp::parse_frame(body, weight, std::move(held)) : std::nullopt;
  if (!frame) return json_reply(mcp::busy_message(weight), mcp::Step::capacity, true);
  body = std::string();  // its values take its place
  return answer_message(turn, std::move(*frame));
}

HttpReply HttpEndpoint::answer_message(const HttpTurn& turn, mcp::Frame frame) {
  const std::string principal = options_.tokens.principal(turn.head);
  if (frame.batch) return in_session(turn, std::move(frame), principal);
  if (const auto* malformed = std::get_if<mcp::Malformed>(&frame.message))
    return json_error(malformed->id, {malformed->code, malformed->message}, mcp::Step::message);
  const bool modern_field = names_modern(turn.head);
  if (std::holds_alternative<mcp::Response>(frame.message)) {
    if (modern_field) return refused({400, "a client of 2026-07-28 sends no responses"});
    HttpReply reply = in_session(turn, std::move(frame), principal);
    reply.method = "response";
    return reply;
  }
  if (const auto* note = std::get_if<mcp::Notification>(&frame.message)) {
    const bool claimed = mcp::claims_version(note->params);
    HttpReply reply;
    if (claimed || modern_field) {
      // Nothing of 2026-07-28 is told to the server this way: leaving cancels.
      const mcp::HeaderClaims claims = header_claims(turn.head);
      auto error = mcp::version_mismatch(claims, note->params);
      if (!error && claimed) error = mcp::routing_mismatch(claims, note->method, note->params);
      reply = error ? json_error({}, *error, mcp::Step::envelope) : empty(202);
    } else {
      reply = in_session(turn, std::move(frame), principal);
    }
    reply.method = "notification";
    return reply;
  }
  const auto& request = std::get<mcp::Request>(frame.message);
  const std::string method = request.method;
  const bool claimed = mcp::claims_version(request.params);
  HttpReply reply;
  if (claimed || (modern_field && method != "initialize"))
    reply = modern(turn, std::move(frame));
  else if (method == "initialize")
    reply = initialize(turn, std::move(frame), principal);
  else
    reply = in_session(turn, std::move(frame), principal);
  reply.method = method;
  return reply;
}

HttpReply HttpEndpoint::modern(const HttpTurn& turn, mcp::Frame frame) {
  const bool listens = std::get<mcp::Request>(frame.message).method == "subscriptions/listen";
  // It would be served for hours without a word: what it tells are events.
  if (listens && !accepts(turn.head).events)
    return refused(
        {406, "subscriptions/listen is answered with text/event-stream; Accept does not take it"});
  const auto stream =
      std::make_shared<EventStream>(EventStream::Keep::nothing, sessions_.kept_bytes());
  const auto call = std::make_shared<HttpCall>(turn.wake, stream);
  call->waits_for_news = listens;
  call->own =
      std::make_unique<mcp::Connection>(server_, *stream, mcp::Connection::Eras::modern_only);
  stream->attach(turn.wake);
  const mcp::HeaderClaims claims = header_claims(turn.head);
  call->own->receive(std::move(frame), {stream, &claims});
  return answer(turn, call);
}

HttpReply HttpEndpoint::initialize(const HttpTurn& turn, mcp::Frame frame,
                                   const std::string& principal) {
  const auto session = sessions_.make(principal);
  const auto stream =
      std::make_shared<EventStream>(EventStream::Keep::nothing, sessions_.kept_bytes());
  const auto call = std::make_shared<HttpCall>(turn.wake, stream);
  call->session = session;
  stream->attach(turn.wake);
  session->receive(std::move(frame), {stream});
  HttpReply reply = answer(turn, call);
  if (session->agreed()) {
    sessions_.add(session);
    reply.fields.emplace_back("Mcp-Session-Id", session->id);
  }
  return reply;
}

HttpReply HttpEndpoint::in_session(const HttpTurn& turn, mcp::Frame frame,
                                   const std::string& principal) {
  auto found = find_session(turn.head, principal);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return refused(*refusal);
  auto& session = std::get<std::shared_ptr<Session>>(found);
  const auto* request = std::get_if<mcp::Request>(&frame.message);
  if (!frame.batch && request == nullptr) {
    session->receive(std::move(frame), {});
    return empty(202);
  }
  const auto stream =
      std::make_shared<EventStream>(EventStream::Keep::ring, sessions_.kept_bytes());
  const auto call = std::make_shared<HttpCall>(turn.wake, stream);
  call->session = session;
  if (!frame.batch) call->id = request->id;
  if (knows_priming(*session) && accepts(turn.head).events) stream->allow_release();
  stream->attach(turn.wake);
  session->receive(std::move(frame), {stream});
  return answer(turn, call);
}

HttpReply HttpEndpoint::answer(const HttpTurn& turn, const std::shared_ptr<HttpCall>& call) {
  const Accepts taken = accepts(turn.head);
  const bool modern = call->own != nullptr;
  auto quiet_until = SteadyClock::now() + limits::kHttpQuiet;
  for (;;) {
    EventStream::Taken got = call->stream->take(turn.wake);
    const bool whole = got.answered && got.events.size() == 1;
    if (got.answered && taken.json && (whole || !taken.events)) {
      HttpReply reply = json_reply(std::move(got.events.back().message), got.step, modern);
      reply.held = std::make_shared<KeptShare>(sessions_.kept_bytes(), reply.body.size());
      return reply;
    }
    // Let go before the first event: the client gets the event that it can come back with.
    if (got.taken_over && call->session && taken.events)
      return begin_stream(turn, call, std::move(got));
    if (got.ended && got.events.empty()) return empty(202);
    if (!got.events.empty() && taken.events) return begin_stream(turn, call, std::move(got));
    if (got.ended) return empty(202);  // cancelled; what came before was for a stream
    const auto left = std::chrono::ceil<milliseconds>(quiet_until - SteadyClock::now());
    switch (call->wait(turn.wire, std::max(left, milliseconds(0)))) {
      case HttpCall::Waited::something:
        break;
      case HttpCall::Waited::over:
        return busy("the server ends, or the client has left");
      case HttpCall::Waited::nothing:
        // A proxy or a client that hears nothing for long gives up: show that the call lives.
        if (taken.events && metrics_.streams < static_cast<int>(limits::kHttpStreams))
          return begin_stream(turn, call, {});
        quiet_until = SteadyClock::now() + limits::kHttpKeepAlive;
        break;
    }
  }
}

HttpReply HttpEndpoint::begin_stream(const HttpTurn& turn, const std::shared_ptr<HttpCall>& call,
                                     EventStream::Taken first) {
  auto slot = stream_slot();
  if (!slot) {
    call->stop();
    return busy("too many streams are open; retry");
  }
  if (call->session) {
    call->number = call->session->keep(call->stream);
    call->priming = knows_priming(*call->session);
  }
  HttpReply reply;
  reply.type = kEventsType;
  reply.streaming = stream_events(call, turn.wire, std::move(first), std::move(slot));
  return reply;
}

}  // namespace remit::transport
