// HttpServer: the listener of Streamable HTTP: cpp-httplib 0.11.4's accept loop, routing and
// response writer around an HttpSite, with the library's traps cured (docs/protocol.md has the
// table). Only loopback or a unix socket, unless a proxy stands in front.
//
//   auto http = transport::HttpServer::start_listening(options);   // before threads and before the
//   lock
//   ...
//   HttpEndpoint endpoint(server, options, (*http)->metrics());
//   return (*http)->serve(endpoint);
//
// Threads: start_listening() and serve() on the main thread. serve() ends at SIGTERM or SIGINT, or
// when it is idle: no new connection, calls at work get kHttpDrainTime, then they and the tasks are
// stopped; what is still at work kShutdownWithTools after the signal ends with the process. A
// second signal ends it at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/transport/http_site.h"

namespace remit::transport {

struct HttpOptions {
  std::string address;          // HOST:PORT, or
  std::string socket;           // the path of a unix socket
  bool behind_proxy = false;    // HOST may be any address
  const char* flag = "--http";  // that gave the address, for errors
  const char* path = "/mcp";    // at which it is served, for url()
  int channel = -1;             // instead: from which a worker's connections come; is taken over
};

// When a server that nobody needs ends by itself.
struct HttpIdle {
  std::chrono::milliseconds after{0};  // without a request; 0: never
  std::function<bool()> busy;          // with something that outlives a request
};

class HttpServer {
 public:
  // Blocks the signals that serve() waits for, in this and all later threads and processes: one
  // that comes before it waits for serve(). First of all.
  static void block_signals();
  // Listens. Errors: invalid_argument for an address that is none or may not be; unavailable if it
  // is in use.
  static Result<std::unique_ptr<HttpServer>> start_listening(const HttpOptions& options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // http://127.0.0.1:8811/mcp, or unix:/run/remit.sock
  const std::string& url() const;
  HttpMetrics& metrics();
  // Returns the process's exit code. `on_reload`: on this thread, at SIGHUP; must not wait. Null:
  // that signal ends the server, as it does when the terminal went away.
  int serve(HttpSite& site, const std::function<void()>& on_reload = nullptr,
            const HttpIdle& idle = {});

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace remit::transport
