#include "server/front/front_site.h"

#include <array>

#include "base/limits.h"
#include "server/mcp/wire.h"

namespace remit::front {
namespace {

using transport::HttpReply;
using transport::HttpTurn;
using transport::Refusal;
using transport::refused;

constexpr std::size_t kStreamPiece = 16u << 10;

// The rest of an answer, as it comes. Leaving ends the connection to the worker, which cancels what
// it works on, as a client's leaving does.
class RelayStream final : public transport::HttpStreaming {
 public:
  RelayStream(std::shared_ptr<Relay> relay, std::function<void(Fd)> keep,
              std::shared_ptr<void> watched)
      : watched_(std::move(watched)), relay_(std::move(relay)), keep_(std::move(keep)) {}

  void run(const std::function<bool(std::string_view)>& write) override {
    std::array<char, kStreamPiece> piece{};
    for (;;) {
      const std::ptrdiff_t got = relay_->read_body(piece.data(), piece.size());
      if (got > 0 && write({piece.data(), static_cast<std::size_t>(got)})) continue;
      whole_ = got == 0;
      if (auto socket = relay_->leave(); whole_ && socket) keep_(std::move(*socket));
      return;
    }
  }
  bool is_whole() const override { return whole_; }

 private:
  const std::shared_ptr<void> watched_;
  const std::shared_ptr<Relay> relay_;
  const std::function<void(Fd)> keep_;
  bool whole_ = false;
};

HttpReply text_reply(int status, std::string type, std::string body) {
  HttpReply reply;
  reply.status = status;
  reply.type = std::move(type);
  reply.body = std::move(body);
  return reply;
}

Refusal gone_away() {
  return {502,
          "the worker ended in the middle of this call: what it acknowledged holds, but whether "
          "this call took effect is unknown; look before you repeat it",
          mcp::kInternalError};
}

}  // namespace

std::variant<Destination, Refusal> FrontSite::find(const transport::Head& head) const {
  const std::shared_ptr<const Table> table = link_.table();
  const auto caller = find_caller(*table, head);
  if (!caller) return transport::unauthorized();
  return choose(*table, *caller, agent_of_path(*table, head.path()), head);
}

std::optional<HttpReply> FrontSite::before_body(const HttpTurn& turn) {
  const transport::Head& head = turn.head;
  if (const auto refusal = transport::judge_names(head, names_)) return refused(*refusal);
  const std::string_view path = head.path();
  const bool health = path == "/healthz", ready = path == "/readyz", metrics = path == "/metrics";
  const bool below = path == "/agents" || path.starts_with("/agents/");
  if (below && !find_caller(*link_.table(), head)) return refused(transport::unauthorized());
  if (!health && !ready && !metrics && agent_of_path(*link_.table(), path).empty())
    return refused({404, "nothing is here; MCP is at /agents/NAME/mcp"});
  if (health || ready || metrics) {
    if (metrics && !find_caller(*link_.table(), head)) return refused(transport::unauthorized());
    if (const auto refusal = transport::judge_method(head, transport::Route::healthz))
      return refused(*refusal);
    if (metrics)
      return text_reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text(0, {}));
    if (health) return text_reply(200, "text/plain; charset=utf-8", "ok\n");
    const bool able = !draining_ && !link_.is_broken();
    return text_reply(able ? 200 : 503, "text/plain; charset=utf-8",
                      able ? "ready\n" : "draining\n");
  }
  const auto found = find(head);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return refused(*refusal);
  if (const auto refusal = transport::judge_method(head, transport::Route::mcp))
    return refused(*refusal);
  const bool post = head.method == "POST";
  if (post)
    if (const auto refusal = transport::judge_post(head)) return refused(*refusal);
  const auto& to = std::get<Destination>(found);
  // Before its body, whose bytes may come as slowly as the caller likes.
  turn.kept = slot_of(to.agent);
  if (!turn.kept) return transport::busy("too many calls of this agent are at work; retry");
  if (post) return std::nullopt;
  return relay(turn, to, {});
}

HttpReply FrontSite::post(const HttpTurn& turn, std::string body, mcp::HeldBytes::Share held) {
  const auto found = find(turn.head);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return refused(*refusal);
  const mcp::HeldBytes::Share until_answered = std::move(held);
  return relay(turn, std::get<Destination>(found), body);
}

std::shared_ptr<void> FrontSite::slot_of(const std::string& agent) {
  const std::lock_guard held(mutex_);
  std::size_t& count = calls_[agent];
  if (count >= limits::kFrontCallsOfAgent) return nullptr;
  ++count;
  return {static_cast<void*>(this), [this, agent](void*) {
            const std::lock_guard until(mutex_);
            if (--calls_[agent] == 0) calls_.erase(agent);
          }};
}

HttpReply FrontSite::relay(const HttpTurn& turn, const Destination& to, std::string_view body) {
  // What a reload takes away ends here too: the caller is looked up again when the table changes.
  const auto allowed = [this, head = turn.head] {
    return std::holds_alternative<Destination>(find(head));
  };
  auto watched = link_.watch(turn.wake);
  const std::string request = worker_request(turn.head, to, body.size());
  for (int tries = 0; tries < limits::kFrontTries; ++tries) {
    auto connection = link_.connect(to, tries > 0);
    if (!connection) return transport::busy(connection.error().message);
    auto relay = std::make_shared<Relay>(turn, std::move(connection->socket), allowed);
    switch (relay->ask(request, body)) {
      case Relay::Asked::answered:
        return answer(to, std::move(relay), std::move(watched));
      case Relay::Asked::unread:
        continue;  // nobody has seen it
      case Relay::Asked::gone:
        return refused(gone_away());
      case Relay::Asked::over:
        return transport::busy("the server ends, or the client has left");
    }
  }
  return transport::busy("the workers of this agent end before they read the request; retry");
}

HttpReply FrontSite::answer(const Destination& to, std::shared_ptr<Relay> relay,
                            std::shared_ptr<void> watched) {
  const WorkerHead& head = relay->head();
  HttpReply reply;
  reply.status = head.status;
  reply.fields = head.fields;
  reply.type = head.type;
  const auto keep = [this, to](Fd socket) { link_.keep(to, std::move(socket)); };
  if (head.framing == transport::Framing::length && head.length <= limits::kFrontBodyKept) {
    reply.body.resize(head.length);
    for (std::size_t at = 0; at < head.length;) {
      const std::ptrdiff_t got = relay->read_body(reply.body.data() + at, head.length - at);
      if (got <= 0) return refused(gone_away());
      at += static_cast<std::size_t>(got);
    }
    char none = 0;
    static_cast<void>(relay->read_body(&none, 0));  // notes the end
    if (auto socket = relay->leave()) keep(std::move(*socket));
    return reply;
  }
  reply.streaming = std::make_shared<RelayStream>(std::move(relay), keep, std::move(watched));
  return reply;
}

}  // namespace remit::front
