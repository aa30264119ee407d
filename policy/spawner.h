// Spawner: what policy/ needs from whoever runs commands. tools/sandbox implements it;
// tools/registry.cpp supplies it at start, so that the arrows of the house stay one way.
//
// A SpawnPlan is data: everything that one contained command may see and use. It is built by
// Access.spawn from the Remit, never by a tool. A SpawnOutcome is what happened, with the list of
// what the command changed on its copy-on-write layer; applying those changes is Access.replace's
// work, path by path.
//
// Threads: run() may be called from any number of threads at once; each call blocks until the
// command and every descendant of it is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/spawn_room.h"

namespace remit::policy {

// Sandbox tiers (docs/security.md): t1 = namespaces and copy-on-write workspace, t2 = Landlock by
// enumeration, t3 = nothing usable, where no command runs at all.
enum class Tier { t1, t2, t3 };
const char* to_string(Tier tier);

// Resource limits of one command. Zero means "not limited" only where the comment says so.
struct SpawnLimits {
  std::chrono::milliseconds wall{120'000};
  std::chrono::milliseconds idle{60'000};  // no output for so long; 0 = off (background shells)
  std::chrono::seconds cpu{60};
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  std::uint32_t processes = 256;
  std::uint64_t file_bytes = std::uint64_t{64} << 20;
  std::uint32_t open_files = 1024;
  std::uint64_t layer_bytes = std::uint64_t{1} << 30;  // size of the upper layer
  std::uint32_t layer_inodes = 50'000;
};

// The copy-on-write view of the files that a command gets.
struct SpawnView {
  std::string workspace;                      // absolute path; appears at the same path inside
  std::vector<std::string> read_only_roots;   // absolute paths (log roots), same path inside
  std::string memory;                         // absolute path of Agent_Memory, or empty
  std::vector<std::string> memory_documents;  // readable documents, relative to `memory`; the rest
                                              // of Agent_Memory does not exist inside
  std::vector<std::string> masks;             // paths relative to the workspace that must read as
                                              // empty files (".env" and the like)
  bool operator==(const SpawnView&) const = default;
};

// Proof that this command may run; checked again by the starter, which trusts no worker. The fields
// are those of the approval's row (memory/approval_rows.h) that its signature covers and that the
// starter does not know by itself.
struct SpawnAuthority {
  std::string decision;     // "allow" (policy) or "approval"
  std::string approval_id;  // 32 hex digits when decision == "approval"
  std::string grant_key;    // 64 hex digits: SHA-256 over what the person saw (policy/grant.h)
  std::string server_id;    // of the server that asked
  std::string channel;      // "terminal", "console", "elicitation", "mrtr", "native", "call_yes"
  std::string attestation;  // "pin", "passkey", "client", "operator"
  std::string scope;        // "once" (single use, enforced by the starter too), "session", "rule"
  std::int64_t decided_unix_ms = 0;
  std::int64_t expires_unix_ms = 0;
  std::string
      signature;  // hex, by a key outside the worker's lock (memory/approval_row.h); may be ""
};

// A file of its own that an approved command executes (a script), as the person's yes covers it.
// The slot shows exactly these bytes under the name, whatever happens to the file outside
// meanwhile.
struct Executed {
  std::string path;     // absolute, as the kernel names it, in the workspace or a read-only root
  std::string content;  // its bytes, if it is small enough to be carried
  std::string
      version;  // else, and only then, its version (file_version): checked just before the run
  bool operator==(const Executed&) const = default;
};

struct SpawnPlan {
  std::string call_id;  // ULID of the tool call: names the run in logs
  std::string command;  // handed byte for byte to bash -c
  std::string cwd;      // absolute, inside the workspace or a read-only root
  std::map<std::string, std::string> environment;  // whole environment: nothing is inherited
  SpawnView view;
  SpawnLimits limits;
  SpawnAuthority authority;
  std::vector<Executed> executed;  // of a command that needs a yes; else empty. No path twice
};

enum class Stream { out, err };

// Receives a command's output as it comes, from one thread at a time. Must not block for long.
using OutputSink = std::function<void(Stream, std::string_view bytes)>;

enum class ChangeKind { create, modify, remove, mkdir, rmdir, mode, symlink };
const char* to_string(ChangeKind kind);

// One difference between the upper layer and the real tree below it.
struct Change {
  std::string path;  // absolute, as seen inside and outside
  ChangeKind kind = ChangeKind::create;
  std::uint32_t mode = 0;  // permission bits, set-id bits already stripped
  std::uint64_t bytes = 0;
  std::string sha256;           // of the new content (regular files), hex
  std::string content;          // new bytes of a regular file, or the target of a symlink
  std::string preimage_sha256;  // of the lower file, empty if there was none; "newer" if the lower
                                // file changed after the command started (a conflict)
};

struct SpawnOutcome {
  std::optional<int> exit_code;  // absent if a signal ended it
  int signal = 0;
  bool timed_out = false;
  bool cancelled = false;
  std::string limit;  // memory|pids|cpu|wall|idle|fsize|layer, or empty
  std::chrono::milliseconds duration{0};
  std::int64_t user_us = 0, system_us = 0, max_rss_kib = 0;
  // What the host knew it by while it ran: the slot's first process, and its control group or "".
  std::int64_t pid = 0;
  std::string cgroup;
  std::string cwd;                // where the shell stood at its end, absolute; empty if unknown
  std::vector<Change> changes;    // sorted by path, parents before children
  std::vector<std::string> lost;  // changes that could not be read, each with its reason
  // Filled in by Access.spawn: how much was printed, and where all of it can be read if it was more
  // than one page ("remit://bash/CALL/stdout").
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;
  bool cwd_reset = false;  // the kept directory had vanished; it ran in the workspace's root
  std::string stdout_uri, stderr_uri;
  bool killed() const { return timed_out || cancelled || signal == 9 || !limit.empty(); }
};

// One point that the start-up canary proved or failed to prove, e.g. {"write outside fails", true,
// "EROFS"}.
struct CanaryPoint {
  std::string name;
  bool ok = false;
  std::string detail;
};

struct SandboxReport {
  Tier tier = Tier::t3;
  std::string profile_sha256;         // hash of the plan's fixed part
  std::vector<std::string> degraded;  // e.g. "no_proc", "no_cgroup"
  std::vector<CanaryPoint> canary;
  int landlock_abi = 0;
  std::string remedy;  // what to change on this machine, when tier is not t1
};

class Spawner {
 public:
  virtual ~Spawner() = default;
  // Runs one command to its end. Fails with `unavailable` (code "sandbox_unavailable") if no slot
  // can be built, with `denied` if the starter refuses the authority. A command that ran and failed
  // is an outcome, not an error. On return no process of the command lives.
  virtual Result<SpawnOutcome> run(const SpawnPlan& plan, const OutputSink& sink,
                                   std::stop_token stop) = 0;
  // What this machine can contain; the canary's result of start-up.
  virtual const SandboxReport& report() const = 0;
  // Where a caller of run() gets its place; commands in the background have a bound of their own.
  SpawnRoom& room() { return room_; }

 private:
  SpawnRoom room_;
};

// What a command would run in.
struct SpawnPlace {
  Tier tier = Tier::t3;
  std::string profile_sha256;
};

// Decides, inside the starter process, whether a plan may run in this place: given by policy/,
// called by the starter before each command. Must not make threads.
using SpawnGate = std::function<Result<void>(const SpawnPlan&, const SpawnPlace&)>;

}  // namespace remit::policy
