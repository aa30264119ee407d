// The starter's own judgement of a plan: a worker's bug must not forge a person's yes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "policy/remit.h"
#include "policy/shell_assess.h"
#include "policy/spawner.h"

namespace remit::policy {

struct GateParts {
  std::shared_ptr<const Remit> remit;
  Principal principal;
  std::shared_ptr<const ShellRules> rules;
  std::string approval_public_file;  // keys/approval.pub of the state directory, which proves a yes
  bool operator_may_approve = false;  // `remit call --yes`: this process is a person's command
  const Clock* clock = &system_clock();
};

// The gate judges the command again with its own copies, taken when the starter was forked. Allow
// passes. Ask needs an authority whose grant key is the one of this very plan, not expired, not
// used before (scope "once"); at high risk it must carry a person's signature, made with the key
// that a worker cannot read, and was given after this starter began (a yes of an earlier process is
// void). Everything else is denied (code "starter_refused"). So is a plan, whatever its command,
// whose view, environment or limits are wider than this Remit's: a worker must not reach through
// the starter what its own lock keeps from it.
SpawnGate make_spawn_gate(GateParts parts);

// The whole environment of every command: nothing of the server's own is inherited.
const std::map<std::string, std::string>& spawn_environment();

// What assess() needs to know of the paths of this Remit.
ShellScope shell_scope(const Remit& remit, const std::string& cwd);

}  // namespace remit::policy
