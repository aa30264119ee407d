// Tools that answer by themselves: text, media, resources, errors, progress, logs, schemas.
#include "base/json.h"
#include "tests/conformance/fixtures.h"

namespace remit::conformance {
namespace {

using Kind = tools::Content::Kind;
using namespace std::chrono_literals;

constexpr const char* kConditionalSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "addressDef",
      "type": "object",
      "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
    }
  },
  "properties": {
    "name": {"type": "string"},
    "address": {"$ref": "#/$defs/address"},
    "contactMethod": {"type": "string", "enum": ["phone", "email"]},
    "phone": {"type": "string"},
    "email": {"type": "string"}
  },
  "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
  "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
  "then": {"required": ["phone"]},
  "else": {"required": ["email"]},
  "additionalProperties": false
})json";

constexpr const char* kHeaderSchema = R"json({
  "type": "object",
  "properties": {
    "region": {"type": "string", "description": "where", "x-mcp-header": "Region"},
    "level": {"type": "integer", "description": "how much", "x-mcp-header": "Level"}
  }
})json";

Result<tools::Reply> mixed() {
  tools::Reply reply;
  reply.contents = {{.kind = Kind::text, .body = "Multiple content types test:"},
                    {.kind = Kind::image, .body = tiny_png(), .media_type = "image/png"},
                    {.kind = Kind::resource,
                     .body = R"({"test":"data","value":123})",
                     .media_type = "application/json",
                     .uri = "test://mixed-content-resource"}};
  return reply;
}

Result<tools::Reply> one(tools::Content content) {
  tools::Reply reply;
  reply.contents.push_back(std::move(content));
  return reply;
}

Result<tools::Reply> with_progress(tools::Call& call) {
  for (const int step : {0, 50, 100}) {
    if (step != 0 && !pause(50ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
    call.progress.report(step, 100, "step " + std::to_string(step));
  }
  return say("progress reported");
}

Result<tools::Reply> with_logs(tools::Call& call, mcp::ClientLink& client) {
  client.log(mcp::LogLevel::info, "Tool execution started");
  if (!pause(50ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
  client.log(mcp::LogLevel::info, "Tool processing data");
  if (!pause(50ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
  client.log(mcp::LogLevel::info, "Tool execution completed");
  return say("Tool with logging executed successfully");
}

std::string text_of(const Json& arguments, const char* name) {
  const auto at = arguments.find(name);
  return at != arguments.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

void add_content_tools(mcp::Service& service) {
  using tools::Call;
  add_tool(service, "test_simple_text", "Answers with a text", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("This is a simple text response for testing.");
           });
  add_tool(service, "test_image_content", "Answers with a picture", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) {
             return one({.kind = Kind::image, .body = tiny_png(), .media_type = "image/png"});
           });
  add_tool(service, "test_audio_content", "Answers with a sound", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) {
             return one({.kind = Kind::audio, .body = tiny_wav(), .media_type = "audio/wav"});
           });
  add_tool(service, "test_embedded_resource", "Answers with a resource", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) {
             return one({.kind = Kind::resource,
                         .body = "This is an embedded resource content.",
                         .media_type = "text/plain",
                         .uri = "test://embedded-resource"});
           });
  add_tool(service, "test_resource_link", "Answers with a link to a resource", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) {
             return one({.kind = Kind::link,
                         .body = {},
                         .media_type = "text/plain",
                         .uri = "test://static-text",
                         .name = "static-text"});
           });
  add_tool(service, "test_multiple_content_types", "Answers with text, picture and resource",
           kNoArguments, [](const Json&, Call&, mcp::ClientLink&) { return mixed(); });
  add_tool(service, "test_error_handling", "Always fails", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             tools::Reply reply = say("This tool intentionally returns an error for testing");
             reply.failed = true;
             return reply;
           });
  add_tool(service, "test_tool_with_progress", "Reports progress", kNoArguments,
           [](const Json&, Call& call, mcp::ClientLink&) { return with_progress(call); });
  add_tool(
      service, "test_tool_with_logging", "Logs while it runs", kNoArguments,
      [](const Json&, Call& call, mcp::ClientLink& client) { return with_logs(call, client); });
  add_tool(service, "test_reconnection", "Ends the stream of its call, then answers", kNoArguments,
           [](const Json&, Call& call, mcp::ClientLink& client) -> Result<tools::Reply> {
             client.release_stream();
             if (!pause(100ms, call.stop)) return fail(ErrorKind::cancelled, "cancelled");
             return say("Reconnection test completed: this answer came on another stream.");
           });
  add_tool(service, "test_logging_tool", "Logs once", kNoArguments,
           [](const Json&, Call&, mcp::ClientLink& client) -> Result<tools::Reply> {
             client.log(mcp::LogLevel::info, "test_logging_tool was called");
             return say("logged");
           });
  add_tool(service, "json_schema_2020_12_tool", "Has a schema with every keyword",
           kConditionalSchema,
           [](const Json& arguments, Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("called with " + dump(arguments));
           });
  add_tool(service, "test_x_mcp_header", "Mirrors arguments in headers", kHeaderSchema,
           [](const Json& arguments, Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("called with " + dump(arguments));
           });
  add_tool(service, "greet", "Greets, never as a task",
           R"({"type":"object","properties":{"name":{"type":"string"}}})",
           [](const Json& arguments, Call&, mcp::ClientLink&) -> Result<tools::Reply> {
             return say("Hello, " + text_of(arguments, "name") + "!");
           });
}

}  // namespace remit::conformance
