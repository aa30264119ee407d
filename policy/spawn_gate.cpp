#include "policy/spawn_gate.h"

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
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
  explicit Gate(GateParts parts) : parts_(std::move(parts)), started_ms_(parts_.clock->unix_ms()) {}

  Result<void> operator()(const SpawnPlan& plan, const SpawnPlace& place) {
    TRY_DO(check_reach(plan));
    const ShellAssessment shell =
        assess(plan.command, *parts_.rules, shell_scope(*parts_.remit, plan.cwd));
    Action action;
    action.verb = Verb::spawn;
    action.tool = "Bash";
    action.shell = &shell;
    action.tier = place.tier;
    const Decision decision = decide(*parts_.remit, parts_.principal, action);
    switch (decision.verdict) {
      case Verdict::allow:
        // Nobody saw these bytes: what an allowed command finds is the workspace as it is.
        return plan.executed.empty() ? Result<void>()
                                     : refuse("the plan brings files that nobody approved");
      case Verdict::deny:
        return refuse(decision.reason);
      case Verdict::ask:
        return check(plan, place, decision);
    }
    return refuse("no verdict");
  }

 private:
  // What the command would see and use, compared with what the Remit grants.
  Result<void> check_reach(const SpawnPlan& plan) const {
    const Remit& remit = *parts_.remit;
    const SpawnView& view = plan.view;
    if (remit.roots.empty() || view.workspace != remit.roots.front().path) {
      return refuse("the plan's workspace is not this agent's");
    }
    for (const std::string& root : view.read_only_roots) {
      const bool granted = std::any_of(remit.roots.begin() + 1, remit.roots.end(),
                                       [&](const RootRule& rule) { return rule.path == root; });
      if (!granted)
        return refuse("the plan shows a directory that is not granted: " + escape_ascii(root));
    }
    if (!view.memory.empty() && view.memory != remit.memory_root) {
      return refuse("the plan's Agent_Memory is not this agent's");
    }
    Action read;
    read.verb = Verb::open;
    read.space = Space::memory;
    for (const std::string& document : view.memory_documents) {
      read.path = document;
      if (!decide(remit, parts_.principal, read).allowed()) {
        return refuse("the plan shows a document that is not granted: " + escape_ascii(document));
      }
    }
    for (const Executed& file : plan.executed) {
      const auto beneath = [&](const std::string& root) {
        return file.path != root && fs::is_beneath(file.path, root);
      };
      const bool granted = beneath(remit.memory_root) ||
                           std::any_of(remit.roots.begin(), remit.roots.end(),
                                       [&](const RootRule& rule) { return beneath(rule.path); });
      if (!granted)
        return refuse("the plan brings a file of a directory that is not granted: " +
                      escape_ascii(file.path));
    }
    if (plan.environment != spawn_environment())
      return refuse("the plan's environment is not the usual one");
    const SpawnLimits& asked = plan.limits;
    const SpawnLimits& granted = remit.bash.limits;
    if (asked.wall > limits::kBackgroundLife || asked.cpu > granted.cpu ||
        asked.memory_bytes > granted.memory_bytes || asked.processes > granted.processes ||
        asked.file_bytes > granted.file_bytes || asked.open_files > granted.open_files ||
        asked.layer_bytes > granted.layer_bytes || asked.layer_inodes > granted.layer_inodes) {
      return refuse("the plan's limits are wider than this agent's");
    }
    return {};
  }

  Result<void> check(const SpawnPlan& plan, const SpawnPlace& place, const Decision& decision) {
    const SpawnAuthority& authority = plan.authority;
    if (authority.decision != "approval") return refuse("nobody approved this command");
    const std::int64_t now_ms = parts_.clock->unix_ms();
    if (authority.expires_unix_ms <= now_ms) return refuse("the approval expired");
    // The clock was set back since: how much of its life is over cannot be told.
    if (authority.decided_unix_ms > now_ms) return refuse("the approval is of a later time");
    GrantSubject subject;
    subject.remit = parts_.remit.get();
    subject.principal = &parts_.principal;
    subject.tool = "Bash";
    subject.command = plan.command;
    subject.cwd = plan.cwd;
    subject.executed = &plan.executed;
    subject.profile_sha256 = place.profile_sha256;
    subject.tier = place.tier;
    subject.limits = plan.limits;
    if (!equal_constant_time(grant_key(subject), authority.grant_key)) {
      return refuse("the approval is for another command");
    }
    const auto known = memory::parse_approval_scope(authority.scope);
    if (!known) return refuse("the approval's scope is unknown");
    const memory::ApprovalScope scope = *known;
    if (scope == memory::ApprovalScope::once && used_.contains(authority.approval_id)) {
      return refuse("the approval was used before");
    }
    // A rule outlives its server; everything else ends with the process that asked.
    if (scope != memory::ApprovalScope::rule && authority.decided_unix_ms < started_ms_) {
      return refuse("the approval is older than this server");
    }
    TRY_DO(check_attestation(plan, decision, scope));
    if (scope == memory::ApprovalScope::once) used_.insert(authority.approval_id);
    return {};
  }

  Result<void> check_attestation(const SpawnPlan& plan, const Decision& decision,
                                 memory::ApprovalScope scope) const {
    const SpawnAuthority& authority = plan.authority;
    const bool once = scope == memory::ApprovalScope::once;
    if (authority.attestation == "operator" && parts_.operator_may_approve && once) return {};
    if (authority.attestation == "client" && decision.risk == Risk::low && once) return {};
    if (!memory::proves_presence(authority.attestation)) {
      return refuse("this approval needs a person's PIN or passkey");
    }
    if (scope == memory::ApprovalScope::rule && decision.risk == Risk::high) {
      return refuse("no stored rule covers a command of high risk");
    }
    TRY(const std::string key, fs::read_file(parts_.approval_public_file, kKeyBytes));
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
    row.scope = scope;
    row.decided_ms = authority.decided_unix_ms;
    row.expires_ms = authority.expires_unix_ms;
    row.signature = authority.signature;
    if (!memory::signature_holds(row, key))
      return refuse("the approval carries no valid signature");
    return {};
  }

  GateParts parts_;
  const std::int64_t started_ms_;
  std::set<std::string> used_;
};

}  // namespace

const std::map<std::string, std::string>& spawn_environment() {
  static const std::map<std::string, std::string> kAll{{"PATH", "/usr/bin:/bin"},
                                                       {"HOME", "/tmp"},
                                                       {"LANG", "C.UTF-8"},
                                                       {"TERM", "dumb"},
                                                       {"TZ", "UTC"},
                                                       {"PAGER", "cat"},
                                                       {"GIT_PAGER", "cat"},
                                                       {"GIT_CONFIG_NOSYSTEM", "1"},
                                                       {"GIT_CONFIG_GLOBAL", "/dev/null"}};
  return kAll;
}

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
  return [gate](const SpawnPlan& plan, const SpawnPlace& place) { return (*gate)(plan, place); };
}

}  // namespace remit::policy
