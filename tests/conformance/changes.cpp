// Tools that say that something has changed, for those who subscribed.
#include "server/mcp/dispatcher.h"
#include "tests/conformance/fixtures.h"

namespace remit::conformance {
namespace {

using mcp::Server;

// The server that serves the fixtures, for their tools.
class Changes final : public mcp::ChangeSource {
 public:
  void attach(Server& server) override { server_ = &server; }
  void stop() override {}  // calls end before their server does
  Server& server() { return *server_; }

 private:
  Server* server_ = nullptr;
};

}  // namespace

void add_change_tools(mcp::Service& service) {
  const auto changes = std::make_shared<Changes>();
  service.changes = changes;
  const auto add = [&](const char* name, const char* description, void (*tell)(Server& server)) {
    add_tool(service, name, description, kNoArguments,
             [changes, tell](const nlohmann::json&, tools::Call&,
                             mcp::ClientLink&) -> Result<tools::Reply> {
               tell(changes->server());
               return say("told");
             });
  };
  add("test_trigger_tool_change", "Says that the tools have changed",
      [](Server& server) { server.list_changed(Server::List::tools); });
  add("test_trigger_prompt_change", "Says that the prompts have changed",
      [](Server& server) { server.list_changed(Server::List::prompts); });
  add("test_trigger_resource_update", "Says that the watched resource has changed",
      [](Server& server) { server.resource_updated("test://watched-resource"); });
}

}  // namespace remit::conformance
