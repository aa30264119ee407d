// Live updates: one stream of server-sent events for each open page, of what waits for a person
// ("waiting") and what the ledger gained ("rows"). The texts in it are shown as text, and were made
// visible like those of a page. Other processes write the ledger without a word, so it is looked at
// every kConsoleLook while somebody watches.
//
// Threads: a stream runs on the thread of its connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "server/console/page.h"
#include "server/transport/http_site.h"

namespace remit::console {

// `after`: the last record that the page has; nullopt: it wants what comes from now on.
// Ends with the session ("ended" is its last event), the peer or the server. `slot` is held until
// then. The turn's wire and wake must outlive it.
std::shared_ptr<transport::HttpStreaming> live_updates(Desk& desk, std::shared_ptr<Session> session,
                                                       const transport::HttpTurn& turn,
                                                       std::optional<std::int64_t> after,
                                                       std::shared_ptr<void> slot);

}  // namespace remit::console
