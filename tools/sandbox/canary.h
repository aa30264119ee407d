// The canary: one whole slot at start, in which a script tries what must not work. That namespaces
// can be made says nothing about mounts, filters and locks; only trying does.
//
// Threads: runs in a process of its own, forked by the starter. Never fails: a slot that cannot be
// built is a failed point with its errno and a remedy.
#pragma once

#include "base/fs.h"
#include "policy/spawner.h"
#include "tools/sandbox/supervisor.h"

namespace remit::sandbox {

// Hash of what every plan on this machine has in common: part of the grant key of an approval.
std::string profile_hash(const Settings& settings);

// Tries a slot of the tier of `settings`, and one without namespaces (tier t2) where that cannot be
// built. The report says what was tried; its tier is t3 if neither held.
policy::SandboxReport run_canary(Settings settings, const Fd& lifeline);

}  // namespace remit::sandbox
