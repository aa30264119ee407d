// Which files of its own a command executes, with their bytes: a person's yes is bound to them, and
// the slot shows them.
#include <fcntl.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {
namespace {

constexpr std::size_t kScriptsPerCommand = 64;
constexpr std::size_t kScriptDirectories = 32;
// What a slot is given of the files it executes: bytes of one, and of all together.
constexpr std::size_t kBoundFileBytes = 1u << 20;
constexpr std::size_t kBoundFilesBytes = 4u << 20;

bool is_interpreter(std::string_view name) {
  for (const char* known :
       {"bash", "sh", "dash", "zsh", "ksh", "awk", "gawk", "mawk", "sed", "make", "source", ".",
        "tclsh",
        // wrappers: what they start is among their operands
        "env", "xargs", "timeout", "nice", "nohup", "setsid", "stdbuf", "ionice", "command",
        "builtin", "exec", "time", "eval", "trap", "find", "parallel", "watch"}) {
    if (name == known) return true;
  }
  // With or without a version: python3.11, lua5.4.
  for (const char* family : {"python", "pypy", "perl", "ruby", "node", "php", "lua"}) {
    if (name.starts_with(family)) return true;
  }
  return false;
}

// The files that a simple command may execute besides programs of the system: itself, and every
// operand of an interpreter (which of them is its script depends on flags that differ by version;
// one too many only means one question too many).
std::vector<std::string> scripts_of(const std::vector<std::string>& argv) {
  std::vector<std::string> out;
  if (argv.empty()) return out;
  if (argv[0].find('/') != std::string::npos && !argv[0].starts_with("/usr/") &&
      !argv[0].starts_with("/bin/")) {
    out.push_back(argv[0]);
  }
  if (!is_interpreter(fs::base_name(argv[0]))) return out;
  for (std::size_t i = 1; i < argv.size() && out.size() < kScriptsPerCommand; ++i) {
    if (!argv[i].empty() && argv[i][0] != '-' && argv[i].size() <= limits::kPathBytes)
      out.push_back(argv[i]);
  }
  return out;
}

// Where a relative script may lie: the command's directory and every literal one it changes to.
std::vector<std::string> directories_of(const ShellAssessment& shell, const std::string& cwd) {
  std::vector<std::string> out{cwd};
  for (const std::vector<std::string>& argv : shell.commands) {
    if (argv.size() < 2 || (argv[0] != "cd" && argv[0] != "pushd")) continue;
    const std::string& to = argv.back();
    const std::size_t before = out.size();
    for (std::size_t i = 0; i < before && out.size() < kScriptDirectories; ++i) {
      out.push_back(!to.empty() && to.front() == '/' ? to : fs::join(out[i], to));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<Executed>> AgentAccess::executed_files(const ShellAssessment& shell,
                                                          const std::string& cwd) const {
  std::vector<Executed> out;
  std::size_t left = kBoundFilesBytes;
  const std::vector<std::string> directories = directories_of(shell, cwd);
  // One that is not there now and is later makes another key, too.
  const auto add = [&](const std::string& path) -> Result<void> {
    auto seen = look(path);
    if (!seen || !seen->exists || !S_ISREG(seen->status.st_mode)) return {};
    TRY(std::string real, fs::real_path(seen->fd));
    const auto same = [&](const Executed& file) { return file.path == real; };
    if (std::any_of(out.begin(), out.end(), same)) return {};
    TRY(const Fd file, fs::reopen(seen->fd, O_RDONLY));
    const auto bytes = static_cast<std::uint64_t>(seen->status.st_size);
    Executed executed;
    executed.path = std::move(real);
    if (bytes <= std::min(left, kBoundFileBytes)) {
      TRY(executed.content, fs::read_all(file, kBoundFileBytes));
      left -= std::min(left, executed.content.size());
    } else {
      TRY(executed.version, file_version(file, seen->status));
    }
    out.push_back(std::move(executed));
    return {};
  };
  for (const std::vector<std::string>& argv : shell.commands) {
    for (const std::string& script : scripts_of(argv)) {
      if (script.front() == '/') {
        TRY_DO(add(script));
        continue;
      }
      for (const std::string& directory : directories) {
        TRY_DO(add(fs::join(directory, script)));
      }
    }
  }
  return out;
}

}  // namespace remit::policy
