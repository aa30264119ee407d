// What a persona amounts to, for people and machines: the JSON of docs/personas.md
// ("remit.persona/1", "remit.check/1") and the text of `remit show`. Key order and content are an
// interface; tests compare them. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policy/compile.h"
#include "policy/persona.h"

namespace remit::policy {

// One thing that is permitted, with the line that permits it.
struct Grant {
  std::string grant;  // tool, diagnostic, memory.read, handoff.consult, root.read, target, ...
  std::string what;
  Origin origin;
};
// In the order tools, diagnostics, memory, handoffs, roots, targets; each in source order.
std::vector<Grant> grants_of(const Remit& remit);
nlohmann::ordered_json grants_json(const std::vector<Grant>& grants);

// One element of "files" in remit.check/1.
nlohmann::ordered_json persona_json(const Persona& persona, const Compiled& compiled);

// `remit show --json`. `tools_list_sha256`: of the tools/list this persona is served, or "".
nlohmann::ordered_json show_json(const Persona& persona, const Compiled& compiled,
                                 std::string_view tools_list_sha256);

// `remit show` for a person.
std::string show_text(const Persona& persona, const Compiled& compiled);

}  // namespace remit::policy
