#include "tools/sandbox/slot_base.h"

#include <sys/stat.h>

#include <cerrno>

namespace remit::sandbox {

Result<SlotBase> slot_base_of(const policy::SpawnPlan& plan, std::uint32_t uid_base) {
  SlotBase base;
  base.roots.workspace = plan.view.workspace;
  base.roots.read_only_roots = plan.view.read_only_roots;
  base.roots.memory = plan.view.memory;
  base.memory_bytes = plan.limits.memory_bytes;
  base.processes = plan.limits.processes;
  struct stat workspace{};
  if (stat(plan.view.workspace.c_str(), &workspace) != 0)
    return fail_errno(errno, "look at the workspace " + plan.view.workspace);
  TRY(base.identity, choose_identity(workspace.st_uid, workspace.st_gid, uid_base));
  base.folders.emplace_back(workspace.st_dev, workspace.st_ino);
  const auto add = [&](const std::string& path) {
    struct stat st{};
    const bool there = stat(path.c_str(), &st) == 0;
    base.folders.emplace_back(there ? st.st_dev : 0, there ? st.st_ino : 0);
  };
  for (const std::string& root : base.roots.read_only_roots) add(root);
  if (!base.roots.memory.empty()) add(base.roots.memory);
  return base;
}

}  // namespace remit::sandbox
