#include "server/mcp/job.h"

#include "server/mcp/content.h"
#include "server/mcp/subscribe.h"
#include "server/mcp/tools_call.h"

namespace remit::mcp {

void Job::run() {
  const Offer& offer = offered->offer;
  if (reply.exchange().outbox().crowded())
    return reply.error(
        {kInternalError, "busy: too many answers wait to be read; read some and retry"},
        Step::capacity);
  // It waited for a thread while less came to be granted: nothing is done with what is no more.
  if (offered->replaced.stop_requested())
    return reply.error(
        {kInternalError, "what is offered was replaced meanwhile; list again, and retry"},
        Step::capacity);
  switch (method) {
    case Method::call_tool:
      call_tool(parts, offered, {pending, client_ready}, reply, *tool, params);
      return;
    case Method::complete:
      complete(parts, offer, reply, params);
      return;
    case Method::get_prompt:
      get_prompt(parts, offer, {pending, client_ready}, reply, params);
      return;
    case Method::list_prompts:
      list_prompts(parts, offer, reply, params);
      return;
    case Method::list_resources:
      list_resources(parts, offer, reply, params);
      return;
    case Method::list_templates:
      list_resource_templates(parts, offer, reply, params);
      return;
    case Method::read_resource:
      read_resource(parts, offer, reply, params);
      return;
    case Method::listen:
      listen_for_changes(parts, offer, &at_work.in_flight, reply, params);
      return;
    case Method::subscribe:
      subscribe(parts, offer, *session, reply, params);
      return;
    case Method::unsubscribe:
      unsubscribe(parts, *session, reply, params);
      return;
    case Method::cancel_task:
      parts.tasks.cancel(reply, params);
      return;
    case Method::get_task:
      parts.tasks.get(reply, params);
      return;
    case Method::update_task:
      parts.tasks.update(reply, params);
      return;
    case Method::discover:
    case Method::initialize:
    case Method::list_tools:
    case Method::ping:
    case Method::set_log_level:
      return;  // answered on the reading thread
  }
}

}  // namespace remit::mcp
