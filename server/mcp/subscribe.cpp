#include "server/mcp/subscribe.h"

#include "base/json.h"
#include "base/limits.h"

namespace remit::mcp {
namespace {

// params.uri, if it is one.
const std::string* uri_of(const Json& params) {
  if (!params.is_object()) return nullptr;
  const auto at = params.find("uri");
  return at != params.end() && at->is_string() && !at->get_ref<const std::string&>().empty()
             ? &at->get_ref<const std::string&>()
             : nullptr;
}

// A flag of the filter; false if it is there and no boolean.
bool read_flag(const Json& asked, const char* name, bool& out) {
  const auto at = asked.find(name);
  if (at == asked.end()) return true;
  if (!at->is_boolean()) return false;
  out = at->get<bool>();
  return true;
}

// A list of strings of the filter; false if it is there and none, or too long.
bool read_strings(const Json& asked, const char* name, std::set<std::string>& out) {
  const auto at = asked.find(name);
  if (at == asked.end()) return true;
  if (!at->is_array() || at->size() > limits::kSubscriptions) return false;
  for (const Json& value : *at) {
    if (!value.is_string()) return false;
    out.insert(value.get<std::string>());
  }
  return true;
}

}  // namespace

void subscribe(Parts& parts, const Offer& offer, Subscriptions::Session& session, ReplyOnce& reply,
               const Json& params) {
  const std::string* uri = uri_of(params);
  if (uri == nullptr) return refuse(reply, "params.uri is required and must be a string");
  const Revision revision = reply.exchange().envelope.revision;
  Result<void> taken = offer.resources->watch(*uri);
  if (taken) taken = session.subscribe(*uri);
  if (!taken) return reply.error(rpc_error(taken.error(), revision, *uri));
  reply.result(parts.writer.result(revision, {}));
}

void unsubscribe(Parts& parts, Subscriptions::Session& session, ReplyOnce& reply,
                 const Json& params) {
  const std::string* uri = uri_of(params);
  if (uri == nullptr) return refuse(reply, "params.uri is required and must be a string");
  session.unsubscribe(*uri);
  reply.result(parts.writer.result(reply.exchange().envelope.revision, {}));
}

void listen_for_changes(Parts& parts, const Offer& offer, const void* owner, ReplyOnce& reply,
                        const Json& params) {
  const auto asked = params.is_object() ? params.find("notifications") : params.end();
  if (!params.is_object() || asked == params.end() || !asked->is_object())
    return refuse(reply, "params.notifications is required and must be an object");
  Filter filter;
  if (!read_flag(*asked, "toolsListChanged", filter.tools) ||
      !read_flag(*asked, "promptsListChanged", filter.prompts) ||
      !read_flag(*asked, "resourcesListChanged", filter.resources))
    return refuse(reply,
                  "params.notifications: toolsListChanged, promptsListChanged and "
                  "resourcesListChanged are booleans");
  if (!read_strings(*asked, "resourceSubscriptions", filter.uris) ||
      !read_strings(*asked, "taskIds", filter.task_ids))
    return refuse(reply,
                  "params.notifications: resourceSubscriptions and taskIds are lists of at "
                  "most " +
                      std::to_string(limits::kSubscriptions) + " strings");

  // What is not served, or not for this agent, is left out of the acknowledgement.
  const Settings& service = parts.service;
  filter.tools = filter.tools && service.announces.tools;
  filter.prompts = filter.prompts && service.announces.prompts;
  filter.resources = filter.resources && service.announces.resources;
  std::erase_if(filter.uris, [&](const std::string& uri) {
    return !service.announces.resource_updates || !offer.resources || !offer.resources->watch(uri);
  });
  const Exchange& exchange = reply.exchange();
  if (ClientFeatures needed; !filter.task_ids.empty() && !exchange.envelope.client.tasks) {
    needed.tasks = true;
    return reply.error(missing_capability(needed, exchange.envelope.client));
  }
  std::erase_if(filter.task_ids, [&](const std::string& id) {
    if (!service.tasks) return true;
    const auto task = service.tasks->find(id);
    return !task || !*task;
  });
  std::string last = parts.writer.listen_result(exchange.id);
  const std::set<std::string> task_ids = filter.task_ids;
  parts.subscriptions.listen(owner, reply.hand_over(), std::move(filter), std::move(last));
  // How they stand now: what changed before the subscription is told, too.
  for (const std::string& id : task_ids) parts.tasks.announce(id);
}

}  // namespace remit::mcp
