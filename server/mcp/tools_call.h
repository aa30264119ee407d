// tools/call: from the tool's name to the encoded result. Runs on a pool thread.
#pragma once

#include "server/mcp/client_call.h"
#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

// Checks `params` (unknown tool, wrong shape: -32602) and returns the tool, or the error.
std::variant<const tools::Tool*, RpcError> find_called_tool(const Catalogue& catalogue,
                                                            const Json& params);
// Runs `tool` and answers. Never throws.
void call_tool(Parts& parts, const CallLink& link, ReplyOnce& reply, const tools::Tool& tool,
               Json& params);

}  // namespace remit::mcp
