#include "server/mcp/subscriptions.h"

#include <algorithm>
#include <iterator>

#include "base/json.h"
#include "base/limits.h"
#include "server/mcp/wire.h"

namespace remit::mcp {
namespace {

constexpr const char* kSubscriptionId = "io.modelcontextprotocol/subscriptionId";

// `params` (members, possibly none) as an object that names the subscription.
std::string tagged(const std::string& params, const IdText& id) {
  std::string out = "{" + params;
  if (!params.empty()) out += ',';
  out += R"("_meta":{")";
  out += kSubscriptionId;
  out += "\":" + id + "}}";
  return out;
}

std::string filter_fields(const Filter& filter) {
  std::string out = "{";
  const auto add = [&](const std::string& member) { out += (out.size() > 1 ? "," : "") + member; };
  const auto strings = [](const std::set<std::string>& values) {
    std::string list = "[";
    for (const std::string& value : values) {
      if (list.size() > 1) list += ',';
      append_json_string(list, value);
    }
    return list + "]";
  };
  if (filter.tools) add(R"("toolsListChanged":true)");
  if (filter.prompts) add(R"("promptsListChanged":true)");
  if (filter.resources) add(R"("resourcesListChanged":true)");
  if (!filter.uris.empty()) add(R"("resourceSubscriptions":)" + strings(filter.uris));
  if (!filter.task_ids.empty()) add(R"("taskIds":)" + strings(filter.task_ids));
  return out + "}";
}

const char* method_of(Subscriptions::List list) {
  switch (list) {
    case Subscriptions::List::tools:
      return "notifications/tools/list_changed";
    case Subscriptions::List::prompts:
      return "notifications/prompts/list_changed";
    case Subscriptions::List::resources:
      return "notifications/resources/list_changed";
  }
  return "";
}

}  // namespace

void Subscriptions::Session::start() {
  const std::lock_guard held(gate_);
  started_ = true;
}

Result<void> Subscriptions::Session::subscribe(const std::string& uri) {
  const std::lock_guard held(gate_);
  if (uris_.size() >= limits::kSubscriptions && !uris_.contains(uri))
    return fail(ErrorKind::too_large, "at most " + std::to_string(limits::kSubscriptions) +
                                          " resources can be subscribed to; unsubscribe some");
  uris_.insert(uri);
  return {};
}

void Subscriptions::Session::unsubscribe(const std::string& uri) {
  const std::lock_guard held(gate_);
  uris_.erase(uri);
}

std::shared_ptr<Subscriptions::Session> Subscriptions::open_session(const void* owner,
                                                                    Outbox& outbox) {
  std::shared_ptr<Session> session(new Session(outbox));
  const std::lock_guard held(mutex_);
  entries_.push_back({owner, nullptr, session});
  return session;
}

void Subscriptions::listen(const void* owner, std::shared_ptr<Exchange> exchange, Filter honoured,
                           std::string last_result) {
  auto listener = std::make_shared<Listener>();
  listener->exchange = std::move(exchange);
  listener->filter = std::move(honoured);
  listener->last_result = std::move(last_result);
  // Entered before it is acknowledged, so that no change is missed, and told of none before: the
  // gate is held.
  const std::lock_guard first(listener->gate);
  drop_closed();
  {
    const std::lock_guard held(mutex_);
    entries_.push_back({owner, listener, nullptr});
  }
  listener->exchange->notify(notification_message(
      "notifications/subscriptions/acknowledged",
      tagged("\"notifications\":" + filter_fields(listener->filter), listener->exchange->id)));
}

template <class WantsListener, class WantsSession>
void Subscriptions::tell(const char* method, const std::string& params,
                         WantsListener wants_listener, WantsSession wants_session) {
  std::vector<Entry> entries;
  {
    const std::lock_guard held(mutex_);
    entries = entries_;
  }
  for (const Entry& entry : entries) {
    if (entry.listener) {
      const std::lock_guard held(entry.listener->gate);
      if (wants_listener(entry.listener->filter))
        entry.listener->exchange->notify(
            notification_message(method, tagged(params, entry.listener->exchange->id)));
    } else {
      const std::lock_guard held(entry.session->gate_);
      if (entry.session->outbox_ != nullptr && entry.session->started_ &&
          wants_session(entry.session->uris_))
        entry.session->outbox_->send(notification_message(method, "{" + params + "}"));
    }
  }
}

void Subscriptions::list_changed(List list) {
  tell(
      method_of(list), {},
      [list](const Filter& filter) {
        switch (list) {
          case List::tools:
            return filter.tools;
          case List::prompts:
            return filter.prompts;
          case List::resources:
            return filter.resources;
        }
        return false;
      },
      [](const auto&) { return true; });
}

void Subscriptions::resource_updated(const std::string& uri) {
  std::string params = R"("uri":)";
  append_json_string(params, uri);
  tell(
      "notifications/resources/updated", params,
      [&](const Filter& filter) { return filter.uris.contains(uri); },
      [&](const std::set<std::string>& uris) { return uris.contains(uri); });
}

void Subscriptions::task_changed(const std::string& task_id, const std::string& params) {
  tell(
      "notifications/tasks", params,
      [&](const Filter& filter) { return filter.task_ids.contains(task_id); },
      [](const auto&) { return false; });
}

void Subscriptions::drop_closed() {
  const std::lock_guard held(mutex_);
  std::erase_if(entries_, [](const Entry& entry) {
    return entry.listener && entry.listener->exchange->closed();
  });
}

void Subscriptions::end(const void* owner) {
  std::vector<Entry> ended;
  {
    const std::lock_guard held(mutex_);
    const auto ends = [&](const Entry& entry) { return entry.owner == owner; };
    std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(ended), ends);
    std::erase_if(entries_, ends);
  }
  for (const Entry& entry : ended) {
    if (entry.session) {
      const std::lock_guard held(entry.session->gate_);
      entry.session->outbox_ = nullptr;
      continue;
    }
    Exchange& exchange = *entry.listener->exchange;
    if (exchange.outbox().carries_one_request()) {
      exchange.reply(result_message(exchange.id, entry.listener->last_result));
    } else if (exchange.notify(notification_message(
                   "notifications/cancelled",
                   tagged(R"("requestId":)" + exchange.id + R"(,"reason":"the server ends")",
                          exchange.id)))) {
      exchange.cancel();
    }
  }
}

}  // namespace remit::mcp
