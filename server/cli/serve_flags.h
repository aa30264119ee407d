// The path options that serve, call and explain share.
#pragma once

#include "server/assembly.h"
#include "server/cli/flags.h"

namespace remit::cli {

// Adds --manifest, --site, --workspace, --memory, --state and --instruction.
inline Flags& add_path_flags(Flags& flags, server::ServeOptions& options) {
  return flags.value("--manifest", &options.manifest, "FILE  sidecar manifest, default beside the persona")
      .value("--site", &options.site, "FILE  site policy")
      .value("--workspace", &options.workspace, "DIR  default: the current directory")
      .value("--memory", &options.memory, "DIR  Agent_Memory, default WORKSPACE/Agent_Memory")
      .value("--state", &options.state, "DIR  default ~/.local/state/remit")
      .value("--instruction", &options.instruction, "ID  bound instruction, default: minted");
}

}  // namespace remit::cli
