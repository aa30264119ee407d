// A change of a file that needs a person: what is asked, and what a yes is bound to.
#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/agent_access.h"
#include "policy/question.h"

namespace remit::policy {

std::string AgentAccess::agent_shown() const {
  return escape_ascii(parts_.remit->slug) + " (" + parts_.remit->persona_sha256.substr(0, 12) +
         "), instruction " + escape_ascii(parts_.principal.instruction);
}

std::string AgentAccess::key_of_change(const CallScope& call, const ReplaceRequest& request,
                                       const Slot& slot) const {
  Sha256 hash;
  hash.field("remit.change/1");
  hash.field(principal_text());
  hash.field(parts_.remit->persona_sha256);
  hash.field(parts_.remit->manifest_sha256);
  hash.field(call.tool);
  hash.field(slot.where.path);
  hash.field(to_string(request.op));
  hash.field(std::to_string(request.mode));
  hash.field(sha256_hex(request.bytes));
  hash.field(request.if_version.value_or("any"));
  return hash.finish_hex();
}

Result<bool> AgentAccess::take_change(const CallScope& call, const ReplaceRequest& request,
                                      const Slot& slot, Risk risk) {
  if (parts_.approvals == nullptr) return false;
  TRY(const std::optional<SpawnAuthority> yes,
      parts_.approvals->take(key_of_change(call, request, slot), call));
  if (!yes) return false;
  // What a client's form said never suffices for a change that leaves the workspace.
  return risk == Risk::low || yes->attestation == "operator" ||
         memory::proves_presence(yes->attestation);
}

Result<std::optional<Question>> AgentAccess::judge_replace(const CallScope& call,
                                                           const ReplaceRequest& request) {
  if (request.document) return std::optional<Question>();
  TRY(const Slot slot, look_for_write(request.path));
  if (slot.where.space == Space::memory) return std::optional<Question>();
  const Action action = action_of_change(call, request, slot);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (decision.verdict == Verdict::deny) return tl::unexpected<Error>(denial(decision));
  if (decision.verdict == Verdict::allow) return std::optional<Question>();
  const std::string what =
      std::string(to_string(request.op)) + " " + escape_ascii(slot.where.shown);
  const std::string digest = sha256_hex(request.bytes);
  Question out;
  out.grant_key = key_of_change(call, request, slot);
  out.risk = decision.risk;
  out.tool = call.tool;
  out.command =
      what + " (" + std::to_string(request.bytes.size()) + " bytes, sha256 " + digest + ")";
  out.title = parts_.remit->slug + " asks to change a file (" + to_string(decision.risk) + " risk)";
  out.lines =
      form_lines({out.title, what,
                  std::to_string(request.bytes.size()) + " bytes, sha256 " + digest.substr(0, 12)});
  out.text = question_text(out.title, out.command,
                           {{"agent", agent_shown()},
                            {"granted by", decision.origin.text()},
                            {"asks because", decision.reason},
                            {"this question", "sha256 " + sha256_hex(out.command)}}) +
             "\n  new content";
  const std::string_view shown = std::string_view(request.bytes).substr(0, limits::kCommandShown);
  if (shown.size() < request.bytes.size()) {
    out.text += " (the first " + std::to_string(shown.size()) + " of its bytes)";
  }
  out.text += ":\n";
  for (const std::string_view line : split(shown, '\n'))
    out.text += "  | " + escape_ascii(line) + "\n";
  return std::optional<Question>(std::move(out));
}

}  // namespace remit::policy
