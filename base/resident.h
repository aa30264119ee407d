// The resident memory of a process that has started and now mostly waits.
#pragma once

#include <chrono>
#include <initializer_list>

namespace remit {

// A process that nothing was asked of for so long has started.
inline constexpr std::chrono::milliseconds kStartRest{200};

// Gives back what only the start needed: freed heap, and the pages of programs and libraries that
// hold code and constants. What is used again is mapped again from the page cache, 16 pages at a
// time, for some tens of microseconds in all; what the start alone ran is not. Never what was
// written to (relocated tables, data). Threads: any, also while others run.
void give_back_start_memory();

// The same if none of these descriptors has anything to read, or ends, within kStartRest; returns
// as soon as one does.
void give_back_when_quiet(std::initializer_list<int> descriptors);

}  // namespace remit
