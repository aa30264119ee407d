// The service of the fixtures as a whole, and what its files share.
#include <condition_variable>
#include <mutex>

#include "base/crypto.h"
#include "base/json.h"
#include "tests/conformance/fixtures.h"
#include "tests/wire/no_hands.h"

namespace remit::conformance {
tools::Reply say(std::string text) {
  return {std::move(text), nullptr, std::nullopt};
}

bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock held(mutex);
  changed.wait_for(held, stop, time, [] { return false; });
  return !stop.stop_requested();
}

mcp::ToolTraits& add_tool(mcp::Service& service, const char* name, const char* description,
                          const char* schema, Run run) {
  tools::Tool tool;
  tool.name = name;
  tool.description = description;
  tool.input_schema = LazySchema([schema] { return OrderedJson::parse(schema); });
  tool.annotations.read_only = true;
  tool.output = tools::Output::text_first;
  service.tools.push_back(std::move(tool));
  mcp::ToolTraits& traits = service.traits[name];
  traits.run = std::move(run);
  return traits;
}

mcp::Service fixture_service() {
  mcp::Service service;
  service.name = "remit-conformance";
  service.version = "1.0.0";
  service.instructions = "Fixtures of the conformance suite.";
  add_content_tools(service);
  add_change_tools(service);
  add_question_tools(service);
  add_task_tools(service);
  service.resources = fixture_resources();
  service.prompts = fixture_prompts();
  service.complete = [](const mcp::CompletionQuery& query) -> Result<std::vector<std::string>> {
    if (query.prompt == "test_prompt_with_arguments" && query.argument == "arg1")
      return std::vector<std::string>{"hello", "help"};
    return std::vector<std::string>{};
  };
  service.announces = {.tools = true, .prompts = true, .resources = true, .resource_updates = true};
  service.access = []() -> policy::Access& { return wire_test::no_hands(); };
  service.principal = "conformance";
  service.request_state_keys = {random_bytes(32)};
  const auto nonces = std::make_shared<wire_test::Nonces>();
  service.consume_nonce = [nonces](const std::string& nonce, std::int64_t) -> Result<bool> {
    return nonces->first_use(nonce);
  };
  return service;
}

}  // namespace remit::conformance
