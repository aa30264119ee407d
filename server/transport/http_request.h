// What is asked of a request before its body is read: the first steps of the ladder of
// docs/protocol.md, in its order. Every check gives the Refusal to answer or nothing.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/mcp/header_claims.h"
#include "server/transport/http_head.h"

namespace remit::transport {

// Names besides localhost, 127.0.0.1 and [::1] that a request may be for (site.yaml, http).
struct HttpNames {
  std::vector<std::string> hosts;    // "remit.example.org", any port
  std::vector<std::string> origins;  // "https://tools.example.org"
};

enum class Route { mcp, healthz, readyz, metrics };

// Host and Origin against the lists: 403. Against DNS rebinding, so for every method and path. A
// request without Origin is fine: only browsers send one.
std::optional<Refusal> judge_names(const Head& head, const HttpNames& names);
// 404 for any path but those of Route.
std::variant<Route, Refusal> find_route(const Head& head);
Refusal unauthorized();
// MCP-Protocol-Version says 2026-07-28.
bool names_modern(const Head& head);
// 405 for anything but POST, GET and DELETE at /mcp, and but GET elsewhere.
std::optional<Refusal> judge_method(const Head& head, Route route);
// The rest that a POST's head can be refused for: 415 for its type or any Content-Encoding, 411
// without a length, 413, 406 if it accepts neither JSON nor events.
std::optional<Refusal> judge_post(const Head& head);

// Which answers the client takes. No Accept at all takes both.
struct Accepts {
  bool json = true;
  bool events = true;
};
Accepts accepts(const Head& head);

mcp::HeaderClaims header_claims(const Head& head);

// The JSON-RPC error that goes with it.
std::string refusal_body(const Refusal& refusal);
const char* reason_phrase(int status);

}  // namespace remit::transport
