// The state directory: one SQLite database in WAL mode (state.db) shared by every Remit process of
// a user, keys beside it, spilled output, held change sets. 0700, owned by us, outside every root.
//
// State is a handle: any number of processes and threads may hold one. Writes are BEGIN IMMEDIATE
// transactions that wait at most kStateLockWait (memory/sqlite.h has the thread rules). A State
// must not cross fork(): fork starters first, or open a second one in the child.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/unfinished.h"

namespace remit::memory {

class Database;  // memory/sqlite.h

struct StateOptions {
  std::string directory;           // absolute; made (0700) when missing
  std::vector<std::string> roots;  // absolute; the directory must lie outside each
};

// A path that must stay reachable after the process has locked itself (Landlock).
struct ConfinedPath {
  enum class Kind {
    file,       // read and write this existing file
    directory,  // make, write, rename and remove files, and make sockets, below this directory
  } kind = Kind::file;
  std::string path;  // absolute
};

class State {
 public:
  // Errors, each one clear line: invalid_argument if the directory is not absolute or lies inside a
  // root (or a root inside it); unavailable if it belongs to another user, others may enter it, a
  // symlink is part of its path, it cannot be made or lies on a network file system, or the
  // database is not ours (wrong application_id) or newer than this binary. A refused directory is
  // not touched.
  static Result<std::unique_ptr<State>> open(const StateOptions& options, const Clock& clock);

  // The same checks, then the empty directory: for what has to happen before the database is open.
  static Result<void> prepare(const StateOptions& options);
  ~State();

  Database& database();  // for the row types of memory/
  const Clock& clock() const;
  const std::string& directory() const;  // as the kernel names it
  const Fd& directory_fd() const;
  // For every fs::replace_file of this process; who starts a server sweeps it.
  fs::Unfinished& unfinished();

  // Key material, made on first use (32 random bytes, 0600, keys/NAME); the same for every process.
  // Names: "case", "etag", "request_state", "approval", "passkey_user". The approval key is read
  // where a person gives a yes only: keys/ lies outside a worker's lock, so a worker asks for the
  // keys it needs before it locks itself.
  Result<std::string> key(const std::string& name);
  // What proves a signature made with that key, and makes none (keys/NAME.pub, made with the key on
  // first use, which this process then does not keep).
  Result<std::string> public_key(const std::string& name);

  // Where a worker must still get at after its lock: documents.lock (opened per write), wake/,
  // drop/, spool/ and writing/. state.db and its log stay open and are named because SQLite may
  // stat them. keys/ and pin are left out on purpose.
  std::vector<ConfinedPath> confined_paths() const;

  // A directory below the state directory, made (0700) when missing: "wake", "drop", "spill",
  // "spool".
  Result<Fd> subdirectory(const std::string& name);

 private:
  struct Parts;
  explicit State(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Kernel locks on single documents, so that a killed holder never blocks anybody: an open file
// description lock (man 2 fcntl, F_OFD_SETLK) on one byte of documents.lock, chosen by a hash of
// the name; two names may share one. Waits at most kStateLockWait, then unavailable with code
// "locked".
class NameLocks {
 public:
  // All names at once, in one order for everybody. Duplicates are fine.
  static Result<NameLocks> take(State& state, const std::vector<std::string>& names);
  // Does not wait: false if another holder has one of them.
  static Result<bool> try_take(State& state, const std::vector<std::string>& names, NameLocks& out);
  NameLocks() = default;

 private:
  Fd file_;
};

}  // namespace remit::memory
