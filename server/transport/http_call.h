// HttpCall: one reader of one stream of messages: the connection that waits for them, and what ends
// when it stops waiting. And how such a stream is written as server-sent events.
//
// Threads: the connection's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/mcp/dispatcher.h"
#include "server/transport/http_sessions.h"
#include "server/transport/http_site.h"
#include "server/transport/http_stream.h"
#include "server/transport/http_wire.h"

namespace remit::transport {

class HttpCall {
 public:
  HttpCall(const Wake& waker, std::shared_ptr<EventStream> from)
      : wake(waker), stream(std::move(from)) {}
  ~HttpCall() { stream->detach(wake); }
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  const Wake& wake;
  const std::shared_ptr<EventStream> stream;
  std::shared_ptr<Session> session;      // of the initialize eras, or
  std::unique_ptr<mcp::Connection> own;  // of 2026-07-28; ends before the stream
  mcp::IdText id;                        // of the request, if it is one
  std::uint64_t number = 0;              // of the stream in its session
  bool priming = false;                  // the client knows an event without data
  bool waits_for_news = false;           // GET, subscriptions/listen: nothing to finish
  Sessions* keeps_alive = nullptr;       // GET: an open stream is use of its session

  // The client cannot be served: its call ends.
  void stop();
  // Waits for something to take. `over`: give up, the client is gone (which cancels in 2026-07-28)
  // or the server has ended.
  enum class Waited { something, nothing, over };
  Waited wait(HttpWire& wire, std::chrono::milliseconds timeout);

 private:
  std::optional<std::chrono::steady_clock::time_point> drain_deadline_;
  bool stopped_ = false;
};

// `first`: what was taken already. `slot` is held until the end.
std::shared_ptr<HttpStreaming> stream_events(std::shared_ptr<HttpCall> call, HttpWire& wire,
                                             EventStream::Taken first, std::shared_ptr<void> slot);

}  // namespace remit::transport
