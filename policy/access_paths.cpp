// How a path that an agent wrote becomes a thing: resolved by the kernel from a held root, then
// placed by the name the kernel has for what was opened.
#include <fcntl.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {
namespace {

// True if `path` is `root` or lies below it; *rest is what follows.
bool beneath(std::string_view root, std::string_view path, std::string* rest) {
  if (root.empty() || !path.starts_with(root)) return false;
  std::string_view tail = path.substr(root.size());
  if (!tail.empty() && root != "/" && tail.front() != '/') return false;
  while (!tail.empty() && tail.front() == '/') tail.remove_prefix(1);
  *rest = tail;
  return true;
}

constexpr std::string_view kDeleted = " (deleted)";

}  // namespace

Location AgentAccess::place(std::string_view absolute) const {
  Location out;
  out.shown = absolute;
  std::string rest;
  const Remit& remit = *parts_.remit;
  const bool in_workspace =
      !remit.roots.empty() && beneath(remit.roots.front().path, absolute, &rest);
  if (in_workspace) out.shown = rest.empty() ? "." : rest;
  std::string document;
  if (beneath(remit.memory_root, absolute, &document)) {
    out.space = Space::memory;
    out.path = document;
    return out;
  }
  if (in_workspace) {
    out.space = Space::workspace;
    out.path = rest;
    return out;
  }
  for (std::size_t i = 1; i < remit.roots.size(); ++i) {
    if (beneath(remit.roots[i].path, absolute, &rest)) {
      out.space = Space::root;
      out.root = i;
      out.path = absolute;
      return out;
    }
  }
  out.path = absolute;
  return out;
}

std::optional<Location> AgentAccess::stored_place(std::string_view path) const {
  if (!documents_are_rows() || roots_.empty() || !fs::check_path(path)) return std::nullopt;
  const std::string absolute = path.starts_with('/')
                                   ? std::string(path)
                                   : fs::join(parts_.remit->roots.front().path, std::string(path));
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(absolute, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string normal;
  for (const std::string_view part : parts) normal += "/" + std::string(part);
  Location where = place(normal);
  if (where.space != Space::memory) return std::nullopt;
  return where;
}

Result<AgentAccess::Start> AgentAccess::start_of(std::string_view path) const {
  TRY_DO(fs::check_path(path));
  const Remit& remit = *parts_.remit;
  Start out;
  std::string rest;
  if (path.empty() || path.front() != '/') {
    if (roots_.empty())
      return fail(ErrorKind::denied, "no workspace is granted", {}, "not_allowed");
    return Start{&roots_.front(), remit.roots.front().path, std::string(path)};
  }
  // The longest root wins: Agent_Memory may lie in the workspace, a log root in another.
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    if (beneath(remit.roots[i].path, path, &rest) &&
        remit.roots[i].path.size() >= out.root_path.size()) {
      out = Start{&roots_[i], remit.roots[i].path, rest};
    }
  }
  if (memory_root_ && beneath(remit.memory_root, path, &rest) &&
      remit.memory_root.size() > out.root_path.size()) {
    out = Start{&memory_root_, remit.memory_root, rest};
  }
  return out;
}

Result<Location> AgentAccess::place_missing(const Start& start) const {
  // Walk up by text until something exists, then ask the kernel for its name.
  std::string head = start.relative, tail;
  for (;;) {
    auto fd = fs::resolve(*start.root, head);
    if (fd) {
      TRY(const std::string real, fs::real_path(*fd));
      return place(fs::join(real, tail));
    }
    if (fd.error().kind != ErrorKind::not_found || head.empty()) {
      return tl::unexpected<Error>(std::move(fd).error());
    }
    tail = fs::join(fs::base_name(head), tail);
    head = fs::parent_of(head);
  }
}

Result<AgentAccess::Seen> AgentAccess::look(std::string_view path) const {
  Seen out;
  if (auto stored = stored_place(path)) {
    out.where = std::move(*stored);
    return out;
  }
  TRY(const Start start, start_of(path));
  out.where.path = path;
  out.where.shown = path;
  if (start.root == nullptr) return out;  // outside every root
  auto fd = fs::resolve(*start.root, start.relative);
  if (!fd) {
    if (fd.error().code == "escapes_root") return out;
    if (fd.error().kind != ErrorKind::not_found && fd.error().kind != ErrorKind::denied) {
      return tl::unexpected<Error>(std::move(fd).error());
    }
    // Missing, or not reachable by this user: decided by its name, so that both answers are alike.
    auto where = place_missing(start);
    if (where) out.where = std::move(*where);
    return out;
  }
  TRY(out.status, fs::stat_of(*fd));
  TRY(std::string real, fs::real_path(*fd));
  if (out.status.st_nlink == 0 && std::string_view(real).ends_with(kDeleted)) {
    real.resize(real.size() - kDeleted.size());
  } else {
    out.exists = true;
  }
  out.where = place(real);
  out.fd = std::move(*fd);
  return out;
}

Result<AgentAccess::Slot> AgentAccess::look_for_write(std::string_view path) const {
  Slot out;
  if (auto stored = stored_place(path)) {
    if (stored->path.empty())
      return fail(ErrorKind::invalid_argument,
                  "path names a root, not a file in it: " + escape_ascii(path));
    out.name = fs::base_name(stored->path);
    out.where = std::move(*stored);
    return out;
  }
  TRY(Start start, start_of(path));
  out.where.path = path;
  out.where.shown = path;
  if (start.root == nullptr) return out;
  while (!start.relative.empty() && start.relative.back() == '/') start.relative.pop_back();
  if (start.relative.empty()) {
    return fail(ErrorKind::invalid_argument,
                "path names a root, not a file in it: " + escape_ascii(path));
  }
  out.name = fs::base_name(start.relative);
  if (out.name == "." || out.name == "..") {
    return fail(ErrorKind::invalid_argument, "path must end in a file name: " + escape_ascii(path));
  }
  std::string head(fs::parent_of(start.relative));
  for (;;) {
    auto fd = fs::resolve(*start.root, head);
    if (fd) {
      out.directory = std::move(*fd);
      break;
    }
    if (fd.error().kind != ErrorKind::not_found || head.empty()) {
      if (fd.error().code == "escapes_root" || fd.error().kind == ErrorKind::denied) return out;
      return tl::unexpected<Error>(std::move(fd).error());
    }
    const std::string_view missing = fs::base_name(head);
    if (missing == "." || missing == "..") {
      return fail(ErrorKind::invalid_argument,
                  "path leads through a directory that does not exist: " + escape_ascii(path));
    }
    out.missing = fs::join(missing, out.missing);
    head = fs::parent_of(head);
  }
  TRY(const struct stat folder, fs::stat_of(out.directory));
  // Told only after the decision: that a file stands in the way would say that it exists.
  out.blocked = !S_ISDIR(folder.st_mode);
  TRY(const std::string real, fs::real_path(out.directory));
  out.where = place(fs::join(fs::join(real, out.missing), out.name));
  if (out.missing.empty() && !out.blocked) {
    auto entry = fs::open_child(out.directory, out.name, O_PATH);
    if (entry) {
      TRY(out.status, fs::stat_of(*entry));
      out.exists = true;
    } else if (entry.error().code == "escapes_root") {
      // A symlink: it is the name that would be replaced, and the verb refuses that.
      out.exists = true;
      out.status.st_mode = S_IFLNK;
    } else if (entry.error().kind != ErrorKind::not_found) {
      return tl::unexpected<Error>(std::move(entry).error());
    }
  }
  return out;
}

Result<std::string> file_version(const Fd& fd, const struct stat& status) {
  const auto ns = [](const struct timespec& time) {
    return std::to_string(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
  };
  if (static_cast<std::uint64_t>(status.st_size) > limits::kVersionHashBytes) {
    return "id:" + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" +
           std::to_string(status.st_size) + ":" + ns(status.st_mtim) + ":" + ns(status.st_ctim);
  }
  TRY(const std::string bytes, fs::read_all(fd, limits::kVersionHashBytes));
  return sha256_hex(bytes);
}

}  // namespace remit::policy
