// FolderUse: how much the documents of a folder of Agent_Memory hold, for its quota. What counts as
// one folder is the first name of a path, "inst_1" of "inst_1/tasks/x.yaml", "_knowledge" of
// "_knowledge/semantic/x.yaml"; in `_archive/` each instruction by itself; and all documents that
// lie in no folder together.
//
// What is there is walked, and believed for kFolderLook. From then on it is carried forward with
// the rows of versions, which every process adds before it writes a file: judge() runs inside the
// transaction that adds this commit's rows, so no two commits take the same room and processes of
// Remit together never exceed the quota. Two things are counted too high for a while, until the
// next walk: a write that was under way during the walk, and one that was taken back. What
// outsiders write is seen by the next walk.
//
// Threads: safe from any thread. `root` must outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "memory/sqlite.h"
#include "memory/store_limits.h"

namespace remit::memory {

struct Use {
  std::int64_t bytes = 0, documents = 0;
};

class FolderUse {
 public:
  FolderUse(const Fd& root, std::int64_t root_id) : root_(root), root_id_(root_id) {}

  // "" for a document that lies in no folder.
  static std::string folder_of(std::string_view path);

  // Walks the folder unless the last walk may still be believed. Not inside a transaction.
  enum class Look { if_old, now };
  Result<void> look(Database& database, const Clock& clock, const std::string& folder, Look when);

  // Whether the folder, after look(), has room for `growth`. Errors: too_large with code "quota",
  // naming what it holds, its limit and what to do (data: {"folder", "bytes", "limit"} or
  // {"folder", "documents", "limit"}).
  Result<void> judge(Transaction& transaction, const std::string& folder, const Use& growth,
                     const StoreLimits& allowed);

 private:
  struct Known {
    Use use;
    std::int64_t row = 0;  // of `version`, up to which they are counted
    std::int64_t at_ms = 0;
  };
  const Fd& root_;
  const std::int64_t root_id_;
  std::mutex mutex_;  // guards known_; no database call is made under it
  std::map<std::string, Known> known_;
};

}  // namespace remit::memory
