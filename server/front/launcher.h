// The launcher: the process that starts what the front needs and may not start itself. It is forked
// before the front locks itself in, reads the operator's files (the front never does), starts the
// workers and the keeper of deadlines (`remit handoffs due --follow`), and is the running server
// that `remit reload` knows. It takes nothing from the network and gives the front nothing but
// tables (table.h) and ends of channels.
//
// What the two say to each other (transport/handing.h), one JSON object a message:
//   front    {"open": N, "agent": SLUG, "instruction": ID} · {"reload": true}
//   launcher {"opened": N} with a descriptor · {"opened": N, "error": TEXT} · {"table": {…}}
//
// It ends, and all it started with it, when the front ends, however that happens; and the front
// ends with it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "server/assembly.h"
#include "server/front/table.h"

namespace remit::front {

struct LauncherOptions {
  std::string agents;          // folder of personas
  server::ServeOptions serve;  // without an agent; instruction: of callers without a list
  std::string token_file;      // of credentials; "" = a token is made for each agent
  bool no_auth = false;
  std::vector<std::string> more;  // words that every worker is given
};

struct Launched {
  pid_t pid = 0;
  Fd link;
  Table table;
  std::string token_file;  // that was made, or ""
};

// Forks the launcher and waits until it is ready. With one thread only. Errors: those of what it
// reads; unavailable if there is nobody to serve.
Result<Launched> launch(const LauncherOptions& options);

}  // namespace remit::front
