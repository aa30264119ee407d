// resources/subscribe, resources/unsubscribe and subscriptions/listen: from params to an entry of
// Subscriptions. On a pool thread, since a provider is asked what may be watched.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/mcp/exchange.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

void subscribe(Parts& parts, const Offer& offer, Subscriptions::Session& session, ReplyOnce& reply,
               const nlohmann::json& params);
void unsubscribe(Parts& parts, Subscriptions::Session& session, ReplyOnce& reply,
                 const nlohmann::json& params);
// `owner`: the connection, for Subscriptions::end().
void listen_for_changes(Parts& parts, const Offer& offer, const void* owner, ReplyOnce& reply,
                        const nlohmann::json& params);

}  // namespace remit::mcp
