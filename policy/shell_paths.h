// Where a path that stands in a command lies, by its text alone: no link is followed and nothing is
// opened, since the judgement also runs where no file can be seen. The sandbox's mounts and Access
// judge what is really there; this decides whether a person is asked first.
//
// Pure values and functions, reentrant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/remit.h"
#include "policy/shell_ast.h"

namespace remit::policy {

// What a command is judged against. Paths are absolute, real names without a trailing slash.
struct ShellScope {
  std::string workspace;
  std::string cwd;                      // where the command starts; as the kernel names it
  std::vector<std::string> read_roots;  // log roots and the like, read-only
  std::vector<std::string> system_dirs = {"/usr/bin", "/bin", "/usr/sbin",     "/sbin",
                                          "/usr/lib", "/lib", "/usr/local/bin"};
  std::string home = "/tmp";
  // Paths of the workspace that nothing may replace (Remit.protected_paths); may be null.
  const std::vector<PathRule>* protected_paths = nullptr;
};

// From harmless to unknown; the later wins when several readings of a word are possible.
enum class ShellPlace {
  pipe,  // a process substitution
  null,  // /dev/null
  workspace,
  read_root,
  outside,  // known, beneath no root; /proc, /sys and /dev always
  unclear,  // ".." behind another name, which a link can lead anywhere
  unknown,  // holds an expansion
};

// The directories in which the shell may stand; `cd` adds one and removes none, because it can
// fail.
class ShellPaths {
 public:
  explicit ShellPaths(const ShellScope& scope) : scope_(scope), directories_{scope.cwd} {}

  ShellPlace place(const ShellWord& word) const;
  ShellPlace place(std::string_view path) const;
  // Every absolute path that `path` can mean, ".." removed by text.
  std::vector<std::string> readings(std::string_view path) const;
  void enter(const std::string& path);
  const ShellScope& scope() const { return scope_; }

 private:
  ShellPlace place_at(std::string_view path, std::size_t directory) const;
  const ShellScope& scope_;
  std::vector<std::string> directories_;
};

// The path with ".", ".." and empty components removed by text.
std::string shell_path_normal(std::string_view absolute);

}  // namespace remit::policy
