// Landlock, for the server's lock on itself (confine.h) and for commands: in a slot it is the
// second lock on files, inside the namespaces: what the mounts allow is allowed once more here, so
// that one bug in either does not open the other. Where a slot has no view of its own (tier t2) it
// is the only lock on files. Only the rights that the running kernel's ABI knows are handled
// (linux/landlock.h; man 7 landlock), never "all bits".
//
// Threads: act on the calling thread. Fails with: unavailable where the kernel has no Landlock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace remit::sandbox {

// The kernel's Landlock ABI, 0 if there is none or it is switched off.
int landlock_abi();

// What may be done at and below a place.
enum class Reach {
  list,    // names of entries, of every folder below too
  read,    // and reading and executing files
  write,   // and making, changing and removing them
  device,  // reading and writing what is there, as for /dev/null
  data,    // as read, but executing nothing
  change,  // as write, but executing nothing and making no FIFO
};

// What a domain takes away where no rule gives it back.
enum class Covered {
  files,    // files and folders alone: a server goes on signalling its starter
  command,  // also device controls, TCP, abstract sockets, signals to processes outside
};

// A Landlock domain in the making: nothing is allowed but what is added, as far as the ABI knows
// it. `abi` is at most landlock_abi(); a smaller one masks newer rights (tests).
class LandlockRules {
 public:
  static Result<LandlockRules> make(int abi, Covered covered);
  // Follows symlinks; a path that does not exist is skipped.
  Result<void> allow(const std::string& path, Reach reach);
  // The file or folder behind an O_PATH descriptor. `name` is for the error.
  Result<void> allow(const Fd& place, bool directory, Reach reach, const std::string& name);
  // Confines the calling thread and its children. Needs no_new_privs; irrevocable.
  Result<void> enforce() const;

 private:
  LandlockRules(Fd ruleset, std::uint64_t known) : ruleset_(std::move(ruleset)), known_(known) {}
  Fd ruleset_;
  std::uint64_t known_;  // file rights of the ABI
};

// For a slot with its own view: reading and executing everywhere (the mounts say what exists),
// writing only below `writable`.
Result<void> confine_files(int abi, const std::vector<std::string>& writable);

}  // namespace remit::sandbox
