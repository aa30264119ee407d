// remit-conformance: the fixtures on stdio, or over HTTP without a token.
//   remit-conformance [--http 127.0.0.1:PORT]
// Over HTTP it prints its URL on stderr when it listens.
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/http_endpoint.h"
#include "server/transport/http_server.h"
#include "server/transport/stdio.h"
#include "tests/conformance/fixtures.h"

namespace {

int serve_http(const char* address) {
  using namespace remit;
  transport::HttpOptions options;
  options.address = address;
  auto http = transport::HttpServer::start_listening(options);
  if (!http) {
    std::fprintf(stderr, "%s\n", http.error().message.c_str());
    return 3;
  }
  std::fprintf(stderr, "%s\n", (*http)->url().c_str());
  mcp::Server server(conformance::fixture_service());
  transport::HttpEndpoint site(server, {}, (*http)->metrics());
  return (*http)->serve(site);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace remit;
  if (argc == 3 && std::strcmp(argv[1], "--http") == 0) {
    log::start(log::Level::warning);
    return serve_http(argv[2]);
  }
  auto pipe = transport::take_stdio();
  log::start(log::Level::warning);
  if (argc != 1) {
    std::fprintf(stderr, "usage: remit-conformance [--http 127.0.0.1:PORT]\n");
    return 2;
  }
  mcp::Server server(conformance::fixture_service());
  return transport::serve_stdio(std::move(pipe), server);
}
