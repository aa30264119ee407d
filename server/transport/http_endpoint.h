// HttpEndpoint: MCP over HTTP, from a head and a body to what is answered: which era a POST speaks,
// its session or none, and whether one JSON body or a stream of events answers it. Knows no sockets
// but to wait on one, and no HTTP library.
//
// 2026-07-28: every POST is a connection of its own, and a client that leaves cancels its request.
// The initialize eras: the connection is the session; a client that leaves may come back for what
// it missed (Last-Event-ID), and its calls go on.
//
// Threads: one call of respond() and run() per connection at a time; all else is shared safely.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/http_auth.h"
#include "server/transport/http_call.h"
#include "server/transport/http_sessions.h"
#include "server/transport/http_site.h"

namespace remit::transport {

struct EndpointOptions {
  HttpNames names;
  Tokens tokens = Tokens::none();
  std::function<std::vector<Gauge>()> gauges;  // for /metrics; may be null
};

class HttpEndpoint final : public HttpSite {
 public:
  HttpEndpoint(mcp::Server& server, EndpointOptions options, HttpMetrics& metrics);
  ~HttpEndpoint() override;

  std::optional<HttpReply> before_body(const HttpTurn& turn) override;
  HttpReply post(const HttpTurn& turn, std::string body, mcp::HeldBytes::Share held) override;
  std::size_t body_limit() const override { return limits::kFrameBytes; }
  mcp::HeldBytes& held_bytes() override { return server_.held_bytes(); }
  HttpMetrics& metrics() override { return metrics_; }
  // /readyz says so, and who waits gives its call kHttpDrainTime.
  void drain() override { draining_ = true; }
  // Tasks end too. False if some call or task is still at work after `timeout`.
  bool stop(std::chrono::milliseconds timeout) override;

 private:
  // The answer to a message, which is not looked at again once this has been called.
  HttpReply answer_message(const HttpTurn& turn, mcp::Frame frame);
  HttpReply get(const HttpTurn& turn, const std::string& principal);
  HttpReply end_session(const HttpTurn& turn, const std::string& principal);
  HttpReply modern(const HttpTurn& turn, mcp::Frame frame);
  HttpReply initialize(const HttpTurn& turn, mcp::Frame frame, const std::string& principal);
  HttpReply in_session(const HttpTurn& turn, mcp::Frame frame, const std::string& principal);
  HttpReply answer(const HttpTurn& turn, const std::shared_ptr<HttpCall>& call);
  HttpReply begin_stream(const HttpTurn& turn, const std::shared_ptr<HttpCall>& call,
                         EventStream::Taken first);
  // The session a request names, or how it is turned away.
  std::variant<std::shared_ptr<Session>, Refusal> find_session(const Head& head,
                                                               const std::string& principal);
  // One more stream, if there may be one. It ends with the handle.
  std::shared_ptr<void> stream_slot();

  mcp::Server& server_;
  const EndpointOptions options_;
  HttpMetrics& metrics_;
  Sessions sessions_;
  std::atomic<bool> draining_ = false;
};

}  // namespace remit::transport
