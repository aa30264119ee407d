// The pages about Agent_Memory: its tree, a document with its versions, the difference between two
// of them, and going back to one. They show and do what `remit memory` does
// (policy/operator_acts.h).
//
// Threads: any.
#pragma once

#include "server/console/page.h"

namespace remit::console {

// `folder`: "" = all of it.
Page show_memory(Visit& visit, const std::string& folder);
// As it is now, or with ?version=N as it was; ?part=K of a long one.
Page show_document(Visit& visit, const std::string& path);
// ?from=N&to=M; without `to`: what is there now.
Page show_difference(Visit& visit, const std::string& path);
// ?version=N: what going back would change, and the form for it.
Page show_revert(Visit& visit, const std::string& path);
// Takes the form's token, which is bound to what is there now, then the PIN.
Page revert_document(Visit& visit, const std::string& path);

}  // namespace remit::console
