// From an assembly to what the protocol layer serves, the same for every transport.
#include "base/json.h"
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
  service.tools = all.tools();
  service.access = [&all]() -> policy::Access& { return all.access(); };
  service.page_chars = flags.page_chars;
  service.structured = flags.structured;
  service.principal = policy::principal_text(all.principal());
  TRY(const std::string seal, all.state().key("request_state"));
  service.request_state_keys = {seal};
  service.consume_nonce = [&all](const std::string& nonce, std::int64_t) {
    return memory::consume_nonce(all.state(), nonce);
  };
  service.redact = [&all](std::string text) { return all.redactor().redact(text).text; };
  service.prompts = server::agent_prompt(all.remit());
  return service;
}

Result<void> lock_and_finish(server::Assembly& all, mcp::Service& service) {
  const auto confined = all.confine();
  if (!confined)
    log::warning("the server process is not locked in", {{"why", confined.error().message}});
  TRY_DO(all.record_start());
  service.instructions = server::instructions(all.access(), confined.has_value());
  TRY(const auto changes,
      server::serve_changes(service, all.access(), all.state(), all.wake(), all.server_id()));
  service.resources = server::agent_resources(
      all.access(),
      [&all] {
        return dump(policy::show_json(all.checked().persona, all.checked().compiled,
                                      tools_list_hash(all.remit())));
      },
      changes);
  log::info("serving", {{"agent", all.remit().slug},
                        {"instruction", all.remit().instruction_id},
                        {"workspace", all.remit().roots.front().path}});
  return {};
}

}  // namespace remit::cli
