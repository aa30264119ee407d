// The pages about questions: those that wait, one of them whole, the answer; and the rules that
// answers have made.
//
// Threads: any.
#pragma once

#include "server/console/page.h"

namespace remit::console {

Page list_approvals(Visit& visit);
Page show_approval(Visit& visit, const std::string& id);

// What the token of a form is for: it binds the answer to the question as it was shown.
std::string purpose_of(const char* verb, const memory::ApprovalRow& row);
// Takes the form's token first. A yes needs the PIN.
Page answer_approval(Visit& visit, const std::string& id, bool approve);
Page revoke_rule(Visit& visit, const std::string& id);

// A question that waits, as a line of the list and of the live updates.
struct WaitingLine {
  std::string id, title, risk, command, agent;
  std::int64_t expires_ms = 0;
};
Result<std::vector<WaitingLine>> waiting(Desk& desk);

}  // namespace remit::console
