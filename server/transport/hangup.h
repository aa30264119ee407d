// SIGHUP has two meanings: an operator's reload (kill, `remit reload`), and a terminal that went
// away. The kernel sends the second one itself; a shell that passes it on sends it like a kill, but
// then the terminal no longer answers. A server must reload at the one and end at the other.
#pragma once

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace remit::transport {

inline bool is_hangup(const signalfd_siginfo& signal) {
  return signal.ssi_signo == static_cast<std::uint32_t>(SIGHUP) && signal.ssi_code == SI_KERNEL;
}

// Whether stdin was a terminal and is none any more.
class OwnTerminal {
 public:
  bool gone() const { return had_ && ::isatty(STDIN_FILENO) != 1; }

 private:
  const bool had_ = ::isatty(STDIN_FILENO) == 1;
};

}  // namespace remit::transport
