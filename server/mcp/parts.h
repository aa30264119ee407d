// Parts: what all connections of one server share, made once by Server (dispatcher.h). The order of
// the members is the order of their ends: the pool and the tasks first, so that no handler outlives
// what it uses.
//
// Threads: every member is safe from any thread.
#pragma once

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

struct Parts {
  explicit Parts(Service given)
      : service(std::move(given)),
        writer(service),
        catalogue(service, writer),
        seal(service),
        heartbeat(service.heartbeat),
        tasks(service, writer, subscriptions),
        pool(limits::kToolThreads) {}

  const Service service;
  const ResultWriter writer;
  const Catalogue catalogue;
  const StateSeal seal;
  HeldBytes held_bytes;
  QuestionTurn questions;
  Subscriptions subscriptions;
  Heartbeat heartbeat;
  Tasks tasks;
  Pool pool;
};

}  // namespace remit::mcp
