// HttpListener: cpp-httplib 0.11.4's accept loop, routing and response writer around an HttpSite,
// with the library's traps cured (docs/protocol.md has the table). The only file that includes it.
//
// A worker (server/front) listens at no address: what connects to it comes through a channel.
//
// Threads: listen_*() and serve() on one thread each; end() from any. One thread per connection,
// kHttpConnections at most.
#pragma once

#include <memory>
#include <string>

#include "server/transport/http_site.h"

namespace remit::transport {

class HttpListener {
 public:
  // `drain` becomes readable when the server ends.
  explicit HttpListener(int drain);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // False, with errno: it cannot be. Port 0: any.
  bool listen_at(const std::string& host, int port);
  bool listen_unix(const std::string& path);
  // Connections are descriptors that come over `channel` (transport/handing.h).
  void take_from(Fd channel);
  int socket() const;

  // Accepts until end(), then until the last connection is gone.
  void serve(HttpSite& site);
  void end();

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace remit::transport
