// prompts/*, resources/* and completion/complete: from params to the text of the result. Run on a
// pool thread, since a provider may read documents.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/mcp/client_call.h"
#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

void list_prompts(Parts& parts, ReplyOnce& reply, const nlohmann::json& params);
void get_prompt(Parts& parts, const CallLink& link, ReplyOnce& reply, const nlohmann::json& params);
void list_resources(Parts& parts, ReplyOnce& reply, const nlohmann::json& params);
void list_resource_templates(Parts& parts, ReplyOnce& reply, const nlohmann::json& params);
void read_resource(Parts& parts, ReplyOnce& reply, const nlohmann::json& params);
void complete(Parts& parts, ReplyOnce& reply, const nlohmann::json& params);

}  // namespace remit::mcp
