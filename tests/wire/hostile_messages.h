// The messages that the tests of hostile clients send, and the answers that they expect, as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/wire/http_client.h"
#include "tests/wire/http_server_path.h"
#include "tests/wire/stdio_server.h"

namespace remit::wire_test {

inline std::string call(const std::string& id, const std::string& tool,
                        const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "}}";
}
inline std::string modern_call(const std::string& id, const std::string& tool,
                               const std::string& arguments) {
  std::string text = call(id, tool, arguments);
  text.insert(text.size() - 2,
              R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
              R"("io.modelcontextprotocol/clientCapabilities":{}})");
  return text;
}
inline std::string fields(const std::string& tool) {
  return "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + tool + "\r\n";
}
inline std::string cancelled(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
         "}}";
}
inline std::string refusal(int code, const std::string& message, const std::string& id = {}) {
  std::string text = R"({"jsonrpc":"2.0",)";
  if (!id.empty()) text += "\"id\":" + id + ",";
  text += R"("error":{"code":)" + std::to_string(code) + R"(,"message":)";
  append_json_string(text, message);
  return text + "}}";
}
inline std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}
inline std::vector<std::string> http_command() {
  return {server_path(), "--http", "127.0.0.1:0"};
}
inline std::string open_session(HttpClient& client) {
  client.send(post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"));
  return "Mcp-Session-Id: " + client.read().field("mcp-session-id") + "\r\n";
}
inline void check_memory(const HttpProcess& server) {
  if (const auto peak = server.peak_rss_mib()) CHECK(*peak < kPeakMib);
}

}  // namespace remit::wire_test
