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
      {"base/datagram.cpp", {Power::connect}, "pairs of sockets between processes of this program"},
      {"base/descriptor_folder.cpp",
       {Power::open},
       "the folder of this process's own descriptors: names what is already open"},
      {"base/fs.cpp",
       {Power::open, Power::replace, Power::raw},
       "the file primitives under Access and the state directory; raw: openat2, getdents64"},
      {"base/unfinished.cpp",
       {Power::open, Power::replace},
       "notes temporary names in the state directory, removes those that dead processes noted"},
      {"memory/document_files.cpp",
       {Power::replace},
       "documents beneath the held Agent_Memory root, for the Store that only Access calls"},
      {"memory/ledger_spool.cpp",
       {Power::open, Power::replace},
       "what waits for the ledger, in the held state directory"},
      {"memory/postgres_process.cpp",
       {Power::open, Power::spawn, Power::connect, Power::raw},
       "starts the keeper of documents in PostgreSQL before the server locks itself in"},
      {"memory/private_file.cpp",
       {Power::open},
       "the hash of the PIN and the passkeys, files of the held state directory"},
      {"memory/server_rows.cpp",
       {Power::replace, Power::connect},
       "the datagram socket in the state directory by which processes wake one another"},
      {"memory/sqlite.cpp",
       {Power::open},
       "sqlite's file calls, turned to the held state directory"},
      {"memory/state.cpp",
       {Power::open, Power::replace},
       "makes and opens the state directory, which lies outside every root of every agent"},
      {"policy/find.cpp",
       {Power::open},
       "readlink of /proc/self/exe: the shipped files lie beside the binary"},
      {"policy/access_replace.cpp",
       {Power::replace},
       "the verb replace itself, after decide(): directories, links, deletions by descriptor"},
      {"policy/change_sets.cpp",
       {Power::replace},
       "held changes, in the state directory outside every root"},
      {"policy/spool.cpp",
       {Power::open, Power::replace},
       "a command's long output, in the state directory outside every root"},
      {"server/assembly.cpp",
       {Power::replace},
       "makes the state directory and a missing default Agent_Memory before anything is served"},
      {"server/postgres_keeper_main.cpp",
       {Power::raw},
       "prctl: nobody may look into the process that has the database's credentials"},
      {"server/process.cpp",
       {Power::open},
       "readlink of /proc/self/exe: configurations name this binary"},
      {"server/tokens.cpp",
       {Power::open, Power::replace},
       "token files of servers that are gone, in the state directory, before anything is served, "
       "and reads the file of credentials that the operator names"},
      {"server/cli/console_command.cpp",
       {Power::raw},
       "prctl: nobody may look into the process that checks the PIN"},
      {"server/cli/loopback_names.cpp",
       {Power::connect},
       "holds the loopback address that the console does not listen on"},
      {"server/cli/serve_agents.cpp",
       {Power::replace},
       "the tokens that were made, in the state directory, where the address cannot be had"},
      {"server/cli/console_process.cpp",
       {Power::open, Power::spawn, Power::raw},
       "starts remit-http as the console, or becomes it, before anything was made"},
      {"server/front/desk.cpp",
       {Power::replace},
       "makes a missing default Agent_Memory before anything is served"},
      {"server/front/launcher.cpp",
       {Power::spawn, Power::raw},
       "the process that starts workers, forked before anything was made; dies with the front"},
      {"server/front/link.cpp", {Power::connect}, "a pair of sockets for each connection"},
      {"server/front/workers.cpp",
       {Power::open, Power::spawn, Power::raw},
       "starts workers and the keeper of deadlines, with /dev/null for standard descriptors"},
      {"server/transport/http_metrics.cpp", {Power::open}, "/proc/self/statm, held for /metrics"},
      {"server/transport/http_listener.cpp", {Power::connect}, "the listening socket"},
      {"server/transport/http_server.cpp",
       {Power::replace, Power::connect},
       "a dead server's unix socket is found out and removed"},
      {"server/transport/stdio.cpp",
       {Power::open, Power::raw},
       "/dev/null in place of the standard descriptors, the client's pipe for itself; dies with "
       "it"},
      // The sandbox is what runs commands for Access.spawn; nothing else may start a process.
      {"tools/sandbox/bare_rules.cpp", {Power::open}, "finds the places of a slot's file rules"},
      {"tools/sandbox/base_view.cpp",
       {Power::open},
       "readlink of /bin and /lib, which every slot shows as the machine has them"},
      {"tools/sandbox/bound_files.cpp",
       {Power::replace},
       "the source of a script's mount, inside the slot's own namespace"},
      {"tools/sandbox/canary.cpp",
       {Power::open, Power::replace},
       "proves at start, in a scratch folder of its own, that a slot holds"},
      {"tools/sandbox/cgroup.cpp",
       {Power::open, Power::list, Power::replace},
       "the control files of one slot's cgroup"},
      {"tools/sandbox/changes.cpp",
       {Power::open, Power::list},
       "reads what a command left on its layer; applying it is Access.replace's"},
      {"tools/sandbox/confine.cpp", {Power::raw}, "the server's lock on itself"},
      {"tools/sandbox/landlock.cpp", {Power::open, Power::raw}, "the kernel's lock on a slot"},
      {"tools/sandbox/scratch.cpp",
       {Power::open, Power::list, Power::replace},
       "folders for the canary and the layer, made and removed below the state directory"},
      {"tools/sandbox/seccomp.cpp", {Power::raw}, "the kernel's filter on a slot"},
      {"tools/sandbox/slot.cpp",
       {Power::open, Power::spawn, Power::raw},
       "becomes the command, once everything else is shut"},
      {"tools/sandbox/slot_process.cpp",
       {Power::open, Power::spawn},
       "finds and kills what came from a slot"},
      {"tools/sandbox/spawner.cpp",
       {Power::spawn},
       "forks the starter before the server locks itself"},
      {"tools/sandbox/starter.cpp",
       {Power::open, Power::spawn, Power::raw},
       "makes slots and checks approvals itself"},
      {"tools/sandbox/supervisor.cpp", {Power::spawn, Power::raw}, "the first process of a slot"},
      {"tools/sandbox/mounts.cpp",
       {Power::open, Power::replace, Power::raw},
       "the operations of a slot's view, inside its own namespace"},
      {"tools/sandbox/sys.h", {Power::raw}, "system calls that the C library has no name for"},
      {"tools/sandbox/userns.cpp", {Power::open}, "id maps of a slot's user namespace"},
      {"tools/sandbox/view.cpp",
       {Power::replace, Power::raw},
       "mounts of a slot, made inside its own namespace"},
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
