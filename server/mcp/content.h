// prompts/*, resources/* and completion/complete: from params to the text of the result. Run on a
// pool thread, since a provider may read documents.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/mcp/client_call.h"
#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

void list_prompts(Parts& parts, const Offer& offer, ReplyOnce& reply, const nlohmann::json& params);
void get_prompt(Parts& parts, const Offer& offer, const CallLink& link, ReplyOnce& reply,
                const nlohmann::json& params);
void list_resources(Parts& parts, const Offer& offer, ReplyOnce& reply,
                    const nlohmann::json& params);
void list_resource_templates(Parts& parts, const Offer& offer, ReplyOnce& reply,
                             const nlohmann::json& params);
void read_resource(Parts& parts, const Offer& offer, ReplyOnce& reply,
                   const nlohmann::json& params);
void complete(Parts& parts, const Offer& offer, ReplyOnce& reply, const nlohmann::json& params);

}  // namespace remit::mcp
