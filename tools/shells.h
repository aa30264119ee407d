// The background shells of one server process: started by Bash, read by BashOutput, ended by
// KillShell, by their own end, after kBackgroundLife, and with the server.
//
// Threads: safe. Each shell has a thread of its own that sits in Access.spawn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "policy/access.h"
#include "policy/apply_changes.h"

namespace remit::tools {

struct ShellState {
  bool running = true;
  std::string output;         // from the asked offset on, stdout and stderr as they came
  std::uint64_t next = 0;     // offset to ask for next time
  std::uint64_t skipped = 0;  // bytes between the asked offset and the oldest one still kept
  std::optional<policy::SpawnOutcome> outcome;
  std::optional<policy::ApplyReport> report;
  std::string error;  // why it could not run, or ""
};

class Shells {
 public:
  explicit Shells(const policy::ChangeSets& sets) : sets_(sets) {}
  ~Shells();
  Shells(const Shells&) = delete;
  Shells& operator=(const Shells&) = delete;

  // Starts a command that was judged allow or approved. Errors: unavailable, code "busy", beyond
  // kBackgroundShells or when the system has no thread left.
  Result<std::string> start(policy::Access& access, const policy::CallScope& call,
                            policy::SpawnRequest request);
  // Errors: not_found. `from`: offset, or nullopt for "since the last read".
  Result<ShellState> read(const std::string& id, std::optional<std::uint64_t> from);
  // Ends the tree and waits until it is gone. Returns the last state.
  Result<ShellState> kill(const std::string& id);
  // How many have not ended.
  std::size_t running();

 private:
  struct Shell;
  std::size_t count_running();  // under mutex_
  Result<std::shared_ptr<Shell>> find(const std::string& id);
  static ShellState state_of(Shell& shell, std::optional<std::uint64_t> from);

  const policy::ChangeSets& sets_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Shell>> shells_;
  std::uint64_t started_ = 0;
};

}  // namespace remit::tools
