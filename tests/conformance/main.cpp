// remit-conformance: the fixtures on stdio.   remit-conformance
#include "base/log.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/stdio.h"
#include "tests/conformance/fixtures.h"

int main() {
  using namespace remit;
  auto pipe = transport::take_stdio();
  log::start(log::Level::warning);
  mcp::Server server(conformance::fixture_service());
  return transport::serve_stdio(std::move(pipe), server);
}
