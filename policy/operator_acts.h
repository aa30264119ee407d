// What a person sees of documents and handoffs and does with them, whatever the channel:
// `remit memory`, `remit handoffs` and the console's pages show the same and act through the same
// functions. All of it goes through an operator's Access; an act is in the ledger with who did it
// before anything happens.
//
// Threads: any. Fails with: denied (code "presence") for an act without a person, and what Access
// says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "memory/ledger.h"
#include "memory/state.h"
#include "policy/answers.h"
#include "policy/operator_access.h"

namespace remit::policy {

// --- documents ---

struct DocumentDifference {
  std::int64_t from = 0;  // a version; 0: nothing was there
  std::string text;       // safe to print; "" = no difference
  bool whole = true;      // nothing was cut from `text`
};
// Between two versions. `from`: default the last but one; `to`: default what is there now. What a
// removal left is empty. Errors: not_found for a version that is not kept.
Result<DocumentDifference> document_difference(Access& access, const CallScope& call,
                                               const std::string& path,
                                               std::optional<std::int64_t> from,
                                               std::optional<std::int64_t> to,
                                               std::size_t most_lines = limits::kDiffLines);

// A new content for a document, and what it would change: bound to what is there now.
struct PlannedWrite {
  const char* rule = "memory.put";  // of the ledger
  std::string path, body;
  std::int64_t version = 0;  // of a revert
  std::string etag;          // of what is there; "" if nothing is
  std::string difference;    // safe to print; "" = none
  bool whole = true;         // nothing was cut from it
};
Result<PlannedWrite> plan_write(Access& access, const CallScope& call, const std::string& path,
                                std::string body, std::size_t most_lines = limits::kDiffLines);
// The content of an older version. Errors: not_found for a removal and one that is not kept.
Result<PlannedWrite> plan_revert(Access& access, const CallScope& call, const std::string& path,
                                 std::int64_t version, std::size_t most_lines = limits::kDiffLines);
// Errors: conflict if the document is no longer what the plan saw.
Result<Replaced> write_planned(memory::Ledger& ledger, Access& access, const CallScope& call,
                               const PlannedWrite& plan, const Presence& presence);

// The ledger's row of an import, before it begins.
Result<void> record_import(memory::Ledger& ledger, Access& access, const CallScope& call,
                           std::int64_t documents, std::int64_t versions, const std::string& sha256,
                           const Presence& presence);

// Drops for good the texts of one version, or of all that the document no longer holds; their rows
// stay. How many. Errors: those of Store::purge().
Result<std::int64_t> purge_versions(memory::Ledger& ledger, OperatorAccess& hands,
                                    const CallScope& call, const std::string& path,
                                    std::optional<std::int64_t> version, const Presence& presence);

// Moves the folder of an instruction to _archive/; its place there. Errors: those of
// Store::archive().
Result<std::string> archive_instruction(memory::Ledger& ledger, OperatorAccess& hands,
                                        const CallScope& call, const std::string& instruction,
                                        const Presence& presence);

// --- handoffs ---

// How a handoff stands for who looks after all of them. `dead`: nobody took it in time.
enum class HandoffStanding { open, acknowledged, overdue, done, dead };
const char* to_string(HandoffStanding standing);
HandoffStanding standing_of(const memory::Handoff& handoff, std::int64_t now_ms);
// When somebody must have acknowledged it, or else ended it; 0: never.
std::int64_t due_of(const memory::Handoff& handoff);

// Those that `query` names, newest first and page by page, at most `most` (rounded up to whole
// pages of kInboxPage); `more`: there are older ones still.
struct ManyHandoffs {
  std::vector<memory::Handoff> handoffs;
  bool more = false;
};
Result<ManyHandoffs> many_handoffs(Access& access, const CallScope& call, InboxQuery query,
                                   std::size_t most);

// An answer for a target, or a sender's act. `reply.if_match`: the record that was shown.
Result<memory::Handoff> act_on_handoff(memory::Ledger& ledger, Access& access,
                                       const CallScope& call, const HandoffReply& reply,
                                       const Presence& presence);
// Writes the waiting and given-up files of one handoff now; how many. Needs no person: it writes
// what was decided before. `drop_root`: of memory::open_drop_root().
Result<std::int64_t> retry_delivery(memory::State& state, memory::Ledger& ledger,
                                    OperatorAccess& hands, const CallScope& call,
                                    const std::string& id, const std::string& drop_root,
                                    const Presence& presence);

}  // namespace remit::policy
