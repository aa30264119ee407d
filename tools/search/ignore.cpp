#include "tools/search/ignore.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"
#include "tools/search/types.h"

namespace remit::search {

namespace {

std::string_view trim_end(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || (line.back() >= '\t' && line.back() <= '\r'))) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

Result<void> IgnoreFile::add_line(std::string_view line) {
  if (line.starts_with('#')) return {};
  if (!line.ends_with("\\ ")) line = trim_end(line);
  if (line.empty()) return {};
  Rule rule;
  bool anchored = false;
  if (line.starts_with("\\!") || line.starts_with("\\#")) {
    line.remove_prefix(1);
  } else {
    if (line.starts_with('!')) {
      rule.keep = true;
      line.remove_prefix(1);
    }
    if (line.starts_with('/')) {
      anchored = true;
      line.remove_prefix(1);
    }
  }
  if (line.ends_with('/')) {
    rule.directories_only = true;
    line.remove_suffix(1);
    if (line.ends_with('\\')) line.remove_suffix(1);
  }
  if (line.empty()) return {};
  std::string glob;
  const bool floating = !anchored && line.find('/') == std::string_view::npos;
  if (floating && line != "**" && !line.starts_with("**/")) glob = "**/";
  glob += line;
  // "dir/**" means what is inside, not the directory itself.
  if (glob.ends_with("/**")) glob += "/*";
  TRY(rule.glob, Glob::compile(glob));
  if (rule.keep) ++keeps_;
  rules_.push_back(std::move(rule));
  return {};
}

IgnoreFile IgnoreFile::parse(std::string_view text) {
  IgnoreFile file;
  text = text.substr(0, limits::kIgnoreFileBytes);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    // A malformed line must not make the rest of the file void.
    if (!file.add_line(line)) { /* skipped, as ripgrep does */
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return file;
}

Judgement IgnoreFile::judge(std::string_view path, std::string_view base, bool is_directory) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->directories_only && !is_directory) continue;
    if (rule->glob.matches(path, base)) return rule->keep ? Judgement::keep : Judgement::ignore;
  }
  return Judgement::none;
}

Judgement judge_scopes(const IgnoreScope* nearest, std::string_view full_path,
                       std::string_view base, bool is_directory) {
  bool in_git = false;
  for (const IgnoreScope* scope = nearest; scope != nullptr && !in_git;
       scope = scope->parent.get()) {
    in_git = scope->has_git;
  }
  Judgement by_rgignore = Judgement::none, by_ignore = Judgement::none;
  Judgement by_gitignore = Judgement::none, by_exclude = Judgement::none;
  bool beyond_repository = false;
  for (const IgnoreScope* scope = nearest; scope != nullptr; scope = scope->parent.get()) {
    const std::string_view path = full_path.substr(scope->base_length);
    auto ask = [&](Judgement& answer, const IgnoreFile& file) {
      if (answer == Judgement::none && !file.empty()) answer = file.judge(path, base, is_directory);
    };
    ask(by_rgignore, scope->rgignore);
    if (by_rgignore != Judgement::none) return by_rgignore;
    ask(by_ignore, scope->ignore);
    if (in_git && !beyond_repository) {
      ask(by_gitignore, scope->gitignore);
      ask(by_exclude, scope->git_exclude);
    }
    beyond_repository = beyond_repository || scope->has_git;
  }
  if (by_ignore != Judgement::none) return by_ignore;
  return by_gitignore != Judgement::none ? by_gitignore : by_exclude;
}

Result<Selection> Selection::make(const std::vector<std::string>& globs, std::string_view type) {
  Selection selection;
  for (const std::string& glob : globs) {
    if (glob.empty()) return fail(ErrorKind::invalid_argument, "empty glob", "/glob");
    if (auto added = selection.globs_.add_line(glob); !added) {
      Error error = std::move(added).error();
      error.where = "/glob";
      return tl::unexpected<Error>(std::move(error));
    }
  }
  if (!type.empty()) {
    selection.has_type_ = true;
    TRY(selection.type_globs_, globs_of_type(type));
  }
  return selection;
}

Judgement Selection::by_globs(std::string_view path, std::string_view base,
                              bool is_directory) const {
  if (globs_.empty()) return Judgement::none;
  switch (globs_.judge(path, base, is_directory)) {
    case Judgement::ignore:
      return Judgement::keep;
    case Judgement::keep:
      return Judgement::ignore;
    case Judgement::none:
      break;
  }
  // One positive glob turns the list into a list of what is wanted; directories are still entered.
  return globs_.ignores() > 0 && !is_directory ? Judgement::ignore : Judgement::none;
}

bool Selection::wants_type(std::string_view path, std::string_view base) const {
  (void)path;
  return !has_type_ || std::any_of(type_globs_.begin(), type_globs_.end(),
                                   [&](const Glob& glob) { return glob.matches(base, base); });
}

bool is_version_control(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames{".git", ".hg", ".svn", ".jj", ".bzr"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace remit::search
