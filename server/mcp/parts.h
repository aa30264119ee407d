// Parts: what all connections of one server share, made once by Server (dispatcher.h). The order of
// the members is the order of their ends: the pool and the tasks first, so that no handler outlives
// what it uses.
//
// Threads: every member is safe from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include "server/mcp/catalogue.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/pool.h"
#include "server/mcp/progress.h"
#include "server/mcp/questions.h"
#include "server/mcp/request_state.h"
#include "server/mcp/service.h"
#include "server/mcp/subscriptions.h"
#include "server/mcp/tasks.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

// An offer with all that is written of it once. `replaced` fires when another one takes its place:
// what still works for this one ends.
struct Offered {
  Offered(Offer given, const Settings& settings, const ResultWriter& writer)
      : offer(std::move(given)), catalogue(offer, settings, writer) {}

  const Offer offer;
  const Catalogue catalogue;
  mutable std::stop_source replaced;
};

class CurrentOffer {
 public:
  explicit CurrentOffer(std::shared_ptr<const Offered> first) : offered_(std::move(first)) {}
  // What is offered now; whoever works with it keeps it.
  std::shared_ptr<const Offered> get() const {
    const std::lock_guard lock(mutex_);
    return offered_;
  }
  // Gives back what was offered before.
  std::shared_ptr<const Offered> replace(std::shared_ptr<const Offered> next) {
    const std::lock_guard lock(mutex_);
    return std::exchange(offered_, std::move(next));
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Offered> offered_;
};

struct Parts {
  explicit Parts(Service given)
      : service(static_cast<Settings&>(given)),
        writer(service),
        offered(std::make_shared<const Offered>(std::move(static_cast<Offer&>(given)), service,
                                                writer)),
        seal(service),
        heartbeat(service.heartbeat),
        tasks(service, writer, subscriptions),
        pool(limits::kToolThreads) {}

  const Settings service;
  const ResultWriter writer;
  CurrentOffer offered;
  const StateSeal seal;
  HeldBytes held_bytes;
  QuestionTurn questions;
  Subscriptions subscriptions;
  Heartbeat heartbeat;
  Tasks tasks;
  Pool pool;
};

}  // namespace remit::mcp
