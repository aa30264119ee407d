// What a slot sees: the fixed part (system folders, devices, /proc, private /tmp) as a list of
// mount operations, and the plan's part (copy-on-write workspace, read-only roots, Agent_Memory
// with only its readable documents, masks).
//
// The list is data; one loop executes it. Everything not in it does not exist inside. The fixed
// part and the read-only roots are built before the command is known, so that slots can wait
// ready-made; the copy-on-write layer, the documents and the masks come with the plan.
//
// Threads: called in the slot's first process (build_*), or in the supervisor (open_, map_).
// Fails with: not_found (a root is gone), unavailable (the kernel refuses a mount), too_large.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "policy/spawner.h"
#include "tools/sandbox/userns.h"

namespace remit::sandbox {

struct MountOp {
  enum class Kind {
    directory,  // make an empty directory
    file,       // make a file holding `source`
    link,       // make a symlink to `source`
    tmpfs,      // private tmpfs with options `source`
    tree,       // the host's `source`, recursively, read-only, nosuid, nodev unless a device
    device,     // the host's device node `source`
    proc,       // a fresh procfs, read-only
  };
  Kind kind;
  std::string target;  // relative to the new root
  std::string source;
};

// Mount options of a tmpfs: bytes, inodes, mode of its root.
std::string tmpfs_options(std::uint64_t bytes, std::uint64_t inodes, unsigned mode);

// The fixed part for this machine: entries the host lacks are left out.
std::vector<MountOp> base_view(const Identity& identity);

// A host folder (or file) that the plan shows, as a detached mount.
struct PlanTree {
  std::string path;
  Fd fd;
  uid_t uid = 0;
  gid_t gid = 0;
  bool directory = true;
};
struct PlanTrees {
  PlanTree workspace;
  std::vector<PlanTree> read_only;  // sorted by path, those inside the workspace left out
  std::vector<PlanTree> memory;     // one if Agent_Memory lies outside the workspace, else none
  Fd layer;                         // the folder for the copy-on-write layer, if it is on disk
};

// Clones the mounts of the plan's roots; needs CAP_SYS_ADMIN over the current mount namespace.
// Symlinks in the paths are refused: they are the caller's real paths. `recursive` is needed in a
// namespace whose mounts are locked together, and impossible for a tree that will be id-mapped.
// `layer_directory` (absolute, or empty) belongs to the slot's identity already.
Result<PlanTrees> open_plan_trees(const policy::SpawnView& view, const std::string& layer_directory,
                                  bool recursive);

// Id-maps the trees so that their owners are the slot's identity. A file system that cannot is left
// as it is and reported as degraded "no_idmap".
Result<void> map_plan_trees(PlanTrees& trees, const Identity& identity, const Fd& slot_userns,
                            std::vector<std::string>& degraded);

// Where the command's changes can be read after its end.
struct Layers {
  Fd upper;   // of the workspace
  Fd lower;   // the real workspace
  Fd memory;  // the tmpfs over Agent_Memory, if any
};

// Builds the fixed part and the read-only roots on a new tmpfs and makes it the root; the host's
// tree is gone afterwards.
Result<void> build_base(const std::vector<MountOp>& operations, const PlanTrees& trees,
                        std::vector<std::string>& degraded);
// Adds the plan's part and makes the root read-only.
Result<Layers> build_plan(const policy::SpawnPlan& plan, PlanTrees& trees);

// `path` relative to `root` if it lies beneath it ("" for root itself), else null.
const char* beneath(const std::string& path, const std::string& root);

}  // namespace remit::sandbox
