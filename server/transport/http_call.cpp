#include "server/transport/http_call.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/limits.h"
#include "server/limits.h"
#include "server/mcp/messages.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kTogether = 64u << 10;  // events of up to so much are written at once

// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Messages
// hold no line break: JSON escapes it.
class EventWriter final : public HttpStreaming {
 public:
  EventWriter(std::shared_ptr<HttpCall> call, HttpWire& wire, EventStream::Taken first,
              std::shared_ptr<void> slot)
      : slot_(std::move(slot)), call_(std::move(call)), wire_(wire), taken_(std::move(first)) {}

  void run(const std::function<bool(std::string_view)>& write) override {
    std::string out;
    if (call_->priming)
      out = "id: " + event_id(0) + "\nretry: " + std::to_string(limits::kHttpRetryMs) +
            "\ndata: \n\n";
    else if (taken_.events.empty())
      out = ": open\n\n";
    for (;;) {
      std::size_t bytes = 0;
      for (const EventStream::Event& event : taken_.events) bytes += event.message.size();
      const auto share = call_->stream->while_written(bytes);
      for (const EventStream::Event& event : taken_.events) {
        out += "event: message\n";
        if (call_->session) out += "id: " + event_id(event.number) + "\n";
        out += "data: ";
        // In pieces: the library copies each of them once more.
        for (std::string_view rest = event.message; !rest.empty();) {
          const std::string_view piece = rest.substr(0, kTogether);
          out += piece;
          rest.remove_prefix(piece.size());
          if (out.size() > kTogether && !written(out, write)) return;
        }
        out += "\n\n";
      }
      if (!out.empty() && !written(out, write)) return;
      if (taken_.ended) return;
      taken_ = {};
      switch (call_->wait(wire_, limits::kHttpKeepAlive)) {
        case HttpCall::Waited::something:
          taken_ = call_->stream->take(call_->wake);
          break;
        case HttpCall::Waited::nothing:
          out = ": keep-alive\n\n";
          if (call_->keeps_alive != nullptr)
            call_->keeps_alive->find(call_->session->id, call_->session->principal);
          break;
        case HttpCall::Waited::over:
          return;
      }
    }
  }

 private:
  // Empties `out`; false: the client is gone, which ends a call of 2026-07-28.
  bool written(std::string& out, const std::function<bool(std::string_view)>& write) const {
    const bool done = write(out);
    if (!done && call_->own) call_->own->stop();
    out.clear();
    return done;
  }
  std::string event_id(std::uint64_t event) const {
    return std::to_string(call_->number) + "-" + std::to_string(event);
  }

  const std::shared_ptr<void> slot_;
  const std::shared_ptr<HttpCall> call_;
  HttpWire& wire_;
  EventStream::Taken taken_;
};

}  // namespace

void HttpCall::stop() {
  if (own) {
    own->stop();
  } else if (session && !id.empty()) {
    mcp::Frame frame;
    frame.message =
        mcp::Notification{"notifications/cancelled", Json{{"requestId", Json::parse(id)}}};
    session->receive(std::move(frame), {});
  }
}

HttpCall::Waited HttpCall::wait(HttpWire& wire, milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  for (;;) {
    const auto until = drain_deadline_ ? std::min(deadline, *drain_deadline_) : deadline;
    const auto left =
        std::max(milliseconds(0), std::chrono::ceil<milliseconds>(until - SteadyClock::now()));
    switch (wire.wait(wake, !drain_deadline_, left)) {
      case HttpWire::Woken::rung:
      case HttpWire::Woken::other:
        return Waited::something;
      case HttpWire::Woken::peer_gone:
        if (own) own->stop();
        return Waited::over;
      case HttpWire::Woken::draining:
        drain_deadline_ =
            SteadyClock::now() + (waits_for_news ? milliseconds(0) : limits::kHttpDrainTime);
        break;
      case HttpWire::Woken::timeout:
        if (!drain_deadline_ || SteadyClock::now() < *drain_deadline_) return Waited::nothing;
        if (std::exchange(stopped_, true) || !own) return Waited::over;
        own->stop();  // what it still answers is written
        drain_deadline_ =
            SteadyClock::now() + (limits::kShutdownWithTools - limits::kHttpDrainTime);
        break;
    }
  }
}

std::shared_ptr<HttpStreaming> stream_events(std::shared_ptr<HttpCall> call, HttpWire& wire,
                                             EventStream::Taken first, std::shared_ptr<void> slot) {
  return std::make_shared<EventWriter>(std::move(call), wire, std::move(first), std::move(slot));
}

}  // namespace remit::transport
