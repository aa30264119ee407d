// Tools that run as tasks for a client that declares the extension, and while it waits otherwise.
#include <stdexcept>

#include "base/json.h"
#include "base/limits.h"
#include "tests/conformance/fixtures.h"
#include "tests/wire/task_memory.h"

namespace remit::conformance {
namespace {

using mcp::ClientQuestion;
using Seal = mcp::ClientLink::Seal;
using namespace std::chrono_literals;

constexpr const char* kNameForm =
    R"json({"message":"What is your name?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}})json";

Result<tools::Reply> slow_compute(const Json& arguments, tools::Call& call,
                                  mcp::ClientLink& client) {
  const auto given = arguments.find("seconds");
  const double seconds =
      given != arguments.end() && given->is_number() ? given->get<double>() : 0.0;
  if (seconds > 0) {
    client.become_task();
    if (!pause(std::chrono::milliseconds(static_cast<int>(seconds * 1000)), call.stop))
      return fail(ErrorKind::cancelled, "cancelled");
  }
  return say("computed " + arguments.value("label", std::string("nothing")));
}

Result<tools::Reply> confirm_delete(const Json& arguments, mcp::ClientLink& client) {
  client.become_task();
  Json params = Json::parse(
      R"json({"requestedSchema":{"type":"object","properties":{"confirm":{"type":"boolean"}},"required":["confirm"]}})json");
  const std::string file = arguments.value("filename", std::string("a file"));
  params["message"] = "Delete " + file + "?";
  TRY(const mcp::ClientAnswers answers,
      client.ask({{"confirm", "elicitation/create", dump(params)}}, Seal::sealed));
  const Json& answer = answers.at("confirm");
  const bool yes = answer["action"] == "accept" && answer.contains("content") &&
                   answer["content"].value("confirm", false);
  return say((yes ? "deleted " : "kept ") + file);
}

Result<tools::Reply> multi_input(mcp::ClientLink& client) {
  client.become_task();
  const std::string who = dump(OrderedJson::parse(kNameForm));
  const std::string sure =
      R"json({"message":"Are you sure?","requestedSchema":{"type":"object","properties":{"confirm":{"type":"boolean"}},"required":["confirm"]}})json";
  TRY(const mcp::ClientAnswers answers,
      client.ask({{"name", "elicitation/create", who}, {"confirm", "elicitation/create", sure}},
                 Seal::sealed));
  return say("both answered: " + std::to_string(answers.size()));
}

// The question comes before the task, the answer in its result.
Result<tools::Reply> asked_then_task(tools::Call& call, mcp::ClientLink& client) {
  TRY(const mcp::ClientAnswers answers,
      client.ask({{"user_name", "elicitation/create", dump(OrderedJson::parse(kNameForm))}},
                 Seal::sealed));
  client.become_task();
  if (!pause(200ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
  const Json& answer = answers.at("user_name");
  const std::string name =
      answer.contains("content") ? answer["content"].value("name", std::string()) : std::string();
  return say("Hello, " + name + "!");
}

}  // namespace

void add_task_tools(mcp::Service& service) {
  using tools::Call;
  service.tasks = std::make_shared<wire_test::TaskMemory>();
  add_tool(
      service, "slow_compute", "Waits",
      R"({"type":"object","properties":{"seconds":{"type":"number"},"label":{"type":"string"}}})",
      slow_compute);
  add_tool(service, "failing_job", "Fails after a second", kNoArguments,
           [](const Json&, Call& call, mcp::ClientLink& client) -> Result<tools::Reply> {
             client.become_task();
             if (!pause(1s, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
             tools::Reply reply = say("the job failed, as it always does");
             reply.failed = true;
             return reply;
           });
  add_tool(service, "protocol_error_job", "Breaks", kNoArguments,
           [](const Json&, Call& call, mcp::ClientLink& client) -> Result<tools::Reply> {
             client.become_task();
             if (!pause(200ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
             throw std::runtime_error("broken on purpose");
           });
  add_tool(service, "confirm_delete", "Asks while it runs",
           R"({"type":"object","properties":{"filename":{"type":"string"}}})",
           [](const Json& arguments, Call&, mcp::ClientLink& client) {
             return confirm_delete(arguments, client);
           });
  add_tool(service, "multi_input", "Asks two things at once", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink& client) { return multi_input(client); });
  add_tool(service, "test_tool_with_task", "Asks, then becomes a task", kNoArguments,
           [](const Json&, Call& call, mcp::ClientLink& client) {
             return asked_then_task(call, client);
           });
  for (const char* name : {"slow_compute", "failing_job", "protocol_error_job", "confirm_delete",
                           "multi_input", "test_tool_with_task"})
    service.traits[name].task_after = limits::kTaskAfter;
  for (const char* name : {"failing_job", "test_tool_with_task"})
    service.traits[name].needs.tasks = true;
}

}  // namespace remit::conformance
