// Change sets: what Bash changed and has not been applied, kept 24 hours for a person. Each is a
// folder changes/<id>/ of the state directory: manifest.json and one blob per new content, named by
// its SHA-256. Written whole before it is announced.
//
// Threads and processes: any; a set is written once and then only read or removed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "memory/state.h"
#include "policy/remit.h"
#include "policy/spawner.h"

namespace remit::policy {

struct ChangeSet {
  std::string id;  // 16 hex digits
  std::string call_id, agent, instruction, workspace, memory_root, reason;
  std::string memory_database;  // as Remit::memory_database
  std::int64_t created_unix_ms = 0, expires_unix_ms = 0;
  std::vector<Change> changes;  // load() fills their content
};

class ChangeSets {
 public:
  // Opens changes/ in the state directory (made when missing).
  static Result<ChangeSets> open(memory::State& state);

  // Errors: unavailable if it cannot be written; then nothing is kept and the caller must say so.
  Result<std::string> save(ChangeSet set) const;
  // Newest first, without content. Expired ones are removed on the way.
  Result<std::vector<ChangeSet>> list() const;
  // Errors: not_found; internal (code "damaged") if a blob does not have its hash.
  Result<ChangeSet> load(const std::string& id) const;
  Result<void> remove(const std::string& id) const;

 private:
  ChangeSets(Fd directory, memory::State& state)
      : directory_(std::move(directory)),
        unfinished_(&state.unfinished()),
        clock_(&state.clock()) {}
  Fd directory_;
  fs::Unfinished* unfinished_;
  const Clock* clock_;
};

}  // namespace remit::policy
