// The server of toys over HTTP, for the tests of the transport.
//   http_fixture_server (--http HOST:PORT | --socket PATH) [--token TOKEN] [--behind-proxy]
//                       [--heartbeat MS] [--host NAME] [--origin ORIGIN] [--tasks]
// --tasks: `slow` becomes a task at once for a client that declares tasks.
// Prints its URL on stdout when it listens.
#include <cstdio>
#include <string>

#include "base/log.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/http_endpoint.h"
#include "server/transport/http_server.h"
#include "tests/wire/task_memory.h"
#include "tests/wire/toy_service.h"

int main(int argc, char** argv) {
  using namespace remit;
  log::start(log::Level::warning);
  mcp::Service service = wire_test::toy_service();
  transport::HttpOptions options;
  transport::EndpointOptions endpoint;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--behind-proxy") {
      options.behind_proxy = true;
      continue;
    }
    if (flag == "--tasks") {
      service.tasks = std::make_shared<wire_test::TaskMemory>();
      service.traits["slow"].task_after = std::chrono::milliseconds(1);
      continue;
    }
    const std::string value = ++i < argc ? argv[i] : "";
    if (flag == "--http") {
      options.address = value;
    } else if (flag == "--socket") {
      options.socket = value;
    } else if (flag == "--token") {
      endpoint.tokens = transport::Tokens::one(value);
    } else if (flag == "--heartbeat") {
      service.heartbeat = std::chrono::milliseconds(std::stoi(value));
    } else if (flag == "--host") {
      endpoint.names.hosts.push_back(value);
    } else if (flag == "--origin") {
      endpoint.names.origins.push_back(value);
    } else {
      std::fprintf(stderr, "unknown flag %s\n", flag.c_str());
      return 2;
    }
  }
  auto http = transport::HttpServer::start_listening(options);
  if (!http) {
    std::fprintf(stderr, "%s\n", http.error().message.c_str());
    return 3;
  }
  std::printf("%s\n", (*http)->url().c_str());
  std::fflush(stdout);
  mcp::Server server(std::move(service));
  transport::HttpEndpoint site(server, std::move(endpoint), (*http)->metrics());
  return (*http)->serve(site);
}
