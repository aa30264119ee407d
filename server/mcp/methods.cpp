#include "server/mcp/methods.h"

#include <array>

namespace remit::mcp {
namespace {

// What exists in which era; anything else is -32601.
constexpr std::array<MethodRow, 18> kMethods = {{
    {"completion/complete", Method::complete, true, true, Where::pool},
    {"initialize", Method::initialize, true, false, Where::reader},
    {"logging/setLevel", Method::set_log_level, true, false, Where::reader},
    {"ping", Method::ping, true, false, Where::reader},
    {"prompts/get", Method::get_prompt, true, true, Where::pool},
    {"prompts/list", Method::list_prompts, true, true, Where::pool},
    {"resources/list", Method::list_resources, true, true, Where::pool},
    {"resources/read", Method::read_resource, true, true, Where::pool},
    {"resources/subscribe", Method::subscribe, true, false, Where::pool},
    {"resources/templates/list", Method::list_templates, true, true, Where::pool},
    {"resources/unsubscribe", Method::unsubscribe, true, false, Where::pool},
    {"server/discover", Method::discover, false, true, Where::reader},
    {"subscriptions/listen", Method::listen, false, true, Where::pool},
    {"tasks/cancel", Method::cancel_task, false, true, Where::pool},
    {"tasks/get", Method::get_task, false, true, Where::pool},
    {"tasks/update", Method::update_task, false, true, Where::pool},
    {"tools/call", Method::call_tool, true, true, Where::pool},
    {"tools/list", Method::list_tools, true, true, Where::reader},
}};

bool served(const Offer& offer, const Settings& service, Method method) {
  switch (method) {
    case Method::get_prompt:
    case Method::list_prompts:
      return offer.prompts != nullptr;
    case Method::list_resources:
    case Method::list_templates:
    case Method::read_resource:
      return offer.resources != nullptr;
    case Method::complete:
      return offer.prompts || offer.resources;
    case Method::call_tool:
    case Method::list_tools:
      return !offer.tools.empty();
    case Method::subscribe:
    case Method::unsubscribe:
      return offer.resources && service.announces.resource_updates;
    case Method::listen:
      return service.announces.any() || service.tasks;
    case Method::cancel_task:
    case Method::get_task:
    case Method::update_task:
      return service.tasks != nullptr;
    case Method::discover:
    case Method::initialize:
    case Method::ping:
    case Method::set_log_level:
      return true;
  }
  return false;
}

}  // namespace

const MethodRow* find_method(const Offer& offer, const Settings& service, std::string_view name,
                             Revision revision) {
  for (const MethodRow& row : kMethods)
    if (name == row.name)
      return (is_modern(revision) ? row.modern : row.legacy) && served(offer, service, row.method)
                 ? &row
                 : nullptr;
  return nullptr;
}

}  // namespace remit::mcp
