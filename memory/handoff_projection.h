// A handoff as the file that other agents, hooks and people read: YAML in the cAgents form. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "memory/handoff.h"

namespace remit::memory {

// Document path of the file in the inbox of `persona`:
// _communication/inbox/<persona>/<word>_<id>.yaml
std::string inbox_path(std::string_view persona, std::string_view word, std::string_view id);
std::string dead_letter_path(const Handoff& handoff);
// "consultation", "delegation", "escalation".
std::string_view type_word(HandoffType type);
// "consultation_response" for the end of a consult, else "progress_report".
std::string_view reply_word(HandoffType type);

// type, from, to, timestamp, instruction_id, priority, status, handoff_id, then the kind's own
// fields.
Result<std::string> request_yaml(const Handoff& handoff);
// What the sender's inbox gets when the target has answered, reported or ended it.
Result<std::string> reply_yaml(const Handoff& handoff, std::string_view note, std::int64_t at_ms);

}  // namespace remit::memory
