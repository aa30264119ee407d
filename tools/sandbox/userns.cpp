#include "tools/sandbox/userns.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "tools/sandbox/channel.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

constexpr const char* kClaims = "/run/remit-uid-";

Result<void> write_proc(pid_t pid, const char* file, const std::string& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "write '" + text + "' to " + path);
  return {};
}

// The id to use as host id, from the caller's own map: `wanted` if mapped, else the highest id.
// 0 if nothing but 0 is mapped (a rootless container with a single id).
Result<std::uint32_t> usable_id(const char* map_file, std::uint32_t wanted) {
  std::FILE* file = std::fopen(map_file, "re");
  if (file == nullptr) return fail_errno(errno, std::string("read ") + map_file);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::uint64_t highest = 0;
  bool found = false;
  while (std::fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3) {
    if (count == 0) continue;
    if (wanted >= inside && wanted - inside < count) found = true;
    if (inside + count - 1 > highest) highest = inside + count - 1;
  }
  static_cast<void>(std::fclose(file));
  return found ? wanted : static_cast<std::uint32_t>(highest);
}

}  // namespace

Result<Identity> choose_identity(uid_t owner_uid, gid_t owner_gid, std::uint32_t uid_base) {
  Identity identity;
  identity.inside_uid = identity.outside_uid = geteuid();
  identity.inside_gid = identity.outside_gid = getegid();
  if (geteuid() != 0) return identity;
  TRY(const std::uint32_t uid, usable_id("/proc/self/uid_map", uid_base));
  TRY(const std::uint32_t gid, usable_id("/proc/self/gid_map", uid_base));
  if (uid == 0 || gid == 0) return identity;  // this 0 is some user's own id on the host
  return Identity{true, owner_uid, owner_gid, uid, gid};
}

Result<BareIdentity> take_bare_identity(const Identity& base, std::uint32_t uid_base) {
  if (geteuid() != 0) return BareIdentity{base, Fd()};
  // A small map of ids has names on all of them: nobody's processes would end with ours.
  if (!base.as_root || base.outside_uid != uid_base || base.outside_gid != uid_base)
    return fail(ErrorKind::unavailable,
                "no unused user ids are mapped here; run Remit as an ordinary user", {},
                "sandbox_unavailable");
  // Not below the state directory: servers with another one run on this machine, too.
  for (std::uint32_t tried = 1; tried <= kBareIdentities; ++tried) {
    const std::uint32_t id = uid_base - tried;
    const std::string path = kClaims + std::to_string(id);
    Fd claim(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!claim) return fail_errno(errno, "open " + path);
    if (flock(claim.get(), LOCK_EX | LOCK_NB) != 0) continue;
    return BareIdentity{Identity{true, id, id, id, id}, std::move(claim)};
  }
  return fail(ErrorKind::unavailable,
              "all " + std::to_string(kBareIdentities) + " user ids for commands are in use", {},
              "sandbox_unavailable");
}

Result<void> write_id_maps(pid_t pid, uid_t inside_uid, gid_t inside_gid, uid_t outside_uid,
                           gid_t outside_gid) {
  TRY_DO(write_proc(pid, "setgroups", "deny"));
  TRY_DO(write_proc(pid, "gid_map",
                    std::to_string(inside_gid) + " " + std::to_string(outside_gid) + " 1"));
  return write_proc(pid, "uid_map",
                    std::to_string(inside_uid) + " " + std::to_string(outside_uid) + " 1");
}

Result<Fd> namespace_of(pid_t pid, const char* name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + name;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  return fd;
}

Result<Fd> make_mapping(uid_t uid, gid_t gid, const Identity& identity) {
  TRY(auto gate, make_pipe(0));
  const long child = sys_clone(CLONE_NEWUSER | SIGCHLD);
  if (child < 0) return fail_errno(errno, "make a user namespace for an id-mapped tree");
  if (child == 0) {
    gate.second.reset();
    char ignored = 0;
    static_cast<void>(!read(gate.first.get(), &ignored, 1));  // ends when the parent is done
    _exit(0);
  }
  const auto pid = static_cast<pid_t>(child);
  Result<Fd> made = [&]() -> Result<Fd> {
    TRY_DO(write_id_maps(pid, uid, gid, identity.outside_uid, identity.outside_gid));
    return namespace_of(pid, "user");
  }();
  gate.second.reset();
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return made;
}

}  // namespace remit::sandbox
