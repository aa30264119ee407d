// What a slot is made from before its command is known: who it is, which folders of the host it
// shows, and the limits of its control group. A waiting slot serves a plan only if their bases are
// equal; the folders are compared by device and inode, so that one that was replaced meanwhile (a
// rotated log folder, a workspace that was moved) never meets a slot made for the old one.
//
// Threads: reentrant. Fails with: not_found (the workspace is gone), what choose_identity() says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "policy/spawner.h"
#include "tools/sandbox/userns.h"

namespace remit::sandbox {

struct SlotBase {
  Identity identity;
  policy::SpawnView roots;  // without documents and masks, which come with the plan
  std::vector<std::pair<dev_t, ino_t>> folders;  // of the roots in order; {0, 0}: not there
  std::uint64_t memory_bytes = 0;
  std::uint32_t processes = 0;
  bool operator==(const SlotBase&) const = default;
};

Result<SlotBase> slot_base_of(const policy::SpawnPlan& plan, std::uint32_t uid_base);

}  // namespace remit::sandbox
