#include "policy/shell_paths.h"

#include <algorithm>

#include "base/fs.h"
#include "base/text.h"

namespace remit::policy {
namespace {

constexpr std::size_t kDirectories = 16;  // more cd than that: every relative path is unclear

bool has_dot_dot(std::string_view path) {
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

}  // namespace

std::string shell_path_normal(std::string_view absolute) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(absolute, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string path;
  for (const std::string_view part : kept) path.append("/").append(part);
  return path.empty() ? "/" : path;
}

void ShellPaths::enter(const std::string& path) {
  for (const std::string& target : readings(path)) {
    if (directories_.size() >= kDirectories) return;
    if (std::find(directories_.begin(), directories_.end(), target) == directories_.end()) {
      directories_.push_back(target);
    }
  }
}

std::vector<std::string> ShellPaths::readings(std::string_view path) const {
  if (path.starts_with('/')) return {shell_path_normal(path)};
  std::vector<std::string> all;
  for (const std::string& directory : directories_) {
    all.push_back(shell_path_normal(directory + "/" + std::string(path)));
  }
  return all;
}

ShellPlace ShellPaths::place_at(std::string_view path, std::size_t directory) const {
  std::string absolute(path);
  bool climbs = has_dot_dot(path);
  if (!path.starts_with('/')) {
    // Leading ".." of the directory the shell starts in are certain; others may cross a link.
    std::string base = directories_[directory];
    while (directory == 0 && (path == ".." || path.starts_with("../"))) {
      base = shell_path_normal(base + "/..");
      path.remove_prefix(std::min<std::size_t>(3, path.size()));
    }
    climbs = has_dot_dot(path);
    absolute = base + "/" + std::string(path);
  }
  const std::string normal = shell_path_normal(absolute);
  if (normal == "/dev/null") return ShellPlace::null;
  for (const std::string_view kernel : {"/proc", "/sys", "/dev"}) {
    if (fs::is_beneath(normal, kernel)) return ShellPlace::outside;
  }
  ShellPlace found = ShellPlace::outside;
  for (const std::string& root : scope_.read_roots) {
    if (fs::is_beneath(normal, root)) found = ShellPlace::read_root;
  }
  if (fs::is_beneath(normal, scope_.workspace)) found = ShellPlace::workspace;
  return climbs && found != ShellPlace::outside ? ShellPlace::unclear : found;
}

ShellPlace ShellPaths::place(std::string_view path) const {
  if (path.empty()) return ShellPlace::workspace;  // names nothing
  ShellPlace worst = ShellPlace::pipe;
  for (std::size_t i = 0; i < directories_.size(); ++i) worst = std::max(worst, place_at(path, i));
  return directories_.size() >= kDirectories ? std::max(worst, ShellPlace::unclear) : worst;
}

ShellPlace ShellPaths::place(const ShellWord& word) const {
  std::string text;
  bool glob = false;
  for (const ShellPiece& piece : word.pieces) {
    switch (piece.kind) {
      case ShellPieceKind::text:
        text += piece.text;
        break;
      case ShellPieceKind::glob:
        glob = true;
        text += piece.text;
        break;
      case ShellPieceKind::tilde:
        return word.splits() ? ShellPlace::unknown : ShellPlace::outside;
      case ShellPieceKind::process:
        return word.pieces.size() == 1 ? ShellPlace::pipe : ShellPlace::unknown;
      case ShellPieceKind::expansion:
      case ShellPieceKind::quoted_expansion:
      case ShellPieceKind::ansi_c:
        return ShellPlace::unknown;
    }
  }
  if (word.brace) return ShellPlace::unknown;
  if (glob) {
    // A pattern that begins with a dot, or writes one in brackets, can name "..".
    for (const std::string_view part : split(text, '/')) {
      const bool pattern = part.find_first_of("*?[") != std::string_view::npos;
      if (pattern && (part.front() == '.' || part.front() == '[')) return ShellPlace::unknown;
    }
  }
  return place(std::string_view(text));
}

}  // namespace remit::policy
