// narrow(): what a running process may do once its operator's files were read again. A process
// never gets more by a reload than it had: its lock and its slots were made for what it was started
// with, and a client may be in the middle of something. So a reload takes away at once, and what it
// would add waits for the next start. Pure; safe from any thread.
//
//   Narrowed n = narrow(now, next);   // n.remit is within now and within next
#pragma once

#include <string>
#include <vector>

#include "policy/remit.h"

namespace remit::policy {

struct Narrowed {
  Remit remit;
  // "memory.write a/b.yaml (persona.md:12)": what `now` had and `remit` has not, and what of `next`
  // is not in `remit`.
  std::vector<std::string> taken, waiting;
};

// `next` of the same agent, instruction, workspace and Agent_Memory. What is no right (the
// persona's words, name, description, model, the origins) is next's. A pattern counts as within
// another one if both are written alike or if it names one document.
Narrowed narrow(const Remit& now, const Remit& next);

}  // namespace remit::policy
