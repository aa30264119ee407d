// The fixtures of the official conformance suite (docs/protocol.md): tools, prompts and resources
// whose names, texts and schemas the suite prescribes, served by the product's own protocol layer.
// Nothing of the product is in here, and nothing of this is in the product.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/mcp/service.h"

namespace remit::conformance {

mcp::Service fixture_service();

// Parts of it, one per file.
void add_content_tools(mcp::Service& service);
void add_change_tools(mcp::Service& service);
void add_question_tools(mcp::Service& service);
void add_task_tools(mcp::Service& service);
std::shared_ptr<mcp::ResourceProvider> fixture_resources();
std::shared_ptr<mcp::PromptProvider> fixture_prompts();

// A picture of one pixel and 8 samples of silence.
std::string tiny_png();
std::string tiny_wav();

// --- for the fixture files ---
using Run = std::function<Result<tools::Reply>(const nlohmann::json& arguments, tools::Call& call,
                                               mcp::ClientLink& client)>;
// Adds a tool with this input schema (JSON text).
mcp::ToolTraits& add_tool(mcp::Service& service, const char* name, const char* description,
                          const char* schema, Run run);
tools::Reply say(std::string text);
// False if the call was stopped meanwhile.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);
inline constexpr const char* kNoArguments = R"({"type":"object","properties":{}})";

}  // namespace remit::conformance
