// From an assembly to what the protocol layer serves, the same for every transport.
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "memory/nonce_rows.h"
#include "policy/show.h"
#include "server/agent_changes.h"
#include "server/agent_resources.h"
#include "server/cli/commands.h"
#include "server/cli/serve_flags.h"

namespace remit::cli {

Result<mcp::Service> make_service(server::Assembly& all, const ServeFlags& flags) {
  mcp::Service service;
  service.version = REMIT_VERSION;
  service.page_chars = flags.page_chars;
  service.structured = flags.structured;
  service.principal = policy::principal_text(all.principal());
  TRY(const std::string seal, all.state().key("request_state"));
  service.request_state_keys = {seal};
  service.consume_nonce = [&all](const std::string& nonce, std::int64_t) {
    return memory::consume_nonce(all.state(), nonce);
  };
  service.redact = [&all](const std::string& text) { return all.redactor().redact(text).text; };
  return service;
}

mcp::Offer offer_of(const std::shared_ptr<const server::Standing>& standing,
                    const std::shared_ptr<server::AgentChanges>& changes, bool locked) {
  mcp::Offer offer;
  offer.tools = tools::granted_tools(*standing->remit, standing->tool_state);
  for (const char* tool : {"Bash", "handoff"}) offer.traits[tool].task_after = limits::kTaskAfter;
  offer.access = [standing]() -> policy::Access& { return *standing->access; };
  offer.prompts = server::agent_prompt(standing->remit);
  offer.instructions = server::instructions(*standing->access, locked);
  offer.resources = server::agent_resources(
      std::shared_ptr<policy::Access>(standing, standing->access.get()),
      [standing] {
        const policy::CheckedFile& checked = standing->checked;
        return dump(policy::show_json(checked.persona, checked.compiled,
                                      tools_list_hash(*standing->remit)));
      },
      changes);
  return offer;
}

Result<Locked> lock_and_finish(server::Assembly& all, mcp::Service& service) {
  const auto confined = all.confine();
  if (!confined)
    log::warning("the server process is not locked in", {{"why", confined.error().message}});
  TRY_DO(all.record_start());
  if (const auto kept = all.keep_deadlines(); !kept) {
    log::warning("deadlines of handoffs are left to other processes",
                 {{"why", kept.error().message}});
  }
  Locked out;
  out.confined = confined.has_value();
  const auto standing = all.standing();
  TRY(out.changes, server::serve_changes(service, standing->remit, all.state(), all.store(),
                                         all.wake(), all.server_id()));
  static_cast<mcp::Offer&>(service) = offer_of(standing, out.changes, out.confined);
  log::info("serving", {{"agent", all.remit().slug},
                        {"instruction", all.remit().instruction_id},
                        {"workspace", all.remit().roots.front().path}});
  return out;
}

}  // namespace remit::cli
