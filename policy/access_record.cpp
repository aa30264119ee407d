// What every verb shares: the ledger row of a decision, the error of a denial, the construction.
#include "base/json.h"
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {

Error denial(const Decision& decision) {
  std::string message = decision.reason;
  if (!decision.hint.empty()) message += "; " + decision.hint;
  const ErrorKind kind = decision.code == "conflict" ? ErrorKind::conflict : ErrorKind::denied;
  // The words quote the line; the full path of the persona is for the operator, in `data`.
  return Error{kind,
               std::move(message),
               {},
               decision.code,
               std::make_shared<const Json>(Json{{"decision", to_string(decision.verdict)},
                                                 {"rule", decision.rule},
                                                 {"origin", decision.origin.text()}})};
}

AgentAccess::AgentAccess(AccessParts parts, std::vector<Fd> roots, Fd memory_root)
    : parts_(std::move(parts)), roots_(std::move(roots)), memory_root_(std::move(memory_root)) {
  if (!parts_.remit->roots.empty()) cwd_ = parts_.remit->roots.front().path;
}

Result<std::unique_ptr<Access>> make_access(AccessParts parts) {
  std::vector<Fd> roots;
  for (const RootRule& root : parts.remit->roots) {
    TRY(Fd fd, fs::open_root(root.path));
    roots.push_back(std::move(fd));
  }
  Fd memory_root;
  // Without a store there is nothing to reach: a dry decision needs the name only. Nor is there a
  // folder where documents are rows.
  if (parts.store != nullptr && parts.remit->memory_database.empty()) {
    TRY(memory_root, fs::open_root(parts.remit->memory_root));
  }
  return std::unique_ptr<Access>(
      std::make_unique<AgentAccess>(std::move(parts), std::move(roots), std::move(memory_root)));
}

std::string principal_text(const Principal& who) {
  return who.user + "/" + who.agent + "/" + who.instruction;
}

std::string AgentAccess::principal_text() const {
  return policy::principal_text(parts_.principal);
}

std::string AgentAccess::cwd() const {
  const std::lock_guard lock(mutex_);
  return cwd_;
}

memory::Author AgentAccess::author(const CallScope& call) const {
  return {parts_.remit->slug, parts_.principal.user, parts_.principal.instruction, call.call_id};
}

Result<void> AgentAccess::record_decision(const CallScope& call, const Action& action,
                                          const Decision& decision, memory::Durability durability,
                                          std::string_view more) {
  memory::LedgerRecord row;
  row.kind = "decision";
  row.call_id = call.call_id;
  row.principal = principal_text();
  row.verdict = to_string(decision.verdict);
  row.rule = decision.rule;
  row.origin = decision.origin.text();
  // Built by hand: this is on the path of every small read.
  std::string& fields = row.fields;
  fields = "{\"verb\":\"";
  fields += to_string(action.verb);
  fields += "\",\"tool\":";
  append_json_string(fields, call.tool);
  const auto text = [&](const char* key, std::string_view value) {
    if (value.empty()) return;
    fields += ",\"";
    fields += key;
    fields += "\":";
    append_json_string(fields, parts_.redactor->redact(value).text);
  };
  if (action.verb == Verb::replace) text("op", to_string(action.op));
  if (action.verb == Verb::open || action.verb == Verb::list || action.verb == Verb::replace) {
    text("space", to_string(action.space));
    text("path", action.path);
  }
  text("target", action.target);
  if (action.verb == Verb::send) text("handoff", to_string(action.kind));
  text("to", action.to);
  text("act", action.act);
  text("handoff_id", action.handoff);
  text("reason", decision.reason);
  fields += more;
  fields += '}';
  return parts_.ledger->append(std::move(row), durability);
}

Result<void> AgentAccess::record(const CallScope& call, const Action& action,
                                 const Decision& decision, memory::Durability durability,
                                 std::string_view more) {
  // A refusal changes nothing, so it need not reach the disk before the answer.
  TRY_DO(record_decision(call, action, decision,
                         decision.allowed() ? durability : memory::Durability::read, more));
  if (decision.verdict == Verdict::deny) return tl::unexpected<Error>(denial(decision));
  return {};
}

Result<Action> AgentAccess::describe(Verb verb, std::string_view tool, std::string_view path,
                                     ReplaceOp op) {
  CallScope call{"", std::string(tool)};
  if (verb != Verb::replace) {
    TRY(const Seen seen, look(path));
    return action_of(call, verb, seen.where);
  }
  TRY(const Slot slot, look_for_write(path));
  if (slot.where.space == Space::memory) {
    TRY(const memory::DocPath document, memory::DocPath::parse(slot.where.path));
    const bool exists = documents_are_rows()
                            ? parts_.store != nullptr && parts_.store->read(document).has_value()
                            : slot.exists;
    return action_on_document(call, op, document, exists);
  }
  Action action = action_of(call, verb, slot.where);
  action.op = op;
  action.exists = slot.exists;
  return action;
}

Result<Fd> AgentAccess::connect(const CallScope& call, std::string_view target) {
  Action action;
  action.verb = Verb::connect;
  action.tool = call.tool;
  action.target = target;
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::effect));
  return fail(ErrorKind::unavailable, "this build has no tool that connects to a target", {},
              "not_available");
}

}  // namespace remit::policy
