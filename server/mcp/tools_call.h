// tools/call: from the tool's name to the encoded result. Runs on a pool thread.
#pragma once

#include "server/mcp/client_call.h"
#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

// Checks `params` (unknown tool, wrong shape: -32602) and returns the tool, or the error.
std::variant<const tools::Tool*, RpcError> find_called_tool(const Catalogue& catalogue,
                                                            const Json& params);
// Runs `tool`, one of `offered`, and answers. When another offer takes its place the call is
// stopped. Never throws.
void call_tool(Parts& parts, std::shared_ptr<const Offered> offered, const CallLink& link,
               ReplyOnce& reply, const tools::Tool& tool, Json& params);

}  // namespace remit::mcp
