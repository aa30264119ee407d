// Which entries of a walk are left out: ignore files as ripgrep reads them, the caller's globs and
// the file type. All of it is about relevance, not permission: what an agent may see is decided by
// policy::Walk before anything here looks at a name.
//
// Precedence (ripgrep 13): globs of the caller; then the ignore files by kind (.rgignore, .ignore,
// .gitignore, .git/info/exclude), inside a kind the nearer directory, inside a file the last
// matching line; then the type. .gitignore and info/exclude count only inside a git repository, and
// not beyond its root. A glob that matches overrides every ignore file.
//
// Threads: all types are immutable once built; IgnoreScope nodes are shared by walkers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/search/glob.h"

namespace remit::search {

enum class Judgement : std::uint8_t { none, ignore, keep };

// One ignore file, or the list of the caller's globs.
class IgnoreFile {
 public:
  // Never fails: a line that is no valid glob is skipped, as ripgrep does. At most
  // limits::kIgnoreFileBytes of the text are read.
  static IgnoreFile parse(std::string_view text);
  // Adds one line; an error names what is wrong with the glob.
  Result<void> add_line(std::string_view line);

  // `path` relative to the directory of the file; the last matching line decides.
  Judgement judge(std::string_view path, std::string_view base, bool is_directory) const;
  bool empty() const { return rules_.empty(); }
  std::size_t keeps() const { return keeps_; }  // lines with '!'
  std::size_t ignores() const { return rules_.size() - keeps_; }

 private:
  struct Rule {
    Glob glob;
    bool keep = false;
    bool directories_only = false;
  };
  std::vector<Rule> rules_;
  std::size_t keeps_ = 0;
};

// The ignore files of one directory, linked to its parent's.
struct IgnoreScope {
  std::shared_ptr<const IgnoreScope> parent;
  std::size_t base_length = 0;  // bytes of the full path that name this directory, '/' included
  IgnoreFile rgignore, ignore, gitignore, git_exclude;
  bool has_git = false;  // the directory holds a .git: the root of a repository
};

// `full_path` starts at the same place as the scopes' base_length counts from.
Judgement judge_scopes(const IgnoreScope* nearest, std::string_view full_path,
                       std::string_view base, bool is_directory);

// The caller's own wishes: globs (a leading '!' excludes) and a type.
class Selection {
 public:
  // `type` empty: every type. Errors: invalid_argument with `where` "/glob" or "/type".
  static Result<Selection> make(const std::vector<std::string>& globs, std::string_view type);

  // `path` relative to the root of the walk. `keep` beats the ignore files.
  Judgement by_globs(std::string_view path, std::string_view base, bool is_directory) const;
  bool wants_type(std::string_view path, std::string_view base) const;

 private:
  IgnoreFile globs_;  // keep and ignore change places in here
  bool has_type_ = false;
  std::vector<Glob> type_globs_;
};

// Directories of version control: never searched, whatever the globs say.
bool is_version_control(std::string_view name);

}  // namespace remit::search
