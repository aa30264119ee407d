// Tools that ask their client: by a request of the server in the initialize eras, by input_required
// in 2026-07-28.
#include "base/json.h"
#include "tests/conformance/fixtures.h"

namespace remit::conformance {
namespace {

using mcp::ClientQuestion;
using Seal = mcp::ClientLink::Seal;

constexpr const char* kNameForm =
    R"json({"message":"What is your name?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}})json";
constexpr const char* kOkForm =
    R"json({"message":"Please confirm","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}})json";

constexpr const char* kDefaultsForm = R"json({
  "message": "Please review the defaults",
  "requestedSchema": {
    "type": "object",
    "properties": {
      "name": {"type": "string", "description": "User name", "default": "John Doe"},
      "age": {"type": "integer", "description": "User age", "default": 30},
      "score": {"type": "number", "description": "User score", "default": 95.5},
      "status": {"type": "string", "description": "User status",
                 "enum": ["active", "inactive", "pending"], "default": "active"},
      "verified": {"type": "boolean", "description": "Verification status", "default": true}
    },
    "required": []
  }
})json";

constexpr const char* kEnumsForm = R"json({
  "message": "Please choose",
  "requestedSchema": {
    "type": "object",
    "properties": {
      "untitledSingle": {"type": "string", "description": "One option",
                         "enum": ["option1", "option2", "option3"]},
      "titledSingle": {"type": "string", "description": "One option with titles",
                       "oneOf": [{"const": "value1", "title": "First Option"},
                                 {"const": "value2", "title": "Second Option"},
                                 {"const": "value3", "title": "Third Option"}]},
      "legacyEnum": {"type": "string", "description": "One option, the old way",
                     "enum": ["opt1", "opt2", "opt3"],
                     "enumNames": ["Option One", "Option Two", "Option Three"]},
      "untitledMulti": {"type": "array", "description": "Several options", "minItems": 1,
                        "maxItems": 3,
                        "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
      "titledMulti": {"type": "array", "description": "Several options with titles", "minItems": 1,
                      "maxItems": 3,
                      "items": {"anyOf": [{"const": "value1", "title": "First Choice"},
                                          {"const": "value2", "title": "Second Choice"},
                                          {"const": "value3", "title": "Third Choice"}]}}
    },
    "required": []
  }
})json";

std::string compact(const char* text) {
  return dump(OrderedJson::parse(text));
}

ClientQuestion form(const char* key, const char* params) {
  return {key, "elicitation/create", compact(params)};
}
ClientQuestion sampling(const char* key, const std::string& prompt, int tokens) {
  const Json params = {
      {"messages",
       Json::array({{{"role", "user"}, {"content", {{"type", "text"}, {"text", prompt}}}}})},
      {"maxTokens", tokens}};
  return {key, "sampling/createMessage", dump(params)};
}
ClientQuestion roots(const char* key) {
  return {key, "roots/list", "{}"};
}

std::string text_of(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_string() ? at->get<std::string>()
                                                                     : std::string();
}
// The field of an accepted form, or "".
std::string field(const Json& answer, const char* name) {
  return answer.contains("content") ? text_of(answer["content"], name) : std::string();
}
std::string said(const Json& answer) {
  const Json& content = answer["content"];
  return content.is_array() && !content.empty() ? text_of(content.front(), "text")
                                                : text_of(content, "text");
}
std::string first_root(const Json& answer) {
  const Json& list = answer["roots"];
  return list.empty() ? "none" : text_of(list.front(), "uri");
}
std::string action_and_content(const Json& answer) {
  const Json content = answer.contains("content") ? answer["content"] : Json::object();
  return "action=" + text_of(answer, "action") + ", content=" + dump(content);
}

using Build = std::function<std::vector<ClientQuestion>(const Json& arguments)>;
using Tell = std::function<std::string(const mcp::ClientAnswers& answers)>;

// A tool of one round.
mcp::ToolTraits& add_asking(mcp::Service& service, const char* name, const char* schema, Seal seal,
                            Build build, Tell tell) {
  return add_tool(
      service, name, "Asks its client", schema,
      [seal, build = std::move(build), tell = std::move(tell)](
          const Json& arguments, tools::Call&, mcp::ClientLink& client) -> Result<tools::Reply> {
        TRY(const mcp::ClientAnswers answers, client.ask(build(arguments), seal));
        return say(tell(answers));
      });
}

Result<tools::Reply> multi_round(mcp::ClientLink& client) {
  const ClientQuestion step1 = form(
      "step1",
      R"json({"message":"Step 1: What is your name?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}})json");
  const ClientQuestion step2 = form(
      "step2",
      R"json({"message":"Step 2: What is your favorite color?","requestedSchema":{"type":"object","properties":{"color":{"type":"string"}},"required":["color"]}})json");
  TRY(const mcp::ClientAnswers first, client.ask({step1}, Seal::sealed));
  TRY(const mcp::ClientAnswers second, client.ask({step2}, Seal::sealed));
  return say("Hello, " + field(first.at("step1"), "name") + ", who likes " +
             field(second.at("step2"), "color"));
}

// Asks for what the client declared, and no more.
Result<tools::Reply> by_capabilities(mcp::ClientLink& client) {
  std::vector<ClientQuestion> questions;
  if (client.features().form) questions.push_back(form("user_name", kNameForm));
  if (client.features().sampling)
    questions.push_back(sampling("capital_question", "What is the capital of France?", 100));
  if (client.features().roots) questions.push_back(roots("client_roots"));
  if (questions.empty()) return say("nothing to ask of this client");
  TRY(const mcp::ClientAnswers answers, client.ask(questions, Seal::open));
  return say("answers: " + std::to_string(answers.size()));
}

void add_legacy(mcp::Service& service) {
  add_asking(
      service, "test_sampling",
      R"({"type":"object","properties":{"prompt":{"type":"string"}},"required":["prompt"]})",
      Seal::open,
      [](const Json& arguments) -> std::vector<ClientQuestion> {
        return {sampling("answer", text_of(arguments, "prompt"), 100)};
      },
      [](const auto& answers) { return "LLM response: " + said(answers.at("answer")); });
  add_asking(
      service, "test_elicitation",
      R"({"type":"object","properties":{"message":{"type":"string"}},"required":["message"]})",
      Seal::open,
      [](const Json& arguments) -> std::vector<ClientQuestion> {
        Json params = Json::parse(
            R"json({"requestedSchema":{"type":"object","properties":{"username":{"type":"string","description":"User's name"},"email":{"type":"string","description":"User's email address"}},"required":["username","email"]}})json");
        params["message"] = text_of(arguments, "message");
        return {{"user", "elicitation/create", dump(params)}};
      },
      [](const auto& answers) {
        return "User response: " + action_and_content(answers.at("user"));
      });
  const auto form_tool = [&](const char* name, const char* params) {
    add_asking(
        service, name, kNoArguments, Seal::open,
        [params](const Json&) -> std::vector<ClientQuestion> { return {form("form", params)}; },
        [](const auto& answers) {
          return "Elicitation completed: " + action_and_content(answers.at("form"));
        });
  };
  form_tool("test_elicitation_sep1034_defaults", kDefaultsForm);
  form_tool("test_elicitation_sep1330_enums", kEnumsForm);
  add_tool(service, "test_streaming_elicitation", "Asks nobody and answers", kNoArguments,
           [](const Json&, tools::Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("no request of the server on this stream");
           });
}

void add_input_required(mcp::Service& service) {
  add_asking(
      service, "test_input_required_result_elicitation", kNoArguments, Seal::open,
      [](const Json&) -> std::vector<ClientQuestion> { return {form("user_name", kNameForm)}; },
      [](const auto& answers) { return "Hello, " + field(answers.at("user_name"), "name") + "!"; });
  add_asking(
      service, "test_input_required_result_sampling", kNoArguments, Seal::open,
      [](const Json&) -> std::vector<ClientQuestion> {
        return {sampling("capital_question", "What is the capital of France?", 100)};
      },
      [](const auto& answers) { return "Answer: " + said(answers.at("capital_question")); });
  add_asking(
      service, "test_input_required_result_list_roots", kNoArguments, Seal::open,
      [](const Json&) -> std::vector<ClientQuestion> { return {roots("client_roots")}; },
      [](const auto& answers) { return "First root: " + first_root(answers.at("client_roots")); });
  for (const char* name :
       {"test_input_required_result_request_state", "test_input_required_result_tampered_state"})
    add_asking(
        service, name, kNoArguments, Seal::sealed,
        [](const Json&) -> std::vector<ClientQuestion> { return {form("confirm", kOkForm)}; },
        [](const auto&) { return "state-ok"; });
  add_asking(
      service, "test_input_required_result_multiple_inputs", kNoArguments, Seal::sealed,
      [](const Json&) -> std::vector<ClientQuestion> {
        return {form("user_name", kNameForm), sampling("greeting", "Generate a greeting", 50),
                roots("client_roots")};
      },
      [](const auto& answers) {
        return said(answers.at("greeting")) + " " + field(answers.at("user_name"), "name") +
               ", from " + first_root(answers.at("client_roots"));
      });
  add_tool(service, "test_input_required_result_multi_round", "Asks twice", kNoArguments,
           [](const Json&, tools::Call&, mcp::ClientLink& client) { return multi_round(client); });
  add_tool(
      service, "test_input_required_result_capabilities", "Asks what the client can", kNoArguments,
      [](const Json&, tools::Call&, mcp::ClientLink& client) { return by_capabilities(client); });
}

}  // namespace

void add_question_tools(mcp::Service& service) {
  add_legacy(service);
  add_input_required(service);
  add_tool(service, "test_missing_capability", "Needs a client with sampling", kNoArguments,
           [](const Json&, tools::Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("this client has sampling");
           })
      .needs.sampling = true;
}

}  // namespace remit::conformance
