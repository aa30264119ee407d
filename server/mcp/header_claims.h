// HeaderClaims: what the HTTP header fields of a 2026-07-28 request say of its body. A proxy routes
// and filters by them, so a field that says something else than the body is refused (-32020); the
// text names the field, what was received and what the body says, because proxies that lose a field
// are the usual cause.
//
// Fields: MCP-Protocol-Version, Mcp-Method, Mcp-Name, and Mcp-Param-{Name} for every property of a
// tool's input schema that carries "x-mcp-header": "{Name}". A value may be written =?base64?...?=.
// Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/mcp/wire.h"
#include "tools/tool.h"

namespace remit::mcp {

// Values without surrounding blanks; nullopt: the field is absent.
struct HeaderClaims {
  std::optional<std::string> version, method, name;
  std::vector<std::pair<std::string, std::string>> params;  // {Name} in lower case, value
  std::string duplicate;                                    // a field that stands twice, or ""
};

// The text a value stands for. A value that does not begin with =?base64? or does not end with ?=
// is literal. nullopt: the part between is no base64 with its padding, or no UTF-8.
std::optional<std::string> decode_field(std::string_view value);

// Each: the error to answer, or nullopt. The first is asked with any request and speaks up only if
// `params` claim a version.
std::optional<RpcError> version_mismatch(const HeaderClaims& claims, const nlohmann::json& params);
std::optional<RpcError> routing_mismatch(const HeaderClaims& claims, std::string_view method,
                                         const nlohmann::json& params);
std::optional<RpcError> argument_mismatch(const HeaderClaims& claims, const tools::Tool& tool,
                                          const nlohmann::json& params);

}  // namespace remit::mcp
