// remit-conformance: the fixtures on stdio.   remit-conformance
#include "base/log.h"
#include "server/mcp/dispatcher.h"
#include "server/transport/stdio.h"
#include "tests/conformance/fixtures.h"

int main() {
  using namespace remit;
  auto pipe = transport::take_stdio();
  log::start(log::Level::warning);
  const auto trigger = std::make_shared<conformance::Trigger>();
  mcp::Server server(conformance::fixture_service(trigger));
  trigger->tools_changed = [] {};
  trigger->prompts_changed = [] {};
  return transport::serve_stdio(std::move(pipe), server);
}
