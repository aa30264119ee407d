// Subscriptions: who is told what has changed. Two forms:
// * 2026-07-28: a subscriptions/listen request that stays open; every notification carries its id.
//   The first one acknowledges what of the filter is honoured; nothing outside the filter follows.
// * Initialize eras: a session is told of every list that changes, and of the resources that it
//   subscribed to.
//
// Threads: safe from any thread. A listener's gate orders what it is told; the registry's lock is
// never held while a message is handed over.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/mcp/exchange.h"
#include "server/mcp/service.h"

namespace remit::mcp {

struct Filter {
  bool tools = false, prompts = false, resources = false;  // their lists
  std::set<std::string> uris;
  std::set<std::string> task_ids;
};

class Subscriptions {
 public:
  // A session of an initialize era. Lives as long as its connection.
  class Session {
   public:
    // The client sent notifications/initialized: it is told nothing before.
    void start();
    // Errors: too_large beyond kSubscriptions.
    Result<void> subscribe(const std::string& uri);
    void unsubscribe(const std::string& uri);

   private:
    friend class Subscriptions;
    explicit Session(Outbox& outbox) : outbox_(&outbox) {}
    std::mutex gate_;
    Outbox* outbox_;  // null once the connection has ended
    bool started_ = false;
    std::set<std::string> uris_;
  };
  // Both forms: `owner` names the connection for end().
  std::shared_ptr<Session> open_session(const void* owner, Outbox& outbox);
  // Acknowledges `honoured` and keeps `exchange` open.
  void listen(const void* owner, std::shared_ptr<Exchange> exchange, Filter honoured,
              std::string last_result);

  enum class List { tools, prompts, resources };
  void list_changed(List list);
  void resource_updated(const std::string& uri);
  // `params`: the members of notifications/tasks.
  void task_changed(const std::string& task_id, const std::string& params);

  // The connection ends: nobody of it is told anything any more. A stream of its own gets its last
  // result; a listener on a shared pipe is told by notifications/cancelled.
  void end(const void* owner);

 private:
  struct Listener {
    std::mutex gate;
    std::shared_ptr<Exchange> exchange;
    Filter filter;
    std::string last_result;
  };
  struct Entry {
    const void* owner;
    std::shared_ptr<Listener> listener;  // one of the two
    std::shared_ptr<Session> session;
  };
  // Tells those for whom `wants` holds.
  template <class WantsListener, class WantsSession>
  void tell(const char* method, const std::string& params, WantsListener wants_listener,
            WantsSession wants_session);
  void drop_closed();

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace remit::mcp
