// Every limit of Remit: name, unit, cause. Nothing else in the product holds a bare number that
// bounds size, depth, count or time of outside input.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace remit::limits {

using namespace std::chrono_literals;

// --- JSON-RPC (docs/protocol.md) ---
inline constexpr std::size_t kFrameBytes = 8u << 20;  // one line on stdio, one body on HTTP
inline constexpr int kJsonDepth = 128;                // dump/copy of a deep DOM overflows the stack
inline constexpr std::size_t kJsonValues = 200'000;   // values in one message
inline constexpr std::size_t kIdBytes = 1024;         // a string id
inline constexpr std::size_t kMethodBytes = 256;
inline constexpr std::size_t kToolNameBytes = 128;
inline constexpr std::size_t kRequestStateBytes = 16u << 10;
inline constexpr std::size_t kCursorBytes = 4u << 10;
inline constexpr std::size_t kInFlight = 64;            // requests per connection
inline constexpr std::size_t kJsonValueBytes = 160;     // of one value beyond its text: `"k1":{}`
inline constexpr std::size_t kReencodedValues = 2'000;  // in arguments that came as a JSON string
inline constexpr std::size_t kErrorReplyBytes = 4u << 10;
inline constexpr std::size_t kEchoedInput = 128;         // characters of input quoted in an error
inline constexpr std::size_t kInstructionsChars = 2000;  // clients cut at 4,096; half leaves room
inline constexpr std::size_t kToolsListBytes = 24'000;   // context cost of the default persona
inline constexpr std::chrono::milliseconds kProgressHeartbeat = 15s;  // clients give up at 60 s
inline constexpr std::chrono::milliseconds kProgressGap = 200ms;      // at most 5 per second
inline constexpr std::chrono::milliseconds kShutdownWithTools = 1s;
inline constexpr std::size_t kToolThreads = 8;
inline constexpr std::size_t kPoolQueue = 1024;     // requests that wait for one of them, all
                                                    // connections together
inline constexpr std::size_t kBatchMessages = 32;   // elements of a 2025-03-26 batch
inline constexpr std::size_t kListPage = 100;       // entries of one page of a list
inline constexpr std::size_t kCompletions = 100;    // values of one completion (the schema)
inline constexpr std::size_t kSubscriptions = 256;  // resources or tasks of one subscriber
inline constexpr std::chrono::milliseconds kTaskAfter = 10s;  // a longer call becomes a task
inline constexpr std::chrono::milliseconds kTaskTtl = 1h;     // how long its result can be had
inline constexpr std::chrono::milliseconds kTaskPoll = 1s;    // how often a client should ask
inline constexpr std::size_t kTasksRunning = 16;              // of one server; each holds a thread
inline constexpr std::chrono::milliseconds kOrdersLook =
    60s;                                                   // between looks that nobody asked for
inline constexpr std::size_t kTasksKept = 256;             // of one principal, ended ones too
inline constexpr std::size_t kTaskResultBytes = 1u << 20;  // of one stored result
inline constexpr std::size_t kWatchedFolders = 4096;       // of Agent_Memory; beyond, unwatched
inline constexpr std::chrono::milliseconds kWatchSettle = 50ms;  // changes told together
inline constexpr std::size_t kOutboxBytes = 8u << 20;  // unread replies; then no new call starts
inline constexpr std::size_t kOutboxMaxBytes = 16u << 20;  // then the client is taken for dead
inline constexpr std::chrono::milliseconds kEofGrace =
    150ms;                                                  // `printf ... | remit` gets its answers
inline constexpr std::chrono::milliseconds kListTtl = 60s;  // ttlMs of lists and discover
inline constexpr std::chrono::seconds kRequestStateLife = 600s;
inline constexpr std::size_t kResourceBytes = 4u << 20;  // of spilled output read as one resource
inline constexpr std::chrono::milliseconds kReloadWait = 10s;  // for running servers to reload

// --- Streamable HTTP (docs/protocol.md) ---
inline constexpr std::size_t kHttpLineBytes = 8u << 10;   // of a request line
inline constexpr std::size_t kHttpHeadBytes = 32u << 10;  // request line and header fields
inline constexpr std::size_t kHttpFields = 100;
inline constexpr std::chrono::milliseconds kHttpHeadTime = 5s;     // for the whole head
inline constexpr std::chrono::milliseconds kHttpReadWait = 5s;     // between two pieces of a body
inline constexpr std::chrono::milliseconds kHttpBodyTime = 60s;    // for the whole body
inline constexpr std::chrono::milliseconds kHttpWriteTime = 10s;   // for what is written at once
inline constexpr std::chrono::milliseconds kHttpIdle = 10s;        // between two requests
inline constexpr std::chrono::milliseconds kHttpIdleCrowded = 2s;  // the same above kHttpCrowded
inline constexpr std::chrono::milliseconds kHttpLinger =
    500ms;                                                   // for a refused body to be read away
inline constexpr std::chrono::milliseconds kHttpQuiet = 2s;  // then a silent call becomes a stream
inline constexpr std::chrono::milliseconds kHttpKeepAlive = 15s;  // comment on a silent stream
inline constexpr int kHttpBacklog = 1024;  // cpp-httplib's 5 costs a second of SYN retries
inline constexpr std::size_t kHttpConnections = 512;  // each holds a thread
inline constexpr std::size_t kHttpCrowded = kHttpConnections * 8 / 10;
inline constexpr std::size_t kHttpThreadsKept = 4;
inline constexpr std::size_t kHttpThreadStack = 256u << 10;
inline constexpr std::size_t kHttpStreams = 256;    // so that requests find a thread
inline constexpr std::size_t kHttpSessions = 1000;  // least recently used go first
inline constexpr std::chrono::hours kHttpSessionIdle = std::chrono::hours{24};
inline constexpr std::size_t kHttpRingEvents = 256;  // of one stream, kept for Last-Event-ID
inline constexpr std::size_t kHttpRingBytes = 1u << 20;
inline constexpr std::size_t kHttpStreamsKept = 16;  // finished ones of a session
inline constexpr int kHttpRetryMs = 1000;            // a client reconnects after
inline constexpr int kHttpRetryAfter = 1;            // seconds, with 503
inline constexpr std::size_t kTokenFileBytes = 64u << 10;

// --- text that reaches a model ---
inline constexpr std::size_t kPageChars = 10'000;  // what every measured client shows whole
inline constexpr std::size_t kPageCharsMax = 500'000;
inline constexpr std::size_t kPageCharsMin = 1'000;  // less holds no useful answer

// --- personas (docs/personas.md) ---
inline constexpr std::size_t kDatagramFds = 8;  // of one message between processes
inline constexpr std::size_t kPersonaBytes = 1u << 20;
inline constexpr std::size_t kFrontMatterBytes = 64u << 10;
inline constexpr std::size_t kManifestBytes = 256u << 10;
inline constexpr int kYamlDepth = 16;
inline constexpr std::size_t kYamlNodes = 4096;
inline constexpr std::size_t kDescriptionBytes = 8192;
inline constexpr std::size_t kNameBytes = 64;
inline constexpr std::size_t kDiagnosticsPerFile = 500;  // a report that a person still reads
inline constexpr std::size_t kSectionEntries = 2048;     // ownership lines or edges of one persona
inline constexpr std::size_t kPersonasInFolder = 2000;   // files looked at to resolve a target

// --- paths and documents ---
inline constexpr std::size_t kPathBytes = 4096;
inline constexpr std::size_t kNameMax = 255;
inline constexpr int kOpenRetries = 8;  // openat2 EAGAIN while a tree is renamed
inline constexpr std::size_t kDocPathBytes = 1024;
inline constexpr std::size_t kDocumentBytes = 4u << 20;
inline constexpr std::size_t kDocumentNodes = 200'000;
inline constexpr std::size_t kKeepVersions = 50;       // versions of one document
inline constexpr std::size_t kKeepVersionsMax = 200;   // that a site may ask for
inline constexpr std::size_t kCommitChanges = 64;      // documents changed together
inline constexpr int kCommitAttempts = 4;              // when an outsider edits the same file
inline constexpr int kDirectoryDepth = 64;             // of a listing of Agent_Memory
inline constexpr std::size_t kMemorySearchHits = 100;  // lines, unless the call says how many
inline constexpr std::size_t kMemorySearchHitsMax = 1000;
inline constexpr std::size_t kListedDocuments = 100'000;
inline constexpr std::uint64_t kFolderBytes = 64u << 20;  // documents of one folder of Agent_Memory
inline constexpr std::uint64_t kFolderBytesMax = std::uint64_t{1} << 40;  // that a site may allow
inline constexpr std::size_t kFolderDocuments = 20'000;        // a listing takes five such folders
inline constexpr std::chrono::milliseconds kFolderLook = 10s;  // how long a walk is believed
inline constexpr std::chrono::hours kRetentionEvery = std::chrono::hours{1};
inline constexpr int kRetentionDaysMax = 36'500;         // that a site may ask for
inline constexpr std::size_t kRetentionVersions = 1000;  // dropped in one transaction
inline constexpr std::size_t kArchivedAtOnce = 100;      // instructions of one round
inline constexpr std::size_t kUnfinishedBytes = 4u
                                                << 20;  // names a dead process left, read at start
inline constexpr std::chrono::milliseconds kStateLockWait = 5s;
inline constexpr int kCheckpointPages = 1000;     // log pages before a checkpoint is tried
inline constexpr std::size_t kLedgerBatch = 256;  // records of one group commit
inline constexpr std::size_t kLedgerSpoolBytes = 128u << 10;         // some 400 read-only decisions
inline constexpr std::chrono::milliseconds kLedgerSpoolWait = 20ms;  // until they are in the chain
inline constexpr std::chrono::hours kLedgerSpoolKept =
    std::chrono::hours{24 * 7};                             // a spool's last number
inline constexpr std::size_t kWakeTopicBytes = 128;         // one datagram between processes
inline constexpr std::chrono::milliseconds kWakePoll = 1s;  // without a thread that receives them
inline constexpr std::chrono::hours kIdempotencyWindow = std::chrono::hours{24};
inline constexpr std::chrono::milliseconds kLedgerSync = 1s;  // read-only decisions reach the disk
inline constexpr std::chrono::seconds kLedgerHead{60};        // between two heads in a server's log

// --- file tools ---
inline constexpr std::size_t kReadLinesDefault = 2000;
inline constexpr std::size_t kReadLinesMax = 100'000;
inline constexpr std::size_t kLineShown = 2000;  // characters of one long line
inline constexpr std::size_t kColumnWindow = 16u << 10;
inline constexpr std::size_t kImageBytes = 5u << 20;
inline constexpr std::size_t kEditBytes = 64u << 20;
inline constexpr std::size_t kVersionHashBytes = 8u << 20;
inline constexpr std::size_t kReadVersions = 10'000;       // remembered "this was read" hashes
inline constexpr std::size_t kOldCopyBytes = 1u << 20;     // old text kept for conflict diffs
inline constexpr std::size_t kOldCopiesBytes = 16u << 20;  // all those copies of one principal
inline constexpr std::size_t kDiffLines = 200;             // of a unified diff in an answer
inline constexpr std::size_t kDiffEdits = 1000;        // lines; beyond, one block is shown replaced
inline constexpr std::size_t kDiffCompared = 100'000;  // lines between the common ends; beyond, too
inline constexpr std::size_t kFactsReserve = 1200;     // characters of a page for facts and notices
inline constexpr std::size_t kBinaryShown = 256;       // bytes of a binary file, as hex
inline constexpr std::size_t kNotebookOutput = 2000;   // characters of one output of a cell
inline constexpr std::size_t kPatternBytes = 4096;
inline constexpr std::size_t kBraceExpansions = 1024;
inline constexpr std::size_t kGrepHeadLimit = 250;
inline constexpr std::size_t kGrepLineShown = 500;
inline constexpr std::size_t kGlobLimit = 100;
inline constexpr std::size_t kGlobLimitMax = 1000;
inline constexpr std::chrono::milliseconds kSearchDeadline = 20s;
inline constexpr std::size_t kSearchWorkers = 8;  // threads of one search, at most one per core
inline constexpr std::size_t kSearchBuffer = 256u << 10;    // one read(2); larger gains nothing
inline constexpr std::size_t kSearchLineBytes = 64u << 20;  // a longer line is a coverage gap
inline constexpr std::size_t kSearchWholeBytes = 64u
                                                 << 20;     // multiline and UTF-16 files, in memory
inline constexpr std::size_t kSearchDepth = 256;            // directories below the root of a walk
inline constexpr std::size_t kSearchHits = 2'000'000;       // files remembered for sorting
inline constexpr std::size_t kSearchKeptBytes = 32u << 20;  // matched lines kept for the page
inline constexpr std::size_t kContextLines = 100;           // -A, -B, -C
inline constexpr std::size_t kIgnoreFileBytes = 1u << 20;
inline constexpr std::size_t kIgnoredNamed = 5;  // pruned entries named in "no matches"
inline constexpr std::size_t kGapsNamed = 5;     // unsearched parts named in an answer

// --- Bash ---
inline constexpr std::size_t kCommandBytes = 64u << 10;
inline constexpr std::size_t kSimpleCommands = 256;
inline constexpr int kShellNesting = 32;
inline constexpr std::size_t kBlankRun = 32;  // blanks or comment that can push text out
                                              // of a reviewer's sight
inline constexpr std::chrono::milliseconds kBashTimeoutMax = 600s;
inline constexpr std::size_t kOutputKept = 1u << 20;
inline constexpr std::size_t kOutputSpill = 64u << 20;
inline constexpr std::size_t kBashAtOnce = 4;       // commands of one principal that are waited for
inline constexpr std::size_t kBashAtOnceOfAll = 8;  // of all principals of a worker
inline constexpr std::size_t kBashQueued = 2;       // more of a principal that wait for a place
inline constexpr std::chrono::milliseconds kBashQueueWait = 30s;
inline constexpr std::size_t kBackgroundShells = 8;
inline constexpr std::chrono::hours kBackgroundLife = std::chrono::hours{1};

// --- approvals ---
inline constexpr std::chrono::seconds kApprovalLife = 300s;
inline constexpr std::chrono::milliseconds kApprovalWait = 45s;  // below opencode's 60.5 s
inline constexpr std::chrono::milliseconds kMachineAnswer = 1s;  // an accept faster than this is
                                                                 // no person's
inline constexpr std::chrono::milliseconds kMachineDecline =
    100ms;  // nor is a decline faster than this
inline constexpr std::chrono::hours kSessionGrant = std::chrono::hours{8};
inline constexpr std::chrono::hours kRuleGrantMax = std::chrono::hours{30 * 24};
inline constexpr std::size_t kPasskeys = 32;     // registered
inline constexpr std::size_t kPasskeyName = 64;  // characters
// kPasskeys with an id of 1023 and a key of 1024 bytes, in base64url.
inline constexpr std::size_t kPasskeyFileBytes = 160u << 10;
inline constexpr std::size_t kPendingApprovals = 16;
inline constexpr std::size_t kFormLines = 3;  // what Claude's dialog shows
inline constexpr std::size_t kFormLineChars = 100;
inline constexpr std::size_t kCommandShown = 4u << 10;
inline constexpr int kPinFailures = 5;  // then locked for kPinLock
inline constexpr std::chrono::seconds kPinLock = 60s;
inline constexpr std::size_t kPinMin = 4, kPinMax = 64;

// --- the console ---
inline constexpr std::size_t kConsoleFormBytes = 16u << 10;  // of a POST's body
inline constexpr std::size_t kConsoleFormFields = 16;
inline constexpr std::size_t kConsoleCookieBytes = 4u << 10;  // of a Cookie field
inline constexpr std::size_t kConsoleSessions = 16;           // least recently used go first
inline constexpr std::chrono::minutes kConsoleIdle{15};       // a session without requests ends
inline constexpr std::chrono::hours kConsoleSession{8};       // and so does any in the end
inline constexpr std::chrono::minutes kConsoleLoginForm{10};  // to type the PIN
inline constexpr std::size_t kConsoleFormsUsed = 1024;        // by one session, which then ends
inline constexpr std::size_t kConsoleStreams = 32;
inline constexpr std::chrono::seconds kConsoleBeat{15};         // comment on a silent stream
inline constexpr std::size_t kConsoleRows = 100;                // of the ledger on one page
inline constexpr std::chrono::milliseconds kConsoleLook{1000};  // between two looks at the ledger
inline constexpr std::size_t kConsoleReason = 500;              // bytes a person says with a no
inline constexpr std::chrono::seconds kConsoleStart{10};        // for its process to listen

// --- handoffs ---
inline constexpr std::size_t kHandoffBytes = 256u << 10;
inline constexpr std::size_t kAnswerSchemaBytes = 16u << 10;  // of a consult
inline constexpr std::size_t kAnswerSchemaNodes = 512;        // and so many subschemas
inline constexpr int kAnswerSchemaDepth = 16;
inline constexpr std::size_t kInboxPage = 50;             // handoffs of one answer
inline constexpr std::size_t kHandoffTextChars = 16'000;  // of one answer
inline constexpr std::int64_t kHandoffWaitMs = 25'000;    // a call waits for an answer
inline constexpr int kHops = 4;
inline constexpr int kThreadHandoffs = 32;
inline constexpr int kPingPong = 2;
inline constexpr int kHandoffsPerHour = 20;
inline constexpr std::size_t kLadderLevels = 3;
inline constexpr std::chrono::milliseconds kAckCritical = 5min, kAckHigh = 15min,
                                           kAckNormal = 60min, kAckLow = 24h;
inline constexpr std::chrono::milliseconds kDeliveryLease = 30s;  // one process delivers a file
inline constexpr std::chrono::milliseconds kRetryFirst = 1s, kRetryMost = 10min, kRetryFor = 24h;
inline constexpr std::size_t kDueRounds = 100;                   // of them, without a pause
inline constexpr std::chrono::milliseconds kTimersLook = 30s;    // at the rows, unasked
inline constexpr std::chrono::milliseconds kTimersRest = 100ms;  // between rounds
inline constexpr std::size_t kDueAtOnce = 100;                   // timers or files of one round
inline constexpr std::chrono::hours kResultKept = std::chrono::hours{24};

// --- diagnostics ---
inline constexpr std::size_t kExcerptBytes = 400;
inline constexpr std::size_t kSummaryBytes = 240;
inline constexpr std::size_t kLogColumns = 128;    // words of one message that are compared
inline constexpr std::size_t kLogWordBytes = 512;  // a longer word is a value
inline constexpr std::size_t kLogShapes = 32'768;  // distinct masked messages held at once
inline constexpr std::size_t kLogShapeBytes = 24u
                                              << 20;  // their text; both bound the miner's memory
inline constexpr std::size_t kLogLineBytes = 64u << 10;  // what is looked at of one line
inline constexpr std::size_t kLogRecordLines = 500;      // a stack trace joins this many lines
inline constexpr std::size_t kLogFormatSample = 500;     // lines that vote on a file's format
inline constexpr std::uint64_t kLogBytes = std::uint64_t{2} << 30;  // read by one call
inline constexpr std::chrono::milliseconds kLogDeadline = 5s;       // then the answer is partial
inline constexpr std::size_t kLogFiles = 200;                       // files of one call

}  // namespace remit::limits
