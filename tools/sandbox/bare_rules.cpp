#include "tools/sandbox/bare_rules.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tools/sandbox/limits.h"
#include "tools/sandbox/sys.h"
#include "tools/sandbox/view.h"

namespace remit::sandbox {

namespace {

Result<Fd> open_at(int dir, const std::string& name) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = sys_openat2(dir, name.c_str(), how);
  if (fd < 0) return fail_errno(errno, "open " + name);
  return Fd(static_cast<int>(fd));
}

class Enumeration {
 public:
  Enumeration(LandlockRules& rules, const policy::SpawnView& view) : rules_(rules) {
    hidden_.insert(view.masks.begin(), view.masks.end());
    const char* memory = beneath(view.memory, view.workspace);
    if (memory != nullptr && *memory != '\0') hidden_.insert(memory);
  }

  // The folder `path` (relative to the workspace, "" for itself) without what is hidden below it.
  Result<void> folder(const Fd& place, const std::string& path) {
    TRY(const Fd listed, fs::reopen(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::string> names;
    TRY_DO(fs::list_directory(listed, [&](std::string_view name, unsigned char) {
      names.emplace_back(name);
      return names.size() <= kBareEntries;
    }));
    for (const std::string& name : names) {
      if (++entries_ > kBareEntries)
        return fail(ErrorKind::too_large,
                    "more than " + std::to_string(kBareEntries) +
                        " entries lie beside something hidden in the workspace; without "
                        "namespaces each needs a rule of its own",
                    {}, "sandbox_unavailable");
      TRY_DO(entry(place, name, path.empty() ? name : path + "/" + name));
    }
    return {};
  }

 private:
  Result<void> entry(const Fd& parent, const std::string& name, const std::string& path) {
    if (hidden_.contains(path)) return {};
    const auto place = open_at(parent.get(), name);
    if (!place) return {};  // gone again, or not for this user
    TRY(const struct stat st, fs::stat_of(*place));
    if (S_ISLNK(st.st_mode)) return {};  // what it points to has a rule, or none
    // The first hidden path at or after "path/" tells whether one lies below.
    const auto below = hidden_.lower_bound(path + "/");
    if (S_ISDIR(st.st_mode) && below != hidden_.end() && below->rfind(path + "/", 0) == 0)
      return folder(*place, path);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) return {};
    return rules_.allow(*place, S_ISDIR(st.st_mode), Reach::read, path);
  }

  LandlockRules& rules_;
  std::set<std::string> hidden_;  // relative to the workspace
  std::size_t entries_ = 0;
};

Result<void> allow_documents(LandlockRules& rules, const policy::SpawnView& view) {
  if (view.memory.empty() || view.memory_documents.empty()) return {};
  const Fd memory(open(view.memory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!memory) return {};
  for (const std::string& name : view.memory_documents) {
    const auto place = open_at(memory.get(), name);
    if (!place) continue;  // gone, or a link
    TRY(const struct stat st, fs::stat_of(*place));
    if (S_ISREG(st.st_mode)) TRY_DO(rules.allow(*place, false, Reach::read, name));
  }
  return {};
}

// Rules add up: one on a folder around the workspace or Agent_Memory would uncover what those on
// their parts leave out.
Result<void> allow_tree(LandlockRules& rules, const policy::SpawnView& view,
                        const std::string& tree) {
  const bool uncovers = (!view.masks.empty() && beneath(view.workspace, tree) != nullptr) ||
                        (!view.memory.empty() && beneath(view.memory, tree) != nullptr);
  if (uncovers)
    return fail(ErrorKind::unavailable,
                tree +
                    " lies around what is hidden from this agent; without namespaces both cannot "
                    "be kept",
                {}, "sandbox_unavailable");
  return rules.allow(tree, Reach::read);
}

}  // namespace

Result<void> allow_bare_view(LandlockRules& rules, const policy::SpawnView& view,
                             const std::string& home) {
  for (const MountOp& op : base_view(Identity{})) {
    if (op.kind == MountOp::Kind::tree) TRY_DO(allow_tree(rules, view, op.source));
    if (op.kind == MountOp::Kind::device) TRY_DO(rules.allow(op.source, Reach::device));
  }
  for (const std::string& root : view.read_only_roots)
    if (beneath(root, view.workspace) == nullptr) TRY_DO(allow_tree(rules, view, root));
  const Fd workspace(open(view.workspace.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!workspace) return fail_errno(errno, "open the workspace " + view.workspace);
  TRY_DO(rules.allow(workspace, true, Reach::list, view.workspace));
  TRY_DO(Enumeration(rules, view).folder(workspace, ""));
  TRY_DO(allow_documents(rules, view));
  return rules.allow(home, Reach::write);
}

}  // namespace remit::sandbox
