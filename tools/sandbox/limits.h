// Bounds of the sandbox itself: sizes of the messages between its processes and of the fixed parts
// of a slot's view. What one command may use is policy::SpawnLimits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace remit::sandbox {

using namespace std::chrono_literals;

inline constexpr std::size_t kPlanBytes = 8u << 20;       // an encoded plan: many memory documents
inline constexpr std::size_t kPlanItems = 10'000;         // entries of one list of a plan
inline constexpr std::size_t kMessageBytes = 16u << 10;   // one datagram between two processes
inline constexpr std::size_t kOutcomeBytes = 288u << 20;  // encoded outcome, contents included
inline constexpr std::size_t kChangeBytes = 256u << 20;   // contents of all changes of one command:
                                                          // the worker holds them in memory
inline constexpr std::size_t kLostItems = 1000;           // names reported as lost, then a count
inline constexpr int kLayerDepth = 256;                   // directories below one another
inline constexpr std::size_t kCommandBytesMax = 128u << 10;  // MAX_ARG_STRLEN: one argv string
inline constexpr std::size_t kBareEntries = 10'000;          // Landlock rules for one workspace
inline constexpr std::uint32_t kBareIdentities = 64;   // user ids of slots without namespaces, as
                                                       // root: those just below the base
inline constexpr std::uint64_t kTmpBytes = 64u << 20;  // private /tmp
inline constexpr std::uint32_t kTmpInodes = 8192;
inline constexpr std::uint64_t kShmBytes = 64u << 20;        // private /dev/shm
inline constexpr std::uint64_t kMemoryTmpBytes = 64u << 20;  // new files under Agent_Memory
inline constexpr std::uint64_t kAddressSpaceFactor = 2;  // RLIMIT_AS per byte of the memory limit,
                                                         // only where no memory controller exists
inline constexpr std::chrono::milliseconds kOrderGrace =
    200ms;  // from a slot's failure to its order
inline constexpr std::chrono::milliseconds kSweepPatience =
    10s;                                      // for the end of a bare slot's tree
inline constexpr std::size_t kWarmSlots = 2;  // that wait ready-made
inline constexpr std::chrono::milliseconds kRefillPause = 50ms;  // without a request
inline constexpr std::chrono::milliseconds kWarmLife = 10min;    // without a request
inline constexpr std::chrono::milliseconds kCpuPoll = 250ms;     // reading of the cpu controller
inline constexpr std::chrono::milliseconds kKillPatience = 30s;  // kill to outcome: reading a full
                                                                 // layer takes seconds
inline constexpr std::chrono::milliseconds kCanaryWall = 10s;    // a loaded machine still passes
inline constexpr std::uint32_t kUidBase = 0x7ffe0000;  // host id of slots of a server run as root:
                                                       // beyond every range that distributions,
                                                       // systemd (0x7ffeffff is its upper nobody)
                                                       // and subuid tools hand out

}  // namespace remit::sandbox
