// Methods: which exist, in which era, and where each is answered. Pure functions over a table.
#pragma once

#include <string_view>

#include "server/mcp/service.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

enum class Method {
  complete,
  discover,
  initialize,
  list_prompts,
  list_resources,
  list_templates,
  list_tools,
  ping,
  get_prompt,
  read_resource,
  set_log_level,
  call_tool,
  listen,
  subscribe,
  unsubscribe,
  cancel_task,
  get_task,
  update_task,
};

// Where a method runs: static answers on the reading thread, everything that calls out on the pool.
enum class Where { reader, pool };

struct MethodRow {
  const char* name;
  Method method;
  bool legacy, modern;
  Where where;
};

// The row of `name`, or nullptr: no such method in this era, or nothing behind it in this service.
const MethodRow* find_method(const Offer& offer, const Settings& service, std::string_view name,
                             Revision revision);

}  // namespace remit::mcp
