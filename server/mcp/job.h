// Job: one request on its way to its answer: judged by the reading thread, done by whoever takes it
// (Connection::run, or the pool). Dropped undone, it answers with an internal error.
//
// Threads: made by the thread that reads, then run() by one other or the same, once.
#pragma once

#include <memory>
#include <utility>

#include "server/mcp/exchange.h"
#include "server/mcp/messages.h"
#include "server/mcp/methods.h"
#include "server/mcp/parts.h"

namespace remit::mcp {

// Counts a handler at work.
struct AtWork {
  explicit AtWork(InFlight& table) : in_flight(table) { in_flight.work_started(); }
  ~AtWork() { in_flight.work_ended(); }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
  InFlight& in_flight;
};

struct Job {
  AtWork at_work;  // first, so that it ends after `reply`, which may still answer
  Parts& parts;
  PendingAnswers& pending;
  bool client_ready;
  std::shared_ptr<Subscriptions::Session> session;
  std::shared_ptr<const Offered> offered;  // what was offered when it was read
  Method method;
  const tools::Tool* tool;  // of that offer
  ReplyOnce reply;
  Json params;

  Job(Parts& p, PendingAnswers& a, InFlight& f, bool ready,
      std::shared_ptr<Subscriptions::Session> s, std::shared_ptr<const Offered> o, Method m,
      const tools::Tool* t, ReplyOnce r, Json values)
      : at_work(f),
        parts(p),
        pending(a),
        client_ready(ready),
        session(std::move(s)),
        offered(std::move(o)),
        method(m),
        tool(t),
        reply(std::move(r)),
        params(std::move(values)) {}

  void run();
};

}  // namespace remit::mcp
