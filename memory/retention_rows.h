// Rows of what is done once in a while for an Agent_Memory, and of what retention lets go: SQL of
// Store::retain() and Store::archive() in one place. Every function runs inside the caller's
// transaction or snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "memory/sqlite.h"

namespace remit::memory {

// A folder on its way into the archive.
struct Moving {
  std::string from, to;
};

class RetentionRows {
 public:
  // When the next round is due, in ms since 1970; 0: there was none yet.
  static Result<std::int64_t> due_ms(Snapshot& snapshot, std::int64_t root);
  // True if the round that was due at `due` is the caller's; the next one is due at `next`.
  static Result<bool> take(Transaction& transaction, std::int64_t root, std::int64_t due,
                           std::int64_t next);

  // Versions that are older than `before_ms`, or not among the last `kept` of their document; never
  // its last one. At most `most`.
  struct Dropped {
    std::int64_t versions = 0, bytes = 0;
    std::string paths_sha256;  // over path and number of each
  };
  static Result<Dropped> drop_old(Transaction& transaction, std::int64_t root,
                                  std::int64_t before_ms, std::size_t kept, std::size_t most);

  static Result<void> begin_move(Transaction& transaction, std::int64_t root, const Moving& move);
  static Result<void> forget_move(Transaction& transaction, std::int64_t root, const Moving& move);
  static Result<std::vector<Moving>> moves(Snapshot& snapshot, std::int64_t root);
  // The versions of all documents below `move.from` are those of the same ones below `move.to`.
  static Result<std::int64_t> follow(Transaction& transaction, std::int64_t root,
                                     const Moving& move);
  // Whether a document below `folder` has versions, and whether one is being written.
  static Result<bool> any_below(Snapshot& snapshot, std::int64_t root, const std::string& folder);
  static Result<bool> pending_below(Snapshot& snapshot, std::int64_t root,
                                    const std::string& folder);
  static Result<bool> open_handoffs(Snapshot& snapshot, std::int64_t root,
                                    const std::string& instruction);
};

}  // namespace remit::memory
