#include "policy/decide.h"

#include "base/fs.h"
#include "base/text.h"
#include "policy/decision.h"

namespace remit::policy {
namespace {

// --- Agent_Memory ---

enum class Right { read, list, create, replace, append, remove };

bool grants(const MemoryRule& rule, Right right) {
  switch (right) {
    case Right::read:
      return rule.read;
    case Right::list:
      return rule.list || rule.read || rule.create || rule.replace || rule.append;
    case Right::create:
      return rule.create;
    case Right::replace:
      return rule.replace;
    case Right::append:
      return rule.append;
    case Right::remove:
      return rule.remove;
  }
  return false;
}

const char* word_of(Right right) {
  switch (right) {
    case Right::read:
      return "read";
    case Right::list:
      return "list";
    case Right::create:
    case Right::replace:
    case Right::append:
      return "write";
    case Right::remove:
      return "delete";
  }
  return "read";
}

const MemoryRule* rule_for(const Remit& remit, Right right, std::string_view path) {
  for (const MemoryRule& rule : remit.memory) {
    if (grants(rule, right) && rule.pattern.matches(path)) return &rule;
  }
  return nullptr;
}

// The same words whether the document exists or not: existence is nobody's business.
Decision memory_denied(const Remit& remit, Right right, std::string_view path) {
  // Whether a write would create or replace depends on what is there: where the persona may do
  // neither, the answer must not tell, so it names what may be written in any way.
  const auto writes = [](const MemoryRule& rule) {
    return rule.create || rule.replace || rule.append;
  };
  bool any_write = right == Right::read || right == Right::list || right == Right::remove;
  for (const MemoryRule& rule : remit.memory) {
    any_write = any_write || (writes(rule) && rule.pattern.matches(path));
  }
  std::vector<std::string> own;
  for (const MemoryRule& rule : remit.memory) {
    if (any_write ? grants(rule, right) : writes(rule)) own.push_back(rule.pattern.text());
  }
  const std::string word = word_of(right);
  return deny("memory." + word, remit.memory_heading,
              "memory " + word + " of " + shown(path) + "; " + remit.memory_heading.short_text() +
                  " grants only " + list_of(own, "nothing"),
              "not_allowed");
}

Decision decide_memory_open(const Remit& remit, const Action& action) {
  const Right right = action.verb == Verb::list ? Right::list : Right::read;
  if (const MemoryRule* rule = rule_for(remit, right, action.path)) {
    return allow(right == Right::list ? "memory.list" : "memory.read", rule->origin);
  }
  return memory_denied(remit, right, action.path);
}

Decision decide_memory_replace(const Remit& remit, const Action& action) {
  // Inboxes are written by handoffs alone: a forged message would have an author nobody authorised.
  if (action.path.starts_with("_communication/inbox/")) {
    return deny("inbox", remit.memory_heading, "inboxes are written by handoffs only",
                "not_allowed", "use handoff");
  }
  if (action.task && !action.task->is_target) {
    return deny("task_delegated", action.task->origin,
                shown(action.path) + " is written by " + shown(action.task->to) +
                    " until handoff " + action.task->handoff + " has ended",
                "task_delegated", "wait for its answer, or withdraw it");
  }
  switch (action.op) {
    case ReplaceOp::mkdir:
      for (const MemoryRule& rule : remit.memory) {
        if (grants(rule, Right::create) && rule.pattern.may_match_below(action.path)) {
          return allow("memory.create", rule.origin);
        }
      }
      return memory_denied(remit, Right::create, action.path);
    case ReplaceOp::remove:
    case ReplaceOp::rename: {
      const MemoryRule* rule = rule_for(remit, Right::remove, action.path);
      return rule != nullptr ? allow("memory.delete", rule->origin)
                             : memory_denied(remit, Right::remove, action.path);
    }
    case ReplaceOp::mode:
    case ReplaceOp::symlink:
      return deny("memory.kind", remit.memory_heading,
                  "Agent_Memory holds plain documents only: no links, no modes", "not_allowed");
    case ReplaceOp::create:
    case ReplaceOp::replace:
    case ReplaceOp::append:
    case ReplaceOp::entry:
    case ReplaceOp::set:
      break;
  }
  const bool adds = action.op == ReplaceOp::append || action.op == ReplaceOp::entry ||
                    action.op == ReplaceOp::set;
  const Right right = adds ? Right::append : action.exists ? Right::replace : Right::create;
  const MemoryRule* const rule = rule_for(remit, right, action.path);
  if (rule == nullptr && !action.task) return memory_denied(remit, right, action.path);
  const Origin& origin = rule != nullptr ? rule->origin : action.task->origin;
  const bool readable = rule_for(remit, Right::read, action.path) != nullptr;
  if (!readable && action.tool == "Edit") {
    // A match of old_string would tell what the document says.
    return deny("memory.write_only", origin,
                "Edit needs read and write; " + origin.short_text() + " grants writing only",
                "not_allowed", "use memory_write with op entry, set or append");
  }
  if (!readable && right == Right::replace && !action.own_version) {
    return deny("memory.write_only", origin,
                "the current version of " + shown(action.path) +
                    " is not your own, and a document you may not read is not replaced blindly",
                "conflict", "use memory_write with op append, entry or set");
  }
  return allow(rule != nullptr ? std::string("memory.") + to_string(action.op) : "handoff.task",
               origin);
}

// --- files ---

Decision file_denied(const Remit& remit, const Action& action) {
  std::vector<std::string> readable;
  for (const RootRule& root : remit.roots) {
    if (root.read) readable.push_back(&root == &remit.roots.front() ? "the workspace" : root.path);
  }
  const Origin& origin = remit.roots.size() > 1 ? remit.roots.back().origin : remit.tools_line;
  return deny("root.read", origin,
              std::string(action.verb == Verb::list ? "list" : "read") + " of " +
                  shown(action.path) + "; " + origin.short_text() + " grants reading only " +
                  list_of(readable, "nothing"),
              "not_allowed");
}

Decision write_denied(const Remit& remit, const Action& action, const std::string& why) {
  return deny("root.write", remit.tools_line,
              std::string("write of ") + shown(action.path) + "; " + remit.tools_line.short_text() +
                  " " + why,
              "not_allowed");
}

Decision decide_file_open(const Remit& remit, const Action& action) {
  if (const RootRule* root = readable_root(remit, action.space, action.path)) {
    return allow("root.read", root->origin);
  }
  return file_denied(remit, action);
}

Decision decide_file_replace(const Remit& remit, const Action& action) {
  if (action.space != Space::workspace || remit.roots.empty() || !remit.roots.front().write) {
    return write_denied(remit, action, "grants writing only beneath the workspace");
  }
  if (match_path(remit.read_denied, action.path) != nullptr) {
    return write_denied(remit, action, "grants writing only beneath the workspace");
  }
  if (const PathRule* rule = match_path(remit.protected_paths, action.path)) {
    return deny("protected", rule->origin,
                shown(action.path) + " is protected by " + rule->origin.short_text() + " (" +
                    rule->glob + ")",
                "protected");
  }
  const ToolRule* const write = remit.tool("Write");
  const ToolRule* const edit = remit.tool("Edit");
  const bool modifies = action.op == ReplaceOp::replace && action.exists;
  const ToolRule* const right = write != nullptr ? write : modifies ? edit : nullptr;
  if (right == nullptr) {
    return write_denied(
        remit, action, edit != nullptr ? "grants changing existing files only" : "grants no Write");
  }
  if (const PathRule* rule = match_path(remit.write_ask, action.path)) {
    return ask("write_ask", rule->origin, shown(action.path) + " is changed only by a person's yes",
               Risk::low);
  }
  if (action.op == ReplaceOp::remove && action.exists) {
    return ask("delete", right->origin,
               "deleting " + shown(action.path) + ", which was there before", Risk::low);
  }
  if (action.op == ReplaceOp::symlink && action.symlink_leaves) {
    return ask("symlink", right->origin, shown(action.path) + " would point outside the workspace",
               Risk::high);
  }
  return allow("root.write", right->origin);
}

// --- spawn, connect ---

Decision decide_spawn(const Remit& remit, const Action& action) {
  const ToolRule* const bash = remit.tool("Bash");
  if (bash == nullptr) {
    return deny("tool.Bash", remit.tools_line, remit.tools_line.short_text() + " grants no Bash",
                "not_granted");
  }
  if (action.shell == nullptr) {
    return deny("unparsed", bash->origin, "the command was not assessed", "not_allowed");
  }
  std::string reason, rule, hint;
  for (const ShellFinding& finding : action.shell->findings) {
    if (!reason.empty()) reason += "; ";
    reason += finding.reason + (finding.what.empty() ? "" : ": " + finding.what);
    if (rule.empty()) rule = finding.rule.empty() ? finding.reason : finding.rule;
    if (hint.empty()) hint = finding.hint;
  }
  if (action.shell->verdict != ShellVerdict::deny && action.tier > remit.bash.minimum_tier) {
    return deny("sandbox.min_tier", bash->origin,
                std::string("the sandbox here is of tier ") + to_string(action.tier) +
                    ", and the site asks for " + to_string(remit.bash.minimum_tier),
                "sandbox_unavailable", "remit doctor says what this machine lacks");
  }
  switch (action.shell->verdict) {
    case ShellVerdict::allow:
      return allow(rule.empty() ? "exec" : rule, bash->origin);
    case ShellVerdict::ask: {
      // Where a weaker sandbox is the boundary, nobody but a person at the server says yes.
      const Risk risk = action.tier == Tier::t1 ? action.shell->risk : Risk::high;
      Decision out = ask(rule.empty() ? "exec" : rule, bash->origin, reason, risk);
      out.hint = hint;
      return out;
    }
    case ShellVerdict::deny:
      return deny(rule, bash->origin, reason, "exec_denied", hint);
  }
  return deny("exec", bash->origin, "no verdict", "not_allowed");
}

Decision decide_connect(const Remit& remit, const Action& action) {
  for (const TargetRule& target : remit.targets) {
    if (target.alias == action.target) return allow("target", target.origin);
  }
  return deny("target", remit.tools_line,
              "no manifest line grants the target " + shown(action.target), "target_unknown");
}

}  // namespace

const RootRule* readable_root(const Remit& remit, Space space, std::string_view path) {
  if (space != Space::workspace && space != Space::root) return nullptr;
  // .env and its kind look exactly like a path outside every root.
  if (match_path(remit.read_denied, path) != nullptr) return nullptr;
  const bool in_workspace = space == Space::workspace;
  for (std::size_t i = 0; i < remit.roots.size(); ++i) {
    const RootRule& root = remit.roots[i];
    if (!root.read || (i == 0) != in_workspace) continue;
    if (in_workspace || fs::is_beneath(path, root.path)) return &root;
  }
  return nullptr;
}

Decision decide(const Remit& remit, const Principal&, const Action& action) {
  if (!action.tool.empty() && remit.tool(action.tool) == nullptr) {
    return deny("tool." + action.tool, remit.tools_line,
                remit.tools_line.short_text() + " grants no " + shown(action.tool), "not_granted");
  }
  switch (action.verb) {
    case Verb::open:
    case Verb::list:
      if (action.space == Space::memory) return decide_memory_open(remit, action);
      if (action.space == Space::inbox) return decide_inbox(remit, action);
      if (action.space == Space::output) {
        return allow("output", remit.tools_line);  // of one's own calls only, which Access sees to
      }
      return decide_file_open(remit, action);
    case Verb::replace:
      if (action.space == Space::memory) return decide_memory_replace(remit, action);
      return decide_file_replace(remit, action);
    case Verb::spawn:
      return decide_spawn(remit, action);
    case Verb::connect:
      return decide_connect(remit, action);
    case Verb::send:
      return action.act.empty() ? decide_send(remit, action) : decide_act(remit, action);
  }
  return deny("internal", remit.tools_line, "unknown verb", "not_allowed");
}

const char* to_string(Verb verb) {
  switch (verb) {
    case Verb::open:
      return "open";
    case Verb::list:
      return "list";
    case Verb::replace:
      return "replace";
    case Verb::spawn:
      return "spawn";
    case Verb::connect:
      return "connect";
    case Verb::send:
      return "send";
  }
  return "open";
}

const char* to_string(Space space) {
  switch (space) {
    case Space::workspace:
      return "workspace";
    case Space::root:
      return "root";
    case Space::memory:
      return "memory";
    case Space::output:
      return "output";
    case Space::inbox:
      return "inbox";
    case Space::outside:
      return "outside";
  }
  return "outside";
}

const char* to_string(ReplaceOp op) {
  switch (op) {
    case ReplaceOp::create:
      return "create";
    case ReplaceOp::replace:
      return "replace";
    case ReplaceOp::append:
      return "append";
    case ReplaceOp::remove:
      return "delete";
    case ReplaceOp::rename:
      return "rename";
    case ReplaceOp::mkdir:
      return "mkdir";
    case ReplaceOp::mode:
      return "mode";
    case ReplaceOp::symlink:
      return "symlink";
    case ReplaceOp::entry:
      return "entry";
    case ReplaceOp::set:
      return "set";
  }
  return "replace";
}

const char* to_string(Risk risk) {
  return risk == Risk::low ? "low" : "high";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::allow:
      return "allow";
    case Verdict::ask:
      return "ask";
    case Verdict::deny:
      return "deny";
  }
  return "deny";
}

}  // namespace remit::policy
