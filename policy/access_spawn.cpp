// The verb spawn: judge, ask, run in a slot. Applying what the command changed is replace's work
// (policy/apply_changes.h).
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/agent_access.h"
#include "policy/grant.h"
#include "policy/question.h"
#include "policy/shell_assess.h"
#include "policy/shell_render.h"
#include "policy/spawn_gate.h"
#include "policy/spool.h"

namespace remit::policy {
namespace {

constexpr int kMaskDepth = 128;  // each level holds a descriptor; below it Bash is refused
constexpr std::size_t kMaskEntries = 2'000'000;  // names looked at for masks before Bash is refused

}  // namespace

// Paths that must read as empty inside, found before every run: a secret file may be new.
Result<std::vector<std::string>> find_masks(const Remit& remit, const Fd& workspace) {
  std::vector<std::string> masks;
  if (remit.read_denied.empty()) return masks;
  std::size_t seen = 0;
  bool too_many = false, too_deep = false;
  const std::function<void(const Fd&, const std::string&, int)> walk =
      [&](const Fd& directory, const std::string& path, int depth) {
        std::vector<std::string> below;
        const auto listed =
            fs::list_directory(directory, [&](std::string_view name, unsigned char type) {
              if (++seen > kMaskEntries) too_many = true;
              if (too_many) return false;
              const std::string child = fs::join(path, name);
              if (match_path(remit.read_denied, child) != nullptr) {
                masks.push_back(child);
              } else if (type == DT_DIR || type == DT_UNKNOWN) {
                below.emplace_back(name);
              }
              return true;
            });
        if (!listed) return;
        if (depth >= kMaskDepth) {
          too_deep = too_deep || !below.empty();
          return;
        }
        for (const std::string& name : below) {
          const auto child = fs::open_child(directory, name, O_RDONLY | O_DIRECTORY);
          if (child) walk(*child, fs::join(path, name), depth + 1);
        }
      };
  walk(workspace, "", 0);
  if (too_many || too_deep) {
    return fail(ErrorKind::unavailable,
                std::string("the workspace has too ") +
                    (too_deep ? "deep directories" : "many files") +
                    " to find those that must stay hidden",
                {}, "sandbox_unavailable");
  }
  return masks;
}

Result<SpawnView> AgentAccess::view_of() {
  const Remit& remit = *parts_.remit;
  SpawnView view;
  view.workspace = remit.roots.front().path;
  for (std::size_t i = 1; i < remit.roots.size(); ++i)
    view.read_only_roots.push_back(remit.roots[i].path);
  // Documents that are rows are not shown to commands. A folder that has their name is one from
  // before: nothing of it is.
  const bool rows = documents_are_rows();
  if (!rows || fs::open_root(remit.memory_root)) view.memory = remit.memory_root;
  if (!remit.memory_root.empty() && !rows) {
    Action read;
    read.verb = Verb::open;
    read.space = Space::memory;
    const auto enter = [&](std::string_view below) {
      for (const MemoryRule& rule : remit.memory) {
        if (rule.read && rule.pattern.may_match_below(below)) return true;
      }
      return false;
    };
    const auto wanted = [&](std::string_view path) {
      read.path = path;
      return decide(remit, parts_.principal, read).allowed();
    };
    TRY(const std::vector<memory::DocumentEntry> documents, parts_.store->list("", enter, wanted));
    for (const memory::DocumentEntry& document : documents)
      view.memory_documents.push_back(document.path);
  }
  TRY(view.masks, find_masks(remit, roots_.front()));
  return view;
}

Result<SpawnPlan> AgentAccess::plan_of(const CallScope& call, const SpawnRequest& request) {
  if (parts_.spawner == nullptr) {
    return fail(ErrorKind::unavailable, "no sandbox was started", {}, "sandbox_unavailable");
  }
  SpawnPlan plan;
  plan.call_id = call.call_id;
  plan.command = request.command;
  plan.cwd = request.cwd.empty() ? standing_cwd() : request.cwd;
  plan.environment = spawn_environment();
  plan.limits = parts_.remit->bash.limits;
  // A manifest that narrows the time below the default narrows what a call may ask for, too.
  const bool narrowed = plan.limits.wall < SpawnLimits{}.wall;
  if (request.wall)
    plan.limits.wall = narrowed ? std::min(*request.wall, plan.limits.wall) : *request.wall;
  if (request.background) {
    plan.limits.wall = limits::kBackgroundLife;
    plan.limits.idle = std::chrono::milliseconds{0};
  }
  return plan;
}

Question AgentAccess::question_of(const CallScope& call, const SpawnRequest& request,
                                  const SpawnPlan& plan, const Decision& decision) const {
  const Remit& remit = *parts_.remit;
  const std::string command = escape_ascii(request.command);
  const std::string digest = sha256_hex(request.command);
  Question out;
  out.grant_key = plan.authority.grant_key;
  out.risk = decision.risk;
  out.tool = call.tool;
  out.command = request.command;
  out.title =
      remit.slug + " asks to run a command (" + std::string(to_string(decision.risk)) + " risk)";
  out.lines = form_lines(
      {out.title, command, "sha256 " + digest.substr(0, 12) + "  in " + escape_ascii(plan.cwd)});
  std::vector<std::pair<std::string, std::string>> rows{
      {"bytes", std::to_string(request.command.size()) + ", sha256 " + digest},
      {"in", escape_ascii(plan.cwd)},
      {"agent", agent_shown()},
      {"granted by", decision.origin.text()},
      {"asks because", decision.reason.empty() ? decision.rule : decision.reason},
      {"sandbox", std::string(to_string(sandbox().tier)) + ", no network, " +
                      std::to_string(plan.limits.wall.count() / 1000) + " s, " +
                      human_bytes(plan.limits.memory_bytes)},
      {"its changes", sandbox().tier != Tier::t1 ? "none: the workspace is read-only here"
                      : remit.bash.apply == Apply::as_write
                          ? "applied like Write; deletions and conflicts wait for a person"
                      : remit.bash.apply == Apply::hold ? "held for a person"
                                                        : "thrown away"}};
  for (const Executed& file : plan.executed) {
    rows.emplace_back("executes", escape_ascii(file.path) +
                                      (file.version.empty() ? " sha256 " + sha256_hex(file.content)
                                                            : " version " + file.version +
                                                                  ", too large to be held"));
  }
  out.text =
      question_text(out.title, command, rows) + "\n" +
      render_shell(request.command,
                   judge_shell(request.command, *parts_.shell_rules, shell_scope(remit, plan.cwd)),
                   *parts_.shell_rules);
  if (!plan.executed.empty())
    out.text += "  Files that a script reads or sources while it runs are not bound.\n";
  if (!request.description.empty()) {
    out.text += "\n  untrusted text from the agent: " + escape_ascii(request.description) + "\n";
  }
  return out;
}

Result<Access::SpawnJudgement> AgentAccess::judge_spawn(const CallScope& call,
                                                        const SpawnRequest& request) {
  TRY(SpawnPlan plan, plan_of(call, request));
  SpawnJudgement out;
  out.shell = assess(request.command, *parts_.shell_rules, shell_scope(*parts_.remit, plan.cwd));
  Action action;
  action.verb = Verb::spawn;
  action.tool = call.tool;
  action.shell = &out.shell;
  action.tier = sandbox().tier;
  out.decision = decide(*parts_.remit, parts_.principal, action);
  // Told before a person is asked: an approval that can never run is worth nothing.
  if (out.decision.code == "sandbox_unavailable") {
    return fail(ErrorKind::unavailable, out.decision.reason + "; " + sandbox().remedy, {},
                "sandbox_unavailable");
  }
  if (out.decision.verdict != Verdict::ask) return out;
  TRY(plan.executed, executed_files(out.shell, plan.cwd));
  plan.authority.grant_key = key_of(plan);
  out.question = question_of(call, request, plan, out.decision);
  return out;
}

const SandboxReport& AgentAccess::sandbox() const {
  static const SandboxReport kNone{Tier::t3, "", {}, {}, 0, "no sandbox was started"};
  return parts_.spawner != nullptr ? parts_.spawner->report() : kNone;
}

std::string AgentAccess::key_of(const SpawnPlan& plan) const {
  GrantSubject subject;
  subject.remit = parts_.remit;
  subject.principal = &parts_.principal;
  subject.tool = "Bash";
  subject.command = plan.command;
  subject.cwd = plan.cwd;
  subject.executed = &plan.executed;
  const SandboxReport& report = parts_.spawner->report();
  subject.profile_sha256 = report.profile_sha256;
  subject.tier = report.tier;
  subject.limits = plan.limits;
  return grant_key(subject);
}

Result<SpawnOutcome> AgentAccess::spawn(const CallScope& call, const SpawnRequest& request,
                                        const OutputSink& sink, std::stop_token stop) {
  TRY(SpawnPlan plan, plan_of(call, request));
  const ShellAssessment shell =
      assess(request.command, *parts_.shell_rules, shell_scope(*parts_.remit, plan.cwd));
  Action action;
  action.verb = Verb::spawn;
  action.tool = call.tool;
  action.shell = &shell;
  action.tier = sandbox().tier;
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  // Before an approval is used up: one who finds no place has lost nothing.
  std::optional<SpawnRoom::Place> place;
  if (decision.verdict != Verdict::deny && !request.background) {
    TRY(SpawnRoom::Place entered, parts_.spawner->room().enter(principal_text(), stop));
    place.emplace(std::move(entered));
  }
  plan.authority.decision = "allow";
  if (decision.verdict == Verdict::ask) {
    TRY(plan.executed, executed_files(shell, plan.cwd));
    const std::string key = key_of(plan);
    TRY(std::optional<SpawnAuthority> approved, parts_.approvals->take(key, call));
    if (!approved) {
      TRY_DO(record_decision(call, action, decision, memory::Durability::read, ""));
      return fail(ErrorKind::needs_approval, "this command needs a person's approval", {},
                  "needs_approval");
    }
    plan.authority = std::move(*approved);
  }
  TRY_DO(record_sandbox());
  Json executed = Json::object();
  for (const Executed& file : plan.executed) {
    executed[file.path] = file.version.empty() ? sha256_hex(file.content) : file.version;
  }
  const Json start{{"command", parts_.redactor->redact(request.command).text},
                   {"command_sha256", sha256_hex(request.command)},
                   {"cwd", plan.cwd},
                   {"tier", to_string(sandbox().tier)},
                   {"profile_sha256", sandbox().profile_sha256},
                   {"executed", executed},
                   {"approval", plan.authority.approval_id},
                   {"attestation", plan.authority.attestation}};
  TRY_DO(record(call, action, decision, memory::Durability::effect, ",\"start\":" + dump(start)));
  TRY(plan.view, view_of());
  TRY(const Fd spill, parts_.state->subdirectory("spill"));
  Spool out(spill, call.call_id + "-stdout"), err(spill, call.call_id + "-stderr");
  auto outcome = parts_.spawner->run(
      plan,
      [&](Stream stream, std::string_view bytes) {
        (stream == Stream::out ? out : err).write(bytes);
        sink(stream, bytes);
      },
      stop);
  memory::LedgerRecord end;
  end.kind = "end";
  end.call_id = call.call_id;
  end.principal = principal_text();
  if (!outcome) {
    end.fields = dump(Json{{"error", outcome.error().message}, {"code", outcome.error().code}});
    TRY_DO(parts_.ledger->append(std::move(end), memory::Durability::effect));
    return outcome;
  }
  outcome->stdout_bytes = out.bytes();
  outcome->stderr_bytes = err.bytes();
  {
    const std::lock_guard lock(mutex_);
    if (out.spilled()) spooled_.insert(out.name());
    if (err.spilled()) spooled_.insert(err.name());
  }
  if (out.spilled()) outcome->stdout_uri = "remit://bash/" + call.call_id + "/stdout";
  if (err.spilled()) outcome->stderr_uri = "remit://bash/" + call.call_id + "/stderr";
  Json fields{{"signal", outcome->signal},
              {"stdout_bytes", out.bytes()},
              {"stderr_bytes", err.bytes()},
              {"stdout_sha256", out.sha256()},
              {"stderr_sha256", err.sha256()},
              {"limit", outcome->limit},
              {"changes", outcome->changes.size()},
              {"duration_ms", outcome->duration.count()},
              {"user_us", outcome->user_us},
              {"max_rss_kib", outcome->max_rss_kib},
              {"pid", outcome->pid},
              {"cgroup", outcome->cgroup}};
  if (outcome->exit_code) fields["exit_code"] = *outcome->exit_code;
  end.fields = dump(fields);
  TRY_DO(parts_.ledger->append(std::move(end), memory::Durability::effect));
  if (!request.background) {
    keep_cwd(*outcome);
    const std::lock_guard lock(mutex_);
    outcome->cwd_reset = std::exchange(cwd_reset_, false);
  }
  return outcome;
}

Result<void> AgentAccess::record_sandbox() {
  {
    const std::lock_guard lock(mutex_);
    if (sandbox_recorded_) return {};
  }
  const SandboxReport& report = sandbox();
  Json failed = Json::object();
  for (const CanaryPoint& point : report.canary) {
    if (!point.ok) failed[point.name] = point.detail;
  }
  memory::LedgerRecord row;
  row.kind = "canary";
  row.principal = principal_text();
  row.fields = dump(Json{{"tier", to_string(report.tier)},
                         {"profile_sha256", report.profile_sha256},
                         {"landlock_abi", report.landlock_abi},
                         {"degraded", report.degraded},
                         {"failed", failed}});
  TRY_DO(parts_.ledger->append(std::move(row), memory::Durability::effect));
  const std::lock_guard lock(mutex_);
  sandbox_recorded_ = true;  // two commands at once may both record it, which misleads nobody
  return {};
}

Result<OpenFile> AgentAccess::open_output(const CallScope& call, std::string_view path) {
  constexpr std::string_view kPrefix = "remit://bash/", kResult = "remit://result/";
  Location where;
  where.space = Space::output;
  where.path = path;
  where.shown = path;
  const Action action = action_of(call, Verb::open, where);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  std::string name(path.starts_with(kPrefix) ? path.substr(kPrefix.size()) : std::string_view());
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) name[slash] = '-';
  bool own = path.starts_with(kResult);
  if (own) {
    name = result_name(path.substr(kResult.size()));
  } else {
    const std::lock_guard lock(mutex_);
    own = spooled_.contains(name);
  }
  TRY(const Fd spill, parts_.state->subdirectory("spill"));
  auto file = fs::open_child(spill, name, O_RDONLY);
  const auto unknown = [&] {
    return fail(ErrorKind::not_found, "no output of one of your own calls: " + escape_ascii(path),
                {}, "not_found");
  };
  if (!own || !file) return unknown();
  OpenFile out;
  out.fd = std::move(*file);
  TRY(out.status, fs::stat_of(out.fd));
  if (is_expired(out.status, parts_.clock->unix_ms())) return unknown();
  out.where = std::move(where);
  return out;
}

bool AgentAccess::may_stand_in(const std::string& directory) const {
  const auto seen = look(directory);
  return seen && seen->exists && S_ISDIR(seen->status.st_mode) &&
         (seen->where.space == Space::workspace || seen->where.space == Space::root);
}

// The kept directory, or the workspace's root if it has vanished since.
std::string AgentAccess::standing_cwd() {
  const std::string kept = cwd();
  const std::string& workspace = parts_.remit->roots.front().path;
  if (kept == workspace || may_stand_in(kept)) return kept;
  const std::lock_guard lock(mutex_);
  cwd_ = workspace;
  cwd_reset_ = true;
  return workspace;
}

// The shell's last directory, if it is a real one that this persona may list; else the workspace.
// One that the command itself made is not there before its changes are applied: the next call
// looks.
void AgentAccess::keep_cwd(const SpawnOutcome& outcome) {
  const std::string& wanted = outcome.cwd;
  std::string next = parts_.remit->roots.front().path;
  const bool made =
      std::any_of(outcome.changes.begin(), outcome.changes.end(), [&](const Change& change) {
        return change.kind == ChangeKind::mkdir && change.path == wanted;
      });
  if (!wanted.empty() && (made || may_stand_in(wanted))) next = wanted;
  const std::lock_guard lock(mutex_);
  cwd_ = next;
}

}  // namespace remit::policy
