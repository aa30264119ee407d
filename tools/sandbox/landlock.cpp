#include "tools/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/fs.h"

namespace remit::sandbox {

namespace {

// The newest layout of struct landlock_ruleset_attr; Debian 12's header has the first member only.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // ABI 4
  std::uint64_t scoped = 0;   // ABI 6
};

constexpr std::uint64_t kRefer = 1ULL << 13;                  // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14;               // ABI 3
constexpr std::uint64_t kIoctlDev = 1ULL << 15;               // ABI 5
constexpr std::uint64_t kTcp = (1ULL << 0) | (1ULL << 1);     // bind, connect
constexpr std::uint64_t kScopes = (1ULL << 0) | (1ULL << 1);  // abstract sockets, signals

constexpr std::uint64_t kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | kRefer | kTruncate;
// Handled and granted nowhere.
constexpr std::uint64_t kNever =
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | kIoctlDev;

std::uint64_t known_rights(int abi) {
  std::uint64_t known = (1ULL << 13) - 1;
  if (abi >= 2) known |= kRefer;
  if (abi >= 3) known |= kTruncate;
  if (abi >= 5) known |= kIoctlDev;
  return known;
}

Result<void> allow_below(int ruleset, const std::string& path, std::uint64_t rights) {
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place && errno == ENOENT) return {};
  if (!place) return fail_errno(errno, "open " + path + " for a Landlock rule");
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = place.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return fail_errno(errno, "add a Landlock rule for " + path);
  return {};
}

}  // namespace

int landlock_abi() {
  const long abi =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<void> confine_files(int abi, const std::vector<std::string>& writable) {
  if (abi < 1)
    return fail(ErrorKind::unavailable, "this kernel has no Landlock (boot with lsm=landlock,…)");
  const std::uint64_t known = known_rights(abi);
  RulesetAttributes attributes;
  attributes.files = (kRead | kWrite | kNever) & known;
  std::size_t size = sizeof attributes.files;
  if (abi >= 4) {
    attributes.network = kTcp;
    size += sizeof attributes.network;
  }
  if (abi >= 6) {
    attributes.scoped = kScopes;
    size += sizeof attributes.scoped;
  }
  const Fd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return fail_errno(errno, "make a Landlock ruleset");
  TRY_DO(allow_below(ruleset.get(), "/", kRead & known));
  for (const std::string& path : writable)
    TRY_DO(allow_below(ruleset.get(), path, (kRead | kWrite) & known));
  TRY_DO(allow_below(ruleset.get(), "/dev", (LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate) & known));
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail_errno(errno, "enter the Landlock domain");
  return {};
}

}  // namespace remit::sandbox
