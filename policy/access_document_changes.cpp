// The verb replace for documents: what a change of one must fulfil, and a rename as a change of
// two.
#include "base/text.h"
#include "policy/agent_access.h"

namespace remit::policy {

Result<void> AgentAccess::refuse_secrets(std::string_view text, std::string_view advice) const {
  // A secret in shared memory is a leak to every agent that may read it.
  const std::vector<SecretSpan> secrets = parts_.redactor->find(text);
  if (secrets.empty()) return {};
  return fail(ErrorKind::invalid_argument,
              "the text holds a secret (" + secrets.front().kind + " at byte " +
                  std::to_string(secrets.front().offset) + "); " + std::string(advice),
              {}, "secret_found");
}

Replaced AgentAccess::replaced_document(const memory::DocPath& path,
                                        const memory::Committed& done) const {
  Replaced out;
  out.where.space = Space::memory;
  out.where.path = path.text();
  out.where.shown = place(fs::join(parts_.remit->memory_root, path.text())).shown;
  out.created = done.created;
  out.version = done.etag;
  out.bytes = done.bytes;
  out.previous_version = done.previous_etag;
  return out;
}

Result<Replaced> AgentAccess::rename_document(const CallScope& call, const ReplaceRequest& request,
                                              const memory::DocPath& from) {
  TRY(const memory::DocPath to, memory::DocPath::parse(request.to));
  // A second one finds nothing to rename, and says so: it cannot be told from the first by what is
  // there.
  if (!request.idempotency_key.empty())
    return fail(ErrorKind::invalid_argument, "rename takes no idempotency_key", "/idempotency_key");
  const auto decided = [&](const Action& action) -> Result<void> {
    const Decision decision = decide(*parts_.remit, parts_.principal, action);
    return record(call, action, decision,
                  decision.allowed() ? memory::Durability::effect : memory::Durability::read);
  };
  // Each by itself, before either is looked at: whoever may read the target reads what stood in the
  // source, so that taking it there needs the right to read it, too.
  Action read = action_of(call, Verb::open, {Space::memory, 0, from.text(), {}});
  TRY_DO(decided(read));
  TRY(const Action gone, action_on_document(call, ReplaceOp::rename, from, true));
  TRY_DO(decided(gone));
  TRY(const Action made, action_on_document(call, ReplaceOp::create, to, false));
  TRY_DO(decided(made));
  TRY(const memory::Document source, parts_.store->read(from));
  TRY_DO(refuse_secrets(source.body, "replace the document by one without it first"));
  std::vector<memory::DocumentChange> changes(2);
  changes[0].op = memory::DocumentChange::Op::remove;
  changes[0].path = from;
  // What is taken away is what is put there, whoever writes meanwhile.
  changes[0].if_match = request.if_match.empty() ? source.etag : request.if_match;
  changes[1].op = memory::DocumentChange::Op::create;
  changes[1].path = to;
  changes[1].body = source.body;
  changes[1].if_none_match = true;
  changes[1].check = [&](std::string_view body) {
    return check_document(to.text(), ReplaceOp::create, body);
  };
  TRY(const std::vector<memory::Committed> done, parts_.store->commit(changes, author(call), {}));
  return replaced_document(to, done.back());
}

Result<Action> AgentAccess::action_on_document(const CallScope& call, ReplaceOp op,
                                               const memory::DocPath& path, bool exists) const {
  Action action = action_of(call, Verb::replace, {Space::memory, 0, path.text(), {}});
  action.op = op;
  action.exists = exists;
  // A dry decision may be asked for where no Agent_Memory is yet: then nobody has written there.
  if (parts_.store == nullptr) return action;
  if (exists) {
    TRY(action.own_version, parts_.store->is_own(path, author(call)));
  }
  TRY(action.task, task_hold(path.text()));
  return action;
}

Result<void> AgentAccess::check_document(const std::string& path, ReplaceOp op,
                                         std::string_view body) const {
  const DocumentSchema* const schema =
      parts_.schemas != nullptr ? parts_.schemas->of(path) : nullptr;
  if (schema == nullptr || !schema->enforced) return {};
  const auto fault = schema->check(body);
  if (!fault) return {};
  Action read;
  read.verb = Verb::open;
  read.space = Space::memory;
  read.path = path;
  const bool whole = op == ReplaceOp::create || op == ReplaceOp::replace;
  const std::string kept = "; nothing was written (schema " + schema->name + ")";
  if (!whole && !decide(*parts_.remit, parts_.principal, read).allowed()) {
    // Line, place and names of its own would tell what stands in what the caller may not read.
    const std::string property(fs::base_name(fault->pointer));
    return fail(ErrorKind::invalid_argument,
                "the document would break a rule: " +
                    (schema->declares(property) ? property + " " : std::string()) + fault->rule +
                    kept,
                {}, "schema_invalid");
  }
  return fail(ErrorKind::invalid_argument,
              "line " + std::to_string(fault->at.line) + " of the new " + escape_ascii(path) +
                  ": " + (fault->pointer.empty() ? "it" : escape_ascii(fault->pointer)) + " " +
                  fault->rule + kept,
              fault->pointer, "schema_invalid");
}

}  // namespace remit::policy
