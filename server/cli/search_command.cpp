// remit grep, remit glob and what other engines bring along, through an operator's Access.
#include <cstdio>

#include "base/fs.h"
#include "policy/operator_access.h"
#include "server/assembly.h"
#include "server/cli/commands.h"
#include "server/cli/flags.h"

namespace remit::cli {

int run_verb(const tools::ShellVerb& verb, std::span<const std::string> args) {
  // First only: later it may be a pattern or a name.
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) return print(verb.usage), kDone;
  auto state = memory::State::open({server::state_directory(""), {}}, system_clock());
  if (!state) return report(state.error());
  memory::Ledger ledger(**state);
  auto hands = policy::operator_access(**state, ledger, {.workspace = fs::absolute(".")});
  if (!hands) return report(hands.error());
  return verb.run((*hands)->access(), std::vector<std::string>(args.begin(), args.end()), stdout,
                  stderr);
}

}  // namespace remit::cli
