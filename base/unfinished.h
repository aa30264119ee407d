// The names of files that are being written, noted where a later process finds them, so that a
// writer killed between write and rename leaves nothing behind for long.
//
// One file per process in a directory of the state (`writing/`), made at the first note, under an
// exclusive flock(2) for as long as the process lives. The kernel drops that lock with its holder:
// a sweeper that gets it knows that the writer is dead, in whatever process or pid namespace it
// was, and removes exactly the names that the writer noted. Nothing is synced: SIGKILL keeps the
// page cache; a loss of power can leave a hidden file (docs/decisions.md).
//
// Threads: safe. Must not cross fork(): a child would keep the lock. Errors: those of the disk.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::fs {

class Unfinished {
 public:
  // `directory`: private to this user, for the files of all processes.
  explicit Unfinished(Fd directory) : directory_(std::move(directory)) {}
  ~Unfinished();  // forgets everything: what is still noted has been dealt with
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  // One name that may be on the disk; forgotten when this goes.
  class Entry {
   public:
    Entry() = default;
    Entry(Unfinished* owner, std::size_t slot) : owner_(owner), slot_(slot) {}
    Entry(Entry&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), slot_(other.slot_) {}
    Entry& operator=(Entry&& other) noexcept;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

   private:
    Unfinished* owner_ = nullptr;
    std::size_t slot_ = 0;
  };

  // Before `name` (kTemporaryPrefix and hex: a file, or a folder of files) is made in `folder`.
  Result<Entry> note(const Fd& folder, const std::string& name);

  // Removes what dead processes noted and left; gives the number of names removed. What cannot be
  // removed now (a folder without rights) stays noted for the next sweep.
  Result<std::size_t> sweep();

 private:
  Result<void> open_own();
  void forget(std::size_t slot);
  Result<std::size_t> sweep_one(const std::string& journal);

  const Fd directory_;
  std::mutex mutex_;  // guards the rest
  Fd own_;
  std::string own_name_;
  std::vector<bool> used_;
};

}  // namespace remit::fs
