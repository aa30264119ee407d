#include "tools/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

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

constexpr std::uint64_t kExecute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kFifo = LANDLOCK_ACCESS_FS_MAKE_FIFO;
// Those of a rule on a file; the others are refused there.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDev;

std::uint64_t rights(Reach reach) {
  switch (reach) {
    case Reach::list:
      return LANDLOCK_ACCESS_FS_READ_DIR;
    case Reach::read:
      return kRead;
    case Reach::write:
      return kRead | kWrite;
    case Reach::device:
      return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
    case Reach::data:
      return kRead & ~kExecute;
    case Reach::change:
      return (kRead | kWrite) & ~(kExecute | kFifo);
  }
  return 0;
}

}  // namespace

int landlock_abi() {
  const long abi =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<LandlockRules> LandlockRules::make(int abi, Covered covered) {
  if (abi < 1)
    return fail(ErrorKind::unavailable, "this kernel has no Landlock (boot with lsm=landlock,…)");
  RulesetAttributes attributes;
  const bool command = covered == Covered::command;
  attributes.files = (kRead | kWrite | kNever) & known_rights(abi);
  if (!command) attributes.files &= ~kIoctlDev;
  std::size_t size = sizeof attributes.files;
  if (command && abi >= 4) {
    attributes.network = kTcp;
    size += sizeof attributes.network;
  }
  if (command && abi >= 6) {
    attributes.scoped = kScopes;
    size += sizeof attributes.scoped;
  }
  Fd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return fail_errno(errno, "make a Landlock ruleset");
  return LandlockRules(std::move(ruleset), attributes.files);
}

Result<void> LandlockRules::allow(const std::string& path, Reach reach) {
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place && errno == ENOENT) return {};
  if (!place) return fail_errno(errno, "open " + path + " for a Landlock rule");
  TRY(const struct stat st, fs::stat_of(place));
  return allow(place, S_ISDIR(st.st_mode), reach, path);
}

Result<void> LandlockRules::allow(const Fd& place, bool directory, Reach reach,
                                  const std::string& name) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights(reach) & known_ & (directory ? ~std::uint64_t{0} : kOfFiles);
  rule.parent_fd = place.get();
  if (syscall(SYS_landlock_add_rule, ruleset_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return fail_errno(errno, "add a Landlock rule for " + name);
  return {};
}

Result<void> LandlockRules::enforce() const {
  if (syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) != 0)
    return fail_errno(errno, "enter the Landlock domain");
  return {};
}

Result<void> confine_files(int abi, const std::vector<std::string>& writable) {
  TRY(LandlockRules rules, LandlockRules::make(abi, Covered::command));
  TRY_DO(rules.allow("/", Reach::read));
  for (const std::string& path : writable) TRY_DO(rules.allow(path, Reach::write));
  TRY_DO(rules.allow("/dev", Reach::device));
  return rules.enforce();
}

}  // namespace remit::sandbox
