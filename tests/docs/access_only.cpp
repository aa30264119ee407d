#include "tests/docs/access_only.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace remit::docs_test {
namespace {

// What a call does to the world. Reading and writing a descriptor that one already holds is free:
// getting the descriptor is what is decided.
enum class Power { open, list, replace, spawn, connect, raw };
constexpr std::array<std::string_view, 6> kPowerNames = {"open",  "list",    "replace",
                                                         "spawn", "connect", "raw"};
std::string_view name_of(Power power) {
  return kPowerNames[static_cast<std::size_t>(power)];
}

const std::map<std::string_view, Power>& calls() {
  static const std::map<std::string_view, Power> table = [] {
    std::map<std::string_view, Power> out;
    const auto add = [&out](Power power, std::initializer_list<std::string_view> names) {
      for (const std::string_view name : names) out.emplace(name, power);
    };
    add(Power::open,
        {"open", "open64", "openat", "openat2", "creat", "fopen", "freopen", "fdopen", "ifstream",
         "fstream", "open_by_handle_at", "readlink", "readlinkat", "dlopen", "shm_open"});
    add(Power::list, {"opendir", "fdopendir", "readdir", "scandir", "nftw", "ftw", "fts_open",
                      "glob", "getdents64", "directory_iterator", "recursive_directory_iterator"});
    add(Power::replace, {"ofstream",
                         "rename",
                         "renameat",
                         "renameat2",
                         "unlink",
                         "unlinkat",
                         "rmdir",
                         "mkdir",
                         "mkdirat",
                         "mkstemp",
                         "mkostemp",
                         "mkdtemp",
                         "link",
                         "linkat",
                         "symlink",
                         "symlinkat",
                         "mknod",
                         "mknodat",
                         "mkfifo",
                         "mkfifoat",
                         "truncate",
                         "chmod",
                         "fchmodat",
                         "chown",
                         "lchown",
                         "fchownat",
                         "remove",
                         "tmpfile",
                         "setxattr",
                         "lsetxattr",
                         "create_directory",
                         "create_directories",
                         "remove_all",
                         "copy_file"});
    add(Power::spawn, {"fork", "vfork", "clone", "clone3", "execve", "execv", "execvp", "execvpe",
                       "execl", "execlp", "execle", "execveat", "fexecve", "posix_spawn",
                       "posix_spawnp", "popen", "system", "forkpty"});
    add(Power::connect, {"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
                         "getaddrinfo", "gethostbyname"});
    add(Power::raw, {"syscall", "mount", "umount", "umount2", "pivot_root", "chroot", "unshare",
                     "setns", "ptrace", "prctl"});
    return out;
  }();
  return table;
}

// The files that may, what they may, and why. `path` is a file, or a folder when it ends with '/'.
struct Permit {
  std::string_view path;
  std::set<Power> powers;
  std::string_view why;
};
const std::vector<Permit>& permits() {
  static const std::vector<Permit> table = {
      {"base/fs.cpp",
       {Power::open, Power::replace, Power::raw},
       "the file primitives under Access and the state directory; raw: openat2, getdents64"},
      {"memory/sqlite.cpp",
       {Power::open},
       "sqlite's file calls, turned to the held state directory"},
      {"memory/state.cpp",
       {Power::open, Power::replace},
       "makes and opens the state directory, which lies outside every root of every agent"},
      {"server/transport/stdio.cpp",
       {Power::open, Power::raw},
       "moves the process's own stdin and stdout away: /dev/null, /proc/self/fd; raw: prctl for the "
       "parent's death"},
  };
  return table;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

struct Call {
  std::string name;
  Power power = Power::open;
};

// The qualifier and context before column `start`: whether this use of a name is the C library's.
bool is_library_call(const std::string& code, std::size_t start) {
  std::size_t end = start;
  while (end > 0 && code[end - 1] == ' ') --end;
  if (end == 0) return true;
  if (code[end - 1] == '.') return false;
  if (end >= 2 && code.compare(end - 2, 2, "->") == 0) return false;
  if (end >= 2 && code.compare(end - 2, 2, "::") == 0) {
    std::size_t from = end - 2;
    while (from > 0 && (is_word(code[from - 1]) || code[from - 1] == ':')) --from;
    const std::string qualifier = code.substr(from, end - 2 - from);
    return qualifier.empty() || qualifier == "std" || qualifier == "std::filesystem" ||
           qualifier == "filesystem";
  }
  // "Fd open(" declares; "return open(" and "= open(" call.
  if (code[end - 1] == '>' || code[end - 1] == '*' || code[end - 1] == '&') return false;
  if (!is_word(code[end - 1])) return true;
  std::size_t from = end;
  while (from > 0 && is_word(code[from - 1])) --from;
  const std::string before = code.substr(from, end - from);
  return before == "return" || before == "co_return" || before == "else" || before == "do";
}

// A method of ours may share a name with the C library; those calls all take several arguments.
// True if the call that opens at `paren` closes on this line without a comma.
bool has_one_argument(const std::string& code, std::size_t paren) {
  int depth = 0;
  for (std::size_t i = paren; i < code.size(); ++i) {
    if (code[i] == '(') ++depth;
    if (code[i] == ')' && --depth == 0) return true;
    if (code[i] == ',' && depth == 1) return false;
  }
  return false;
}
bool takes_several(std::string_view name) {
  static const std::set<std::string_view> names = {"open",   "connect", "bind", "listen", "accept",
                                                   "rename", "link",    "glob", "clone"};
  return names.contains(name);
}

std::optional<Call> next_call(const std::string& code, std::size_t& at) {
  while (at < code.size()) {
    if (!is_word(code[at]) || (at > 0 && is_word(code[at - 1]))) {
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < code.size() && is_word(code[at])) ++at;
    const auto found = calls().find(std::string_view(code).substr(start, at - start));
    if (found == calls().end()) continue;
    const std::string name(found->first);
    // Streams and iterators are types: naming one is enough. The others count when called.
    const bool type = name.ends_with("stream") || name.ends_with("_iterator");
    std::size_t next = at;
    while (next < code.size() && code[next] == ' ') ++next;
    if (!type && (next >= code.size() || code[next] != '(')) continue;
    if (takes_several(name) && has_one_argument(code, next)) continue;
    if (is_library_call(code, start)) return Call{name, found->second};
  }
  return std::nullopt;
}

const Permit* permit_for(const std::string& path, Power power) {
  for (const Permit& permit : permits()) {
    const bool hit =
        permit.path.ends_with('/') ? path.starts_with(permit.path) : path == permit.path;
    if (hit && permit.powers.contains(power)) return &permit;
  }
  return nullptr;
}

template <class Visit>
void each_call(const SourceFile& file, Visit visit) {
  const std::vector<std::string> code = code_only(file.lines);
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i].starts_with('#')) continue;
    std::size_t at = 0;
    while (const std::optional<Call> call = next_call(code[i], at)) {
      visit(static_cast<int>(i) + 1, *call);
    }
  }
}

}  // namespace

std::vector<Finding> check_access_only(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    each_call(file, [&](int line, const Call& call) {
      if (permit_for(file.path, call.power) != nullptr) return;
      findings.push_back({file.path, line,
                          call.name + "() may " + std::string(name_of(call.power)) +
                              " past decide(); go through Access, or name this file in "
                              "tests/docs/access_only.cpp with the reason"});
    });
  }
  return findings;
}

std::vector<Finding> check_table_is_used(const std::vector<SourceFile>& files) {
  std::set<std::pair<std::string_view, Power>> used;
  for (const SourceFile& file : files) {
    each_call(file, [&](int, const Call& call) {
      const Permit* permit = permit_for(file.path, call.power);
      if (permit != nullptr) used.emplace(permit->path, call.power);
    });
  }
  std::vector<Finding> findings;
  for (const Permit& permit : permits()) {
    for (const Power power : permit.powers) {
      if (used.contains({permit.path, power})) continue;
      findings.push_back({"tests/docs/access_only.cpp", 1,
                          "the row of " + std::string(permit.path) + " allows to " +
                              std::string(name_of(power)) +
                              ", which nothing there does; narrow it"});
    }
  }
  return findings;
}

}  // namespace remit::docs_test
