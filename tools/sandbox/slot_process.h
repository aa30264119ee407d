// The process of a slot, and the end of everything that came from it.
//
// Threads: its owner's one thread. Reads /proc; makes a process to kill by user id.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>

namespace remit::sandbox {

// Killed and reaped at the latest when this goes. In a namespace of its own its death is the death
// of every process inside. A bare one's descendants become children of this process (which must be
// a subreaper, man 2 prctl) and are swept.
class SlotProcess {
 public:
  struct Bare {
    uid_t own_uid = 0;  // no other process has it; 0: the slot shares its user's
  };
  SlotProcess(pid_t pid, std::optional<Bare> bare) : pid_(pid), bare_(bare) {}
  ~SlotProcess();
  SlotProcess(const SlotProcess&) = delete;
  SlotProcess& operator=(const SlotProcess&) = delete;
  void kill_now() const;
  // Returns when every process of the slot is dead, with what they used; a bare one's are swept for
  // at most kSweepPatience.
  const rusage& reap();
  bool escaped() const { return escaped_; }  // some were not

 private:
  void sweep();

  pid_t pid_;
  std::optional<Bare> bare_;
  int status_ = 0;
  rusage usage_{};
  bool reaped_ = false, escaped_ = false;
};

}  // namespace remit::sandbox
