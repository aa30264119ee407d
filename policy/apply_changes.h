// What becomes of a command's changes: each is decided and acted on by Access.replace, like a call
// of Write; what needs a person, conflicts, or comes from a killed command waits in a change set.
#pragma once

#include <string>
#include <vector>

#include "policy/access.h"
#include "policy/change_sets.h"

namespace remit::policy {

enum class ChangeOutcome { applied, held, denied, discarded };
const char* to_string(ChangeOutcome outcome);

struct ChangeResult {
  std::string path;  // as answers print it
  ChangeKind kind = ChangeKind::modify;
  ChangeOutcome outcome = ChangeOutcome::held;
  std::uint64_t bytes = 0;
  std::string why;  // reason when it was not applied
};

struct ApplyReport {
  std::vector<ChangeResult> changes;  // order of the outcome
  std::string change_set;             // id, if anything is held
};

// Applies the changes of one command by the persona's `bash.apply`. Errors: only if the held ones
// cannot be kept; what was applied by then stays applied and is named in the message.
Result<ApplyReport> apply_changes(Access& access, const ChangeSets& sets, const CallScope& call,
                                  const SpawnOutcome& outcome);

// Applies a change set that a person approved, through an operator's Access: all or, at the first
// that cannot be, none of the rest. Removes the set when everything was applied.
Result<ApplyReport> apply_change_set(Access& access, const ChangeSets& sets, const CallScope& call,
                                     const ChangeSet& set);

// The replace request of one change.
ReplaceRequest request_of(const Change& change);

}  // namespace remit::policy
