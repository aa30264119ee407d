// HttpSite: what stands behind a listener: from a head, and the body of a POST, to what is
// answered. MCP is one (http_endpoint.h), the human console another (server/console).
//
// Threads: before_body() and post() from the thread of each connection, several at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/mcp/held_bytes.h"
#include "server/transport/http_metrics.h"
#include "server/transport/http_request.h"
#include "server/transport/http_wire.h"

namespace remit::transport {

// A response that is written piece by piece; each piece reaches the client at once. Destroyed when
// the client is served or gone.
class HttpStreaming {
 public:
  virtual ~HttpStreaming() = default;
  // Writes until the end, or until `write` returns false because the client is gone.
  virtual void run(const std::function<bool(std::string_view)>& write) = 0;
  // After run(): false if it broke off, which the client is shown by the end of the connection.
  virtual bool is_whole() const { return true; }
};

struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::string type = {};  // Content-Type, with a body
  std::string body = {};
  std::shared_ptr<HttpStreaming> streaming = {};
  std::string method = {};          // for the metrics: of JSON-RPC, or of HTTP
  std::shared_ptr<void> held = {};  // until the client has read it
};

// One request: whose head was read, on which connection.
struct HttpTurn {
  const Head& head;
  HttpWire& wire;
  const Wake& wake;
  std::shared_ptr<void>& kept;  // by the site, from before_body() until the answer is written
};

class HttpSite {
 public:
  virtual ~HttpSite() = default;
  // Everything that can be said without the body; nullopt: it is a POST to read and to answer.
  virtual std::optional<HttpReply> before_body(const HttpTurn& turn) = 0;
  // The answer to a POST. `held`: the memory of its body, which is given back with it.
  virtual HttpReply post(const HttpTurn& turn, std::string body, mcp::HeldBytes::Share held) = 0;
  virtual std::size_t body_limit() const = 0;
  // What all bodies, and whatever comes of them, hold together.
  virtual mcp::HeldBytes& held_bytes() = 0;
  virtual HttpMetrics& metrics() = 0;
  // The server ends: no new connection comes.
  virtual void drain() = 0;
  // Stops what is left; false if something is still at work after `timeout`.
  virtual bool stop(std::chrono::milliseconds timeout) = 0;
};

// A refusal as a JSON-RPC error.
HttpReply refused(const Refusal& refusal);
// 503 with Retry-After.
HttpReply busy(std::string what);

}  // namespace remit::transport
