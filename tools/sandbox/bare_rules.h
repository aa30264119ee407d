// What a command may touch in a slot without a view of its own (tier t2): where no namespaces can
// be had, Landlock rules name the folders that a view would have held, one by one. A place that no
// rule names is not covered; in a folder beside whose entries something is hidden, each entry has a
// rule, so that what appears there later is not covered either.
//
// Weaker than a view: the names below the workspace can be listed, and stat() tells what exists
// anywhere (Landlock does not cover it). The workspace is read-only.
//
// Threads: act on the calling thread. Fails with: too_large (kBareEntries), unavailable.
#pragma once

#include <string>

#include "policy/spawner.h"
#include "tools/sandbox/landlock.h"

namespace remit::sandbox {

// Adds the rules for the fixed part (programs, libraries, a little of /etc, devices), for the
// plan's folders without its masks and undocumented memory, and for `home`, the one writable
// folder.
Result<void> allow_bare_view(LandlockRules& rules, const policy::SpawnView& view,
                             const std::string& home);

}  // namespace remit::sandbox
