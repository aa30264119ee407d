// Limits of the server alone: name, unit, cause. What other folders share: base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace remit::limits {

// Bodies that are being received, requests at work and answers that nobody has read, all
// connections together: the process may have 64 MB, of which it needs 16 by itself.
inline constexpr std::size_t kHeldBytes = 40u << 20;
// How long one large message waits for the others to give back what it needs.
inline constexpr std::chrono::milliseconds kHeldWait{1000};
// Rings and unread answers of them; then nothing more is worked on.
inline constexpr std::size_t kUnreadBytes = 24u << 20;
// Rings of all streams, so that they alone keep no message of kFrameBytes out.
inline constexpr std::size_t kHttpKeptBytes = 8u << 20;
// For calls at work after SIGTERM; then they have the rest of kShutdownWithTools to stop.
inline constexpr std::chrono::milliseconds kHttpDrainTime{500};

// --- many agents (docs/agents.md) ---
// One message between the front, its workers and the process that starts them.
inline constexpr std::size_t kHandedBytes = 160u << 10;
// Of it for agents and credentials; the rest is for the path of the tokens that were made.
inline constexpr std::size_t kTableBytes = kHandedBytes - (8u << 10);
inline constexpr std::size_t kAgents = 256;  // personas of one folder that are served
inline constexpr std::size_t kWorkers = 64;  // of a front; each may take 64 MB
inline constexpr std::size_t kWorkersOfAgent = 16;
// Requests at work for one agent, so that it cannot take every connection.
inline constexpr std::size_t kFrontCallsOfAgent = 128;
inline constexpr std::size_t kWorkerConnectionsKept = 8;  // between two requests
inline constexpr std::size_t kFrontBodyKept = 32u << 10;  // of an answer; a longer one is streamed
inline constexpr int kFrontTries = 4;                     // of a request that no worker has read
// Without a request, background shell or task; then a worker ends, and starts again when needed.
inline constexpr std::chrono::milliseconds kWorkerIdle = std::chrono::minutes{15};
// A worker that lived so long has crashed for the first time when it crashes.
inline constexpr std::chrono::milliseconds kWorkerSettled = std::chrono::seconds{10};
// Before the second start in a row of one that did not settle; doubled up to the maximum.
inline constexpr std::chrono::milliseconds kWorkerBackoff{500};
inline constexpr std::chrono::milliseconds kWorkerBackoffMax = std::chrono::seconds{30};
// For workers to end before they are killed.
inline constexpr std::chrono::milliseconds kWorkerEnd{1500};
// For the process that starts them to end after them; then it is killed.
inline constexpr std::chrono::milliseconds kLauncherEnd = 2 * kWorkerEnd;
// For a channel to a worker: what starts them may be reading the files of a reload.
inline constexpr std::chrono::milliseconds kChannelWait = std::chrono::seconds{5};

// --- the console ---
// A console that died is started again after a pause that doubles up to the longest; one that ran
// so long counts as well again.
inline constexpr std::chrono::milliseconds kConsolePause{100}, kConsoleLongestPause{30'000};
inline constexpr std::chrono::seconds kConsoleStable{60};
inline constexpr std::chrono::minutes kPasskeyForm{10};  // from a form to the yes of a passkey
// Of an answer of a passkey, in base64url: an attestation object with a key and an id of the most
// bytes has 2.5 KiB.
inline constexpr std::size_t kPasskeyAnswerBytes = 8u << 10;
inline constexpr std::size_t kCredentialIdBytes = 1023;  // WebAuthn Level 3, section 4
inline constexpr std::size_t kCoseKeyBytes = 1024;       // an RSA key of 4096 bits has 530
inline constexpr std::size_t kHostNameBytes = 253;       // RFC 1035
// Of a form of somebody who has logged in (kConsoleFormBytes before): the longest answer to a
// handoff has kHandoffTextChars, each up to 12 bytes in a form, and kPasskeyAnswerBytes may come
// with it.
inline constexpr std::size_t kConsoleActBytes = 256u << 10;
inline constexpr std::size_t kConsoleNext = 256;       // bytes of the page that the login leads to
inline constexpr std::size_t kConsoleDocuments = 500;  // of the tree on one page
inline constexpr std::size_t kConsoleTextBytes = 128u << 10;  // of a document on one page
inline constexpr std::size_t kConsoleDiffLines = 5000;        // of a difference on one page
inline constexpr std::size_t kConsoleHandoffs = 200;          // looked at for one page
inline constexpr std::size_t kConsoleSubject = 120;           // characters of a handoff in a list

}  // namespace remit::limits
