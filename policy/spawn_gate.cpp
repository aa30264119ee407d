#include "policy/spawn_gate.h"

#include <set>

#include "base/crypto.h"
#include "base/fs.h"
#include "memory/approval_rows.h"
#include "policy/decide.h"
#include "policy/grant.h"

namespace remit::policy {
namespace {

constexpr std::size_t kKeyBytes = 4096;

tl::unexpected<Error> refuse(std::string why) {
  return fail(ErrorKind::denied, "the starter refuses: " + std::move(why), {}, "starter_refused");
}

class Gate {
 public:
  explicit Gate(GateParts parts) : parts_(std::move(parts)) {}

  Result<void> operator()(const SpawnPlan& plan, const std::string& profile_sha256) {
    const ShellAssessment shell =
        assess(plan.command, *parts_.rules, shell_scope(*parts_.remit, plan.cwd));
    Action action;
    action.verb = Verb::spawn;
    action.tool = "Bash";
    action.shell = &shell;
    const Decision decision = decide(*parts_.remit, parts_.principal, action);
    switch (decision.verdict) {
      case Verdict::allow: return {};
      case Verdict::deny: return refuse(decision.reason);
      case Verdict::ask: return check(plan, profile_sha256, decision);
    }
    return refuse("no verdict");
  }

 private:
  Result<void> check(const SpawnPlan& plan, const std::string& profile_sha256,
                     const Decision& decision) {
    const SpawnAuthority& authority = plan.authority;
    if (authority.decision != "approval") return refuse("nobody approved this command");
    if (authority.expires_unix_ms <= parts_.clock->unix_ms()) return refuse("the approval expired");
    GrantSubject subject;
    subject.remit = parts_.remit.get();
    subject.principal = &parts_.principal;
    subject.tool = "Bash";
    subject.command = plan.command;
    subject.cwd = plan.cwd;
    subject.executed = authority.executed;
    subject.profile_sha256 = profile_sha256;
    subject.limits = plan.limits;
    if (!equal_constant_time(grant_key(subject), authority.grant_key)) {
      return refuse("the approval is for another command");
    }
    if (authority.scope == "once" && !used_.insert(authority.approval_id).second) {
      return refuse("the approval was used before");
    }
    if (authority.attestation == "operator" && parts_.operator_may_approve) return {};
    if (authority.attestation == "client" && decision.risk == Risk::low) return {};
    if (authority.attestation != "human") {
      return refuse("a command of high risk needs a person's PIN");
    }
    TRY(const std::string key, fs::read_file(parts_.approval_key_file, kKeyBytes));
    // The row as the person's own command signed it, from what the starter knows by itself.
    memory::ApprovalRow row;
    row.id = authority.approval_id;
    row.grant_key = authority.grant_key;
    row.principal = principal_text(parts_.principal);
    row.persona_sha256 = parts_.remit->persona_sha256;
    row.instruction = parts_.principal.instruction;
    row.server_id = authority.server_id;
    row.tool = "Bash";
    row.command = plan.command;
    row.risk = to_string(decision.risk);
    row.channel = authority.channel;
    row.attestation = authority.attestation;
    TRY(row.scope, memory::parse_approval_scope(authority.scope));
    row.decided_ms = authority.decided_unix_ms;
    row.expires_ms = authority.expires_unix_ms;
    row.signature = authority.signature;
    if (!memory::signature_holds(row, key)) return refuse("the approval carries no valid signature");
    return {};
  }

  GateParts parts_;
  std::set<std::string> used_;
};

}  // namespace

ShellScope shell_scope(const Remit& remit, const std::string& cwd) {
  ShellScope scope;
  scope.cwd = cwd;
  for (std::size_t i = 0; i < remit.roots.size(); ++i) {
    if (i == 0) {
      scope.workspace = remit.roots[i].path;
    } else {
      scope.read_roots.push_back(remit.roots[i].path);
    }
  }
  scope.protected_paths = &remit.protected_paths;
  return scope;
}

SpawnGate make_spawn_gate(GateParts parts) {
  auto gate = std::make_shared<Gate>(std::move(parts));
  return [gate](const SpawnPlan& plan, const std::string& profile_sha256) {
    return (*gate)(plan, profile_sha256);
  };
}

}  // namespace remit::policy
