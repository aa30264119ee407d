// What a client sees of an agent besides its tools: resources (persona, compiled Remit, the memory
// documents it may read, spilled output), one prompt (the persona's body), the instructions text.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "policy/access.h"
#include "policy/check.h"
#include "server/agent_changes.h"
#include "server/mcp/service.h"

namespace remit::server {

// `show_json` gives the compiled Remit as `remit show --json` prints it; called at most once, when
// a client first asks, from any thread.
std::shared_ptr<mcp::ResourceProvider> agent_resources(std::shared_ptr<policy::Access> access,
                                                       std::function<std::string()> show_json,
                                                       std::shared_ptr<AgentChanges> changes);
std::shared_ptr<mcp::PromptProvider> agent_prompt(std::shared_ptr<const policy::Remit> remit);

// At most kInstructionsChars: who this is, what is granted, how approvals and paging work.
std::string instructions(const policy::Access& access, bool confined);

}  // namespace remit::server
