// The state directory: one SQLite database in WAL mode (state.db) shared by every Remit process of a
// user, keys beside it, spilled output, held change sets. 0700, owned by us, outside every root.
//
// State is a handle: any number of processes and threads may hold one. Each operation takes the
// connection's mutex; writes are BEGIN IMMEDIATE transactions that wait at most kStateLockWait.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"

namespace remit::memory {

class Database;  // memory/sqlite.h

struct StateOptions {
  std::string directory;  // absolute; made (0700) when missing
  std::vector<std::string> roots;  // absolute; the directory must lie outside each
};

class State {
 public:
  // Errors, each one clear line: denied if the directory belongs to another user or others may write
  // it; invalid_argument if it lies inside a root; unavailable if it cannot be made or the database
  // is not ours (wrong application_id) or newer than this binary.
  static Result<std::unique_ptr<State>> open(const StateOptions& options, const Clock& clock);
  ~State();

  Database& database();  // for the row types of memory/
  const Clock& clock() const;
  const std::string& directory() const;
  const Fd& directory_fd() const;

  // Key material, made on first use (32 random bytes, 0600, keys/NAME). Names: "case", "etag",
  // "request_state", "approval". The approval key is read by the starter and by `remit approve`
  // only: keys/ lies outside a worker's lock.
  Result<std::string> key(const std::string& name);

 private:
  struct Parts;
  explicit State(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace remit::memory
