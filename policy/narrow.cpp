#include "policy/narrow.h"

#include <algorithm>

#include "policy/diff.h"
#include "policy/site.h"

namespace remit::policy {
namespace {

template <class Rule, class Same>
const Rule* find_rule(const std::vector<Rule>& rules, Same same) {
  const auto at = std::find_if(rules.begin(), rules.end(), same);
  return at == rules.end() ? nullptr : &*at;
}

std::vector<ToolRule> both(const std::vector<ToolRule>& now, const std::vector<ToolRule>& next) {
  std::vector<ToolRule> out;
  for (const ToolRule& rule : next)
    if (find_rule(now, [&](const ToolRule& one) { return one.name == rule.name; }) != nullptr)
      out.push_back(rule);
  return out;
}

bool names_one_document(const memory::DocPattern& pattern) {
  return pattern.text().find_first_of("*{") == std::string::npos && !pattern.text().ends_with('/');
}

std::vector<MemoryRule> both(const std::vector<MemoryRule>& now,
                             const std::vector<MemoryRule>& next) {
  std::vector<MemoryRule> out;
  for (MemoryRule rule : next) {
    MemoryRule had;
    for (const MemoryRule& one : now) {
      const bool covers =
          one.pattern.text() == rule.pattern.text() ||
          (names_one_document(rule.pattern) && one.pattern.matches(rule.pattern.text()));
      if (!covers) continue;
      had.read |= one.read;
      had.list |= one.list;
      had.create |= one.create;
      had.replace |= one.replace;
      had.append |= one.append;
      had.remove |= one.remove;
    }
    rule.read &= had.read;
    rule.list &= had.list;
    rule.create &= had.create;
    rule.replace &= had.replace;
    rule.append &= had.append;
    rule.remove &= had.remove;
    if (rule.read || rule.list || rule.create || rule.replace || rule.append || rule.remove)
      out.push_back(std::move(rule));
  }
  return out;
}

std::vector<EdgeRule> both(const std::vector<EdgeRule>& now, const std::vector<EdgeRule>& next) {
  std::vector<EdgeRule> out;
  for (EdgeRule rule : next) {
    const EdgeRule* had = find_rule(now, [&](const EdgeRule& one) {
      return one.kind == rule.kind && one.target == rule.target &&
             one.resolution == rule.resolution && one.file_drop == rule.file_drop;
    });
    if (had == nullptr) continue;
    rule.requires_bug_report |= had->requires_bug_report;
    // Whom it tells must have been among those it told before.
    std::erase_if(rule.ladder, [&](const LadderStep& step) {
      return find_rule(had->ladder, [&](const LadderStep& one) {
               return one.to == step.to && one.resolution == step.resolution;
             }) == nullptr;
    });
    out.push_back(std::move(rule));
  }
  return out;
}

std::vector<RootRule> both(const std::vector<RootRule>& now, const std::vector<RootRule>& next) {
  std::vector<RootRule> out;
  for (RootRule rule : next) {
    const RootRule* had =
        find_rule(now, [&](const RootRule& one) { return one.path == rule.path; });
    if (had == nullptr) continue;
    rule.read &= had->read;
    rule.write &= had->write;
    out.push_back(std::move(rule));
  }
  return out;
}

std::vector<TargetRule> both(const std::vector<TargetRule>& now,
                             const std::vector<TargetRule>& next) {
  std::vector<TargetRule> out;
  for (const TargetRule& rule : next)
    if (find_rule(now, [&](const TargetRule& one) { return one.alias == rule.alias; }) != nullptr)
      out.push_back(rule);
  return out;
}

// Rules that forbid: all of both. Those that only `now` has are what waits.
std::vector<PathRule> either(const std::vector<PathRule>& now, std::vector<PathRule> next,
                             const char* what, std::vector<std::string>& waiting) {
  for (const PathRule& rule : now) {
    if (find_rule(next, [&](const PathRule& one) { return one.glob == rule.glob; }) != nullptr)
      continue;
    waiting.push_back(std::string("no ") + what + " " + rule.glob);
    next.push_back(rule);
  }
  return next;
}

SpawnLimits smaller(const SpawnLimits& a, const SpawnLimits& b) {
  SpawnLimits out;
  out.wall = std::min(a.wall, b.wall);
  // Zero is no limit at all.
  out.idle = a.idle.count() == 0 ? b.idle : b.idle.count() == 0 ? a.idle : std::min(a.idle, b.idle);
  out.cpu = std::min(a.cpu, b.cpu);
  out.memory_bytes = std::min(a.memory_bytes, b.memory_bytes);
  out.processes = std::min(a.processes, b.processes);
  out.file_bytes = std::min(a.file_bytes, b.file_bytes);
  out.open_files = std::min(a.open_files, b.open_files);
  out.layer_bytes = std::min(a.layer_bytes, b.layer_bytes);
  out.layer_inodes = std::min(a.layer_inodes, b.layer_inodes);
  return out;
}

std::vector<std::string> texts(const std::vector<Grant>& grants) {
  std::vector<std::string> out;
  for (const Grant& grant : grants)
    out.push_back(grant.grant + " " + grant.what + " (" + grant.origin.short_text() + ")");
  return out;
}

}  // namespace

Narrowed narrow(const Remit& now, const Remit& next) {
  Narrowed out;
  Remit& remit = out.remit = next;
  remit.tools = both(now.tools, next.tools);
  remit.diagnostics = both(now.diagnostics, next.diagnostics);
  remit.memory = both(now.memory, next.memory);
  remit.edges = both(now.edges, next.edges);
  remit.roots = both(now.roots, next.roots);
  remit.targets = both(now.targets, next.targets);
  remit.bash.apply = stricter(now.bash.apply, next.bash.apply);
  remit.bash.limits = smaller(now.bash.limits, next.bash.limits);
  remit.bash.minimum_tier = std::min(now.bash.minimum_tier, next.bash.minimum_tier);
  remit.approvals_by_terminal = now.approvals_by_terminal && next.approvals_by_terminal;
  std::vector<std::string> allowed_again;
  remit.protected_paths =
      either(now.protected_paths, next.protected_paths, "protection of", allowed_again);
  remit.read_denied = either(now.read_denied, next.read_denied, "refusal to read", allowed_again);
  remit.write_ask = either(now.write_ask, next.write_ask, "question before writing", allowed_again);
  if (next.file_drop_root != now.file_drop_root)
    allowed_again.push_back("file drop root " + next.file_drop_root);
  remit.file_drop_root = now.file_drop_root;
  if (next.memory_limits != now.memory_limits) allowed_again.emplace_back("limits of Agent_Memory");
  remit.memory_limits = now.memory_limits;
  if (next.same_user_answers && !now.same_user_answers)
    allowed_again.emplace_back("answers of the same user");
  remit.same_user_answers = now.same_user_answers && next.same_user_answers;

  const Difference less = difference(now, remit);
  out.taken = texts(less.removed);
  for (const Setting& one : less.changed) out.taken.push_back(one.name + " " + one.after);
  const Difference more = difference(remit, next);
  out.waiting = texts(more.added);
  for (const Setting& one : more.changed)
    if (one.name != "write_ask" && one.name != "protected" &&
        one.name != "read_denied")  // named rule by rule
      out.waiting.push_back(one.name + " " + one.after);
  out.waiting.insert(out.waiting.end(), allowed_again.begin(), allowed_again.end());
  return out;
}

}  // namespace remit::policy
