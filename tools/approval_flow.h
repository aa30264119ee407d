// How a tool obtains a person's yes: through the client's form where that suffices, else on a
// terminal with the PIN; where no channel exists, a refusal at once with the reason.
#pragma once

#include <functional>

#include "policy/access.h"
#include "tools/tool.h"

namespace remit::tools {

// Returns when `question` is approved; the caller then repeats its verb, which consumes the yes.
// Errors: denied (declined; code "no_approval_channel" when nobody can be asked), needs_approval
// (code "approval_pending": a person may still answer, the same call later finds it; code
// "input_required": pass it on as it is), timeout (code "approval_timeout"), cancelled.
Result<void> obtain_approval(Call& call, const policy::Question& question);

// The same where the client has shown this very call to its person, who let it pass (BashApproved).
// That is a client's yes: it counts at low risk, and at high risk as much as none.
Result<void> approve_as_shown(Call& call, const policy::Question& question);

// Judges a command and has a person asked, by one of the two above, where one must say yes and none
// that waits to be taken was said. The spawn that follows takes it. Errors: denied, and theirs.
using AskPerson = std::function<Result<void>(Call& call, const policy::Question& question)>;
Result<void> settle_spawn(Call& call, const policy::SpawnRequest& request, const AskPerson& ask);

// replace, asking a person where decide() says so.
Result<policy::Replaced> replace_approved(Call& call, const policy::ReplaceRequest& request);

}  // namespace remit::tools
