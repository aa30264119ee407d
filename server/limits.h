// Limits of the server alone: name, unit, cause. What other folders share: base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace remit::limits {

// Bodies that are being received, requests at work and answers that nobody has read, all
// connections together: the process may have 64 MB, of which it needs 16 by itself.
inline constexpr std::size_t kHeldBytes = 40u << 20;
// Rings and unread answers of them; then nothing more is worked on.
inline constexpr std::size_t kUnreadBytes = 24u << 20;
// Rings of all streams, so that they alone keep no message of kFrameBytes out.
inline constexpr std::size_t kHttpKeptBytes = 8u << 20;
// For calls at work after SIGTERM; then they have the rest of kShutdownWithTools to stop.
inline constexpr std::chrono::milliseconds kHttpDrainTime{500};

// --- the console ---
// Characters of an answer to a handoff: kConsoleFormBytes however a browser encodes them.
inline constexpr std::size_t kConsoleAnswer = 1300;
inline constexpr std::size_t kConsoleDocuments = 500;         // of the tree on one page
inline constexpr std::size_t kConsoleTextBytes = 128u << 10;  // of a document on one page
inline constexpr std::size_t kConsoleDiffLines = 5000;        // of a difference on one page
inline constexpr std::size_t kConsoleHandoffs = 200;          // looked at for one page
inline constexpr std::size_t kConsoleSubject = 120;           // characters of a handoff in a list

}  // namespace remit::limits
