// A handoff as the file that other agents, hooks and people read: YAML in the cAgents form. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/handoff.h"

namespace remit::memory {

// Document path of the file in the inbox of `persona`:
// _communication/inbox/<persona>/<word>_<id>.yaml
std::string inbox_path(std::string_view persona, std::string_view word, std::string_view id);
// Its folder, with the slash: _communication/inbox/<persona>/
std::string inbox_folder(std::string_view persona);
// The handoff's id in the name of such a file; "" if it is named in another way.
std::string id_in_path(std::string_view path);
// Where it lies, for people: its document, or "queue NAME", "human NAME".
std::string place_of(const Handoff& handoff);
std::string dead_letter_path(const Handoff& handoff);
// "consultation", "delegation", "escalation".
std::string_view type_word(HandoffType type);
// "consultation_response" for the end of a consult, else "progress_report".
std::string_view reply_word(HandoffType type);

// type, from, to, timestamp, instruction_id, priority, status, handoff_id, then the kind's own
// fields.
Result<std::string> request_yaml(const Handoff& handoff);
// The words in its answer, "" if there are none.
std::string answer_text(const Handoff& handoff);
// All of a record for a person or a model to read: the request, what was last said, the history.
// Printable, and no text in it can pass for a line of another part.
Result<std::string> record_text(const Handoff& handoff, const std::vector<HandoffEvent>& events);
// What the sender's inbox gets when the target has answered, reported or ended it.
Result<std::string> reply_yaml(const Handoff& handoff, std::string_view note, std::int64_t at_ms);

}  // namespace remit::memory
