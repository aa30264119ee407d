// The pages about handoffs: the board of what is open, what has ended, what nobody took, one
// handoff with its history and evidence, and what a person does with it. They show and do what
// `remit handoffs` does (policy/operator_acts.h).
//
// Threads: any.
#pragma once

#include "server/console/page.h"

namespace remit::console {

enum class HandoffView { open, done, dead };

// ?before=ID: the older ones.
Page list_handoffs(Visit& visit, HandoffView view);
Page show_handoff(Visit& visit, const std::string& id);
// Each takes the form's token, which is bound to the record that was shown, then the PIN.
Page answer_handoff(Visit& visit, const std::string& id);
Page withdraw_handoff(Visit& visit, const std::string& id);
Page retry_handoff(Visit& visit, const std::string& id);

}  // namespace remit::console
