// The pages about change sets: what Bash changed and has not been applied, each with its diffs, and
// what a person does with it.
//
// Threads: any.
#pragma once

#include "server/console/page.h"

namespace remit::console {

Page list_changes(Visit& visit);
Page show_change_set(Visit& visit, const std::string& id);
// Takes the form's token first, then the PIN.
Page settle_change_set(Visit& visit, const std::string& id, bool apply);

// A digest of all that applying the set would do: a server may write where sets lie, so what is
// applied must be what was shown.
std::string digest_of(const policy::ChangeSet& set);

}  // namespace remit::console
