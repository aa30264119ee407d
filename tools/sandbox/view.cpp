#include "tools/sandbox/view.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "tools/sandbox/bound_files.h"
#include "tools/sandbox/limits.h"
#include "tools/sandbox/mounts.h"
#include "tools/sandbox/sys.h"

namespace remit::sandbox {

namespace {

constexpr const char* kLayer = ".layer";
constexpr const char* kLower = ".lower";
constexpr const char* kMemory = ".memory";
constexpr const char* kMaskFile = ".mask-file";
constexpr const char* kMaskDirectory = ".mask-directory";

Result<void> perform(const MountOp& op, std::vector<std::string>& degraded) {
  switch (op.kind) {
    case MountOp::Kind::directory:
      return make_parents(AT_FDCWD, op.target, true);
    case MountOp::Kind::file:
      return make_file(AT_FDCWD, op.target, op.source);
    case MountOp::Kind::link:
      if (symlink(op.source.c_str(), op.target.c_str()) != 0)
        return failed(errno, "make the link /" + op.target);
      return {};
    case MountOp::Kind::tmpfs:
      TRY_DO(make_parents(AT_FDCWD, op.target, true));
      return mount_tmpfs(op.target, op.source);
    case MountOp::Kind::tree: {
      struct stat st{};
      if (stat(op.source.c_str(), &st) != 0) return failed(errno, "look at " + op.source);
      TRY_DO(make_parents(AT_FDCWD, op.target, S_ISDIR(st.st_mode)));
      if (!S_ISDIR(st.st_mode)) TRY_DO(make_file(AT_FDCWD, op.target, ""));
      TRY(const Fd tree, clone_tree(AT_FDCWD, op.source.c_str(), AT_RECURSIVE));
      TRY_DO(set_attributes(tree, kReadOnly, AT_RECURSIVE));
      return attach(tree, op.target);
    }
    case MountOp::Kind::device: {
      TRY_DO(make_file(AT_FDCWD, op.target, ""));
      TRY(const Fd tree, clone_tree(AT_FDCWD, op.source.c_str(), 0));
      TRY_DO(set_attributes(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
      return attach(tree, op.target);
    }
    case MountOp::Kind::proc:
      TRY_DO(make_parents(AT_FDCWD, op.target, true));
      // Read-only as a whole: /proc/sys and every other switch in it, whoever owns them. Refused in
      // containers whose own /proc is partly covered; then the slot has none.
      if (mount("proc", op.target.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                "hidepid=2") != 0) {
        degraded.emplace_back("no_proc");
        return {};
      }
      // Keys belong to a user, not to a namespace: these list the host's.
      for (const char* name : {"keys", "key-users"}) {
        const std::string listed = op.target + "/" + name;
        if (access(listed.c_str(), F_OK) != 0) continue;  // a kernel without keys
        TRY(const Fd nothing, clone_tree(AT_FDCWD, "/dev/null", 0));
        TRY_DO(set_attributes(nothing, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
        TRY_DO(attach(nothing, listed));
      }
      return {};
  }
  return {};
}

Result<PlanTree> open_plan_tree(const std::string& path, bool recursive, const char* what) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = sys_openat2(AT_FDCWD, path.c_str(), how);
  if (opened < 0) return fail_errno(errno, std::string("open ") + what + " " + path);
  const Fd place(static_cast<int>(opened));
  TRY(const struct stat st, fs::stat_of(place));
  PlanTree tree;
  tree.path = path;
  while (tree.path.size() > 1 && tree.path.back() == '/') tree.path.pop_back();
  tree.uid = st.st_uid;
  tree.gid = st.st_gid;
  tree.directory = S_ISDIR(st.st_mode);
  TRY(tree.fd, clone_tree(place.get(), "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U)));
  return tree;
}

// The copy-on-write workspace. The overlay keeps its own references to both layers, so their mounts
// are taken away again and only descriptors remain, for reading the changes afterwards.
Result<Layers> mount_workspace(const policy::SpawnPlan& plan, PlanTree& workspace,
                               const Fd& layer) {
  Layers layers;
  TRY_DO(make_parents(AT_FDCWD, kLayer, true));
  TRY_DO(make_parents(AT_FDCWD, kLower, true));
  if (layer) {
    TRY_DO(set_attributes(layer, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    TRY_DO(attach(layer, kLayer));
  } else {
    TRY_DO(mount_tmpfs(kLayer, tmpfs_options(plan.limits.layer_bytes,
                                             std::uint64_t{plan.limits.layer_inodes} + 4, 0700)));
  }
  TRY_DO(set_attributes(workspace.fd, kReadOnly));
  TRY_DO(attach(workspace.fd, kLower));
  TRY(const struct stat lower, fs::stat_of(workspace.fd));
  const std::string upper = std::string(kLayer) + "/upper";
  const std::string work = std::string(kLayer) + "/work";
  TRY_DO(make_parents(AT_FDCWD, upper, true));
  TRY_DO(make_parents(AT_FDCWD, work, true));
  // The merged root takes its mode from the upper layer.
  if (chmod(upper.c_str(), lower.st_mode & 01777) != 0) return failed(errno, "prepare the layer");
  const std::string target = inside_path(workspace.path);
  TRY_DO(make_parents(AT_FDCWD, target, true));
  const std::string options = std::string("lowerdir=/") + kLower + ",upperdir=/" + upper +
                              ",workdir=/" + work + ",userxattr";
  if (mount("overlay", target.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return failed(errno, "mount the copy-on-write layer over the workspace");
  TRY(layers.upper, open_beneath(AT_FDCWD, upper, O_PATH | O_DIRECTORY));
  layers.lower = std::move(workspace.fd);
  for (const char* place : {kLayer, kLower})
    if (umount2(place, MNT_DETACH) != 0 || rmdir(place) != 0)
      return failed(errno, "take away the layer's mount");
  return layers;
}

// Covers Agent_Memory with a tmpfs and binds the readable documents back: from the overlay if it is
// part of the workspace (so that a change to them is a change of the layer), else read-only from
// the real folder.
Result<Fd> mount_memory(const policy::SpawnView& view, PlanTrees& trees) {
  const std::string target = inside_path(view.memory);
  const bool outside = !trees.memory.empty();
  Fd real;
  if (outside) {
    TRY_DO(make_parents(AT_FDCWD, kMemory, true));
    TRY_DO(set_attributes(trees.memory[0].fd, kReadOnly));
    TRY_DO(attach(trees.memory[0].fd, kMemory));
    TRY(real, open_beneath(AT_FDCWD, kMemory, O_PATH | O_DIRECTORY));
    TRY_DO(make_parents(AT_FDCWD, target, true));
  } else {
    auto opened = open_beneath(AT_FDCWD, target, O_PATH | O_DIRECTORY);
    // Nothing there to hide: what a command makes at that place is part of the workspace's layer.
    if (!opened && opened.error().kind == ErrorKind::not_found) return Fd();
    if (!opened) return tl::unexpected<Error>(opened.error());
    real = std::move(*opened);
  }
  struct Document {
    const std::string* name;
    Fd tree;
    bool directory;
  };
  std::vector<Document> documents;
  for (const std::string& name : view.memory_documents) {
    auto place = open_beneath(real.get(), name, O_PATH);
    if (!place) continue;  // gone, or a link: then nobody may read it through this name
    TRY(const struct stat st, fs::stat_of(*place));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) continue;
    TRY(Fd tree, clone_tree(place->get(), "", AT_EMPTY_PATH));
    documents.push_back({&name, std::move(tree), S_ISDIR(st.st_mode)});
  }
  TRY_DO(mount_tmpfs(target, tmpfs_options(kMemoryTmpBytes, kPlanItems * 4, 0755)));
  TRY(Fd cover, open_beneath(AT_FDCWD, target, O_PATH | O_DIRECTORY));
  for (const Document& document : documents) {
    TRY_DO(make_parents(cover.get(), *document.name, document.directory));
    if (!document.directory) TRY_DO(make_file(cover.get(), *document.name, ""));
    TRY(const Fd place, open_beneath(cover.get(), *document.name, O_PATH));
    TRY_DO(attach_at(document.tree, place, *document.name));
  }
  if (outside && (umount2(kMemory, MNT_DETACH) != 0 || rmdir(kMemory) != 0))
    return failed(errno, "take away the mount of Agent_Memory");
  return cover;
}

Result<void> mount_masks(const policy::SpawnView& view) {
  if (view.masks.empty()) return {};
  TRY_DO(make_file(AT_FDCWD, kMaskFile, ""));
  TRY_DO(make_parents(AT_FDCWD, kMaskDirectory, true));
  TRY(const Fd workspace,
      open_beneath(AT_FDCWD, inside_path(view.workspace), O_PATH | O_DIRECTORY));
  for (const std::string& name : view.masks) {
    // A link is covered itself, never what it points to.
    const auto place = open_beneath(workspace.get(), name, O_PATH | O_NOFOLLOW);
    if (!place && place.error().kind == ErrorKind::not_found) continue;
    if (!place) return failed(errno, "find " + name + " to hide it");
    TRY(const struct stat st, fs::stat_of(*place));
    TRY(const Fd empty, clone_tree(AT_FDCWD, S_ISDIR(st.st_mode) ? kMaskDirectory : kMaskFile, 0));
    TRY_DO(set_attributes(empty, kReadOnly | MOUNT_ATTR_NOEXEC));
    TRY_DO(attach_at(empty, *place, name));
  }
  if (unlink(kMaskFile) != 0 || rmdir(kMaskDirectory) != 0)
    return failed(errno, "take away the mask's source");
  return {};
}

}  // namespace

const char* beneath(const std::string& path, const std::string& root) {
  if (path.compare(0, root.size(), root) != 0) return nullptr;
  if (path.size() == root.size()) return "";
  return path[root.size()] == '/' ? path.c_str() + root.size() + 1 : nullptr;
}

Result<PlanTrees> open_plan_trees(const policy::SpawnView& view, const std::string& layer_directory,
                                  bool recursive) {
  PlanTrees trees;
  if (!layer_directory.empty()) {
    TRY(trees.layer, clone_tree(AT_FDCWD, layer_directory.c_str(), 0));
  }
  TRY(trees.workspace, open_plan_tree(view.workspace, recursive, "the workspace"));
  if (!trees.workspace.directory)
    return fail(ErrorKind::invalid_argument, "the workspace is not a folder: " + view.workspace);
  for (const std::string& root : view.read_only_roots) {
    if (beneath(root, trees.workspace.path) != nullptr) continue;  // part of the overlay already
    auto tree = open_plan_tree(root, recursive, "the read-only root");
    // A log folder that does not exist yet is as absent inside as outside.
    if (!tree && tree.error().kind == ErrorKind::not_found) continue;
    if (!tree) return tl::unexpected<Error>(tree.error());
    trees.read_only.push_back(std::move(*tree));
  }
  std::sort(trees.read_only.begin(), trees.read_only.end(),
            [](const PlanTree& a, const PlanTree& b) { return a.path < b.path; });
  if (!view.memory.empty() && beneath(view.memory, trees.workspace.path) == nullptr) {
    TRY(PlanTree memory, open_plan_tree(view.memory, recursive, "Agent_Memory"));
    trees.memory.push_back(std::move(memory));
  }
  return trees;
}

Result<void> map_plan_trees(PlanTrees& trees, const Identity& identity, const Fd& slot_userns,
                            std::vector<std::string>& degraded) {
  std::vector<PlanTree*> all{&trees.workspace};
  for (PlanTree& tree : trees.read_only) all.push_back(&tree);
  for (PlanTree& tree : trees.memory) all.push_back(&tree);
  for (PlanTree* tree : all) {
    mount_attr attr{};
    attr.attr_set = MOUNT_ATTR_IDMAP;
    Fd other;
    if (tree->uid != identity.inside_uid || tree->gid != identity.inside_gid) {
      TRY(other, make_mapping(tree->uid, tree->gid, identity));
    }
    attr.userns_fd = static_cast<unsigned>(other ? other.get() : slot_userns.get());
    if (mount_setattr(tree->fd.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) != 0 &&
        std::find(degraded.begin(), degraded.end(), "no_idmap") == degraded.end())
      degraded.emplace_back("no_idmap");
  }
  return {};
}

Result<void> build_base(const std::vector<MountOp>& operations, const PlanTrees& trees,
                        std::vector<std::string>& degraded) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return failed(errno, "make the mounts private");
  // Any folder will do as the place of the new root: it is covered in this namespace only.
  if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
            tmpfs_options(4U << 20, kPlanItems * 2, 0755).c_str()) != 0)
    return failed(errno, "mount the slot's root");
  if (chdir("/tmp") != 0) return failed(errno, "enter the slot's root");
  umask(0);
  for (const MountOp& op : operations) TRY_DO(perform(op, degraded));
  // man 2 pivot_root: with both arguments ".", the old root ends up on top and is taken off.
  if (sys_pivot_root(".", ".") != 0) return failed(errno, "change to the slot's root");
  if (umount2(".", MNT_DETACH) != 0) return failed(errno, "take off the host's tree");
  if (chdir("/") != 0) return failed(errno, "enter the slot's root");
  for (const PlanTree& tree : trees.read_only) {
    const std::string target = inside_path(tree.path);
    TRY_DO(make_parents(AT_FDCWD, target, tree.directory));
    if (!tree.directory) TRY_DO(make_file(AT_FDCWD, target, ""));
    TRY_DO(set_attributes(tree.fd, kReadOnly | MOUNT_ATTR_NOEXEC));
    TRY_DO(attach(tree.fd, target));
  }
  return {};
}

Result<Layers> build_plan(const policy::SpawnPlan& plan, PlanTrees& trees) {
  TRY(Layers layers, mount_workspace(plan, trees.workspace, trees.layer));
  if (!plan.view.memory.empty()) {
    TRY(layers.memory, mount_memory(plan.view, trees));
  }
  TRY_DO(show_bound_files(plan));
  TRY_DO(mount_masks(plan.view));
  if (mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
            nullptr) != 0)
    return failed(errno, "make the slot's root read-only");
  umask(022);
  return layers;
}

}  // namespace remit::sandbox
