// The messages that the tests of Streamable HTTP send, in both eras, with their header fields.
#pragma once

#include <string>

#include "base/json.h"
#include "tests/wire/http_client.h"

namespace remit::wire_test {

inline constexpr const char* kModern =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{}})";

inline std::string request(const std::string& method, const std::string& params,
                           const std::string& id = "1") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
         "}}";
}
inline std::string modern(const std::string& method, const std::string& params = {}) {
  return request(method, params.empty() ? kModern : params + "," + kModern);
}
inline std::string fields(const std::string& method, const std::string& name = {}) {
  return "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " + method + "\r\n" +
         (name.empty() ? "" : "Mcp-Name: " + name + "\r\n");
}
inline std::string initialize(const std::string& version = "2025-11-25") {
  return request(
      "initialize",
      R"("protocolVersion":")" + version +
          R"(","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"})");
}
inline int code_of(const Answer& answer) {
  const auto body = parse_json(answer.body);
  if (!body || !body->is_object() || !body->contains("error")) return 0;
  return (*body)["error"]["code"].get<int>();
}

}  // namespace remit::wire_test
