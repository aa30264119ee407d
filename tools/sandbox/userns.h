// Who a slot is. Inside, the command has the uid and gid of the workspace's owner, so that files
// look as they do outside; outside it is never uid 0. Started by root, the slot's ids map to an
// unused host id and the trees it sees are id-mapped to match (man 2 mount_setattr,
// MOUNT_ATTR_IDMAP); started by an ordinary user they map to that user's own ids.
//
// Threads: reentrant; the caller must be single-threaded where a process is made.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/fs.h"
#include "base/result.h"

namespace remit::sandbox {

struct Identity {
  bool as_root = false;  // the trees are id-mapped
  uid_t inside_uid = 0;  // what the command sees
  gid_t inside_gid = 0;
  uid_t outside_uid = 0;  // what the host sees, never 0
  gid_t outside_gid = 0;
  bool operator==(const Identity&) const = default;
};

// Chooses the identity for a workspace owned by owner_uid:owner_gid. `uid_base` is the host id to
// use as root; inside a container whose own map lacks it, the highest id of that map is taken.
Result<Identity> choose_identity(uid_t owner_uid, gid_t owner_gid, std::uint32_t uid_base);

// The identity of a slot without a user namespace. As root an unused id of its own, which no other
// slot of this machine has while `claim` is open (a lock in /run); else the caller's.
struct BareIdentity {
  Identity identity;
  Fd claim;
};
// Errors: unavailable if the ids below uid_base are not this root's to use, or none is free.
Result<BareIdentity> take_bare_identity(const Identity& base, std::uint32_t uid_base);

// Writes setgroups, gid_map and uid_map of `pid`, one id each.
Result<void> write_id_maps(pid_t pid, uid_t inside_uid, gid_t inside_gid, uid_t outside_uid,
                           gid_t outside_gid);

// A user namespace that maps on-disk owner uid:gid to the identity's host ids: for the id-mapping
// of a tree whose owner is not the workspace's. Made by a child that lives only for this call.
Result<Fd> make_mapping(uid_t uid, gid_t gid, const Identity& identity);

// /proc/<pid>/ns/<name>, e.g. "user" (man 7 namespaces).
Result<Fd> namespace_of(pid_t pid, const char* name);

}  // namespace remit::sandbox
