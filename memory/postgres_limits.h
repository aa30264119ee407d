// Limits of Agent_Memory in PostgreSQL, each with its cause. (kStateLockWait, kIdempotencyWindow
// and the sizes of documents are base/limits.h's: they hold wherever documents are kept.)
#pragma once

#include <chrono>
#include <cstddef>

namespace remit::limits {

using namespace std::chrono_literals;

inline constexpr int kPostgresVersion = 130'000;  // xid8 and its snapshots
inline constexpr std::chrono::milliseconds kPostgresConnect = 5s;
// A statement's own work; a writer waits kStateLockWait of it for another.
inline constexpr std::chrono::milliseconds kPostgresStatement = 15s;
// A transaction whose client stopped in the middle holds documents no longer than this.
inline constexpr std::chrono::milliseconds kPostgresIdleTransaction = 10s;
// Until a server that vanished without a word counts as gone.
inline constexpr std::chrono::milliseconds kPostgresPeer = 15s;
// How long a call bears that the server is being restarted.
inline constexpr std::chrono::milliseconds kPostgresRestart = 2s;
inline constexpr std::chrono::milliseconds kPostgresRetry = 100ms;  // between two attempts
// How long a commit whose connection broke is looked up before its caller hears that nobody knows.
inline constexpr std::chrono::milliseconds kPostgresResolve = 20s;
// Connections of one process, by use: readers wait for no writer.
inline constexpr std::size_t kPostgresReaders = 4;
inline constexpr std::size_t kPostgresWriters = 4;
inline constexpr std::size_t kPostgresListed = 5'000;  // rows of a listing fetched at once
// One message between a server and its keeper: a commit of the largest documents, and then some.
inline constexpr std::size_t kPostgresFrame = 300u << 20;
inline constexpr std::size_t kPostgresPiece = 1u << 20;  // of it, as it is read
// For an answer of the keeper: longer than all it waits for itself.
inline constexpr std::chrono::milliseconds kPostgresAnswer = 90s;
// Changes are looked for this often even if no word of them came.
inline constexpr std::chrono::milliseconds kPostgresLook = 5s;
// What is kept of changes for listeners that were away; one that was away longer hears that every
// document may have changed.
inline constexpr std::chrono::hours kPostgresEvents = std::chrono::hours{24};
inline constexpr int kPostgresSweep = 256;           // expired rows removed at once
inline constexpr unsigned kPostgresSweepEvery = 64;  // commits

}  // namespace remit::limits
