// The verb send: a handoff along an edge of the persona, with evidence that exists.
#include <fcntl.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_rows.h"
#include "policy/agent_access.h"
#include "policy/spool.h"

namespace remit::policy {
namespace {

memory::HandoffType type_of(HandoffKind kind) {
  switch (kind) {
    case HandoffKind::consult:
      return memory::HandoffType::consult;
    case HandoffKind::delegate:
      return memory::HandoffType::delegate;
    case HandoffKind::escalate:
      return memory::HandoffType::escalate;
  }
  return memory::HandoffType::consult;
}

memory::TargetKind target_of(Resolution resolution) {
  switch (resolution) {
    case Resolution::queue:
      return memory::TargetKind::queue;
    case Resolution::human:
      return memory::TargetKind::human;
    case Resolution::agent:
    case Resolution::external:
    case Resolution::unresolved:
    case Resolution::ambiguous:
    case Resolution::self:
      break;
  }
  return memory::TargetKind::agent;
}

bool is_ulid(std::string_view text) {
  return text.size() == 26 &&
         text.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == std::string_view::npos;
}

constexpr std::size_t kOwnerHex = 16;

Action action_of_send(const CallScope& call, HandoffKind kind, const std::string& to) {
  Action action;
  action.verb = Verb::send;
  action.tool = call.tool;
  action.kind = kind;
  action.to = to;
  return action;
}

// Text by text: a mask over the quotes of the JSON itself would leave fields that nobody can read.
// Depth is bounded by the parse.
void redact_texts(Json& value, const Redactor& redactor) {
  if (value.is_string()) {
    value = redactor.redact(value.get<std::string>()).text;
  } else if (value.is_structured()) {
    for (Json& item : value) redact_texts(item, redactor);
  }
}

}  // namespace

std::string AgentAccess::result_name(std::string_view call_id) const {
  return sha256_hex(principal_text()).substr(0, kOwnerHex) + "-" + std::string(call_id) + "-result";
}

Result<KeptResult> AgentAccess::keep_result(const CallScope& call, std::string_view body) {
  TRY(const Fd spill, parts_.state->subdirectory("spill"));
  const std::string redacted = parts_.redactor->redact(body).text;
  TRY_DO(fs::replace_file(spill, result_name(call.call_id), redacted, 0600, {},
                          &parts_.state->unfinished()));
  KeptResult out{"remit://result/" + call.call_id, sha256_hex(redacted)};
  memory::LedgerRecord row;
  row.kind = "result";
  row.call_id = call.call_id;
  row.principal = principal_text();
  row.fields = dump(Json{{"tool", call.tool}, {"sha256", out.sha256}, {"bytes", redacted.size()}});
  TRY_DO(parts_.ledger->append(std::move(row), memory::Durability::read));
  return out;
}

Result<std::string> AgentAccess::result_body(std::string_view call_id) const {
  const auto unknown = [&] {
    return fail(
        ErrorKind::invalid_argument,
        "no result of yours has the call id " + escape_ascii(call_id.substr(0, 64)) +
            "; cite the call_id that a diagnostic such as log_patterns gave in this instruction",
        "/evidence", "evidence_not_found");
  };
  if (!is_ulid(call_id)) return unknown();
  TRY(const Fd spill, parts_.state->subdirectory("spill"));
  const auto file = fs::open_child(spill, result_name(call_id), O_RDONLY);
  if (!file) return unknown();
  TRY(const struct stat status, fs::stat_of(*file));
  if (is_expired(status, parts_.clock->unix_ms())) return unknown();
  return fs::read_all(*file, limits::kOutputSpill);
}

Result<std::string> AgentAccess::checked_evidence(const HandoffDraft& draft) const {
  if (draft.kind == HandoffKind::escalate && draft.evidence.empty()) {
    return fail(ErrorKind::invalid_argument,
                "an escalation needs evidence: run a diagnostic such as log_patterns first and "
                "cite its call_id "
                "(investigate before escalating)",
                "/evidence", "evidence_required");
  }
  Json list = Json::array();
  for (const Evidence& item : draft.evidence) {
    TRY(const std::string body, result_body(item.call_id));
    const std::string digest = sha256_hex(body);
    if (!item.sha256.empty() && item.sha256 != digest) {
      return fail(ErrorKind::invalid_argument,
                  "the result of call " + item.call_id + " has another sha256", "/evidence",
                  "evidence_not_found");
    }
    if (!item.quote.empty() && body.find(item.quote) == std::string::npos) {
      return fail(ErrorKind::invalid_argument,
                  "the quoted text does not occur in the result of call " + item.call_id,
                  "/evidence", "evidence_not_found");
    }
    list.push_back(
        {{"call_id", item.call_id}, {"sha256", digest}, {"uri", "remit://result/" + item.call_id}});
  }
  return dump(list);
}

Result<void> AgentAccess::judge_send(const CallScope& call, HandoffKind kind,
                                     const std::string& to) {
  const Action action = action_of_send(call, kind, to);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (decision.allowed()) return {};
  return record(call, action, decision, memory::Durability::read);
}

Result<Delivered> AgentAccess::send(const CallScope& call, const HandoffDraft& draft) {
  const Action action = action_of_send(call, draft.kind, draft.to);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (!decision.allowed()) TRY_DO(record(call, action, decision, memory::Durability::read));
  const EdgeRule* edge = nullptr;
  for (const EdgeRule& one : parts_.remit->edges) {
    if (one.kind == draft.kind && one.target == draft.to) edge = &one;
  }
  if (edge == nullptr) return fail(ErrorKind::internal, "an allowed handoff has no edge");
  if (edge->requires_bug_report && !draft.has_bug_report) {
    return fail(ErrorKind::invalid_argument, draft.to + " takes bug reports only; use bug_report",
                "/to", "bug_report_required");
  }
  TRY(const std::string evidence, checked_evidence(draft));
  TRY_DO(record(call, action, decision, memory::Durability::effect,
                ",\"evidence\":" + evidence + ",\"fields_sha256\":\"" +
                    sha256_hex(draft.fields_json) + "\""));
  TRY(Json fields, parse_json(draft.fields_json, {}));
  redact_texts(fields, *parts_.redactor);
  const std::string redacted_fields = dump(fields);
  memory::NewHandoff row;
  if (!draft.task_id.empty()) {
    row.task_id = draft.task_id;
    TRY(row.task_paths, task_paths(draft.task_id));
  }
  row.type = type_of(draft.kind);
  row.from_persona = parts_.remit->slug;
  row.from_principal = parts_.principal.user;
  row.to = draft.to;
  row.to_kind = target_of(edge->resolution);
  row.ack_ms = edge->ack.of(draft.severity);
  for (const LadderStep& step : edge->ladder) {
    row.ladder.push_back({step.to, target_of(step.resolution), step.ack.of(draft.severity)});
  }
  row.thread_id = draft.thread_id;
  row.parent_id = draft.parent_id;
  row.instruction = parts_.principal.instruction;
  row.idempotency_key = draft.idempotency_key;
  row.priority = draft.priority;
  row.severity = draft.severity;
  row.deadline_ms = draft.deadline_unix_ms;
  row.needs_ack = draft.needs_acknowledgement;
  row.authorized_by = edge->origin.text();
  row.evidence_json = evidence;
  row.fields_json = redacted_fields;
  row.title = parts_.redactor->redact(draft.title).text;
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  // Before the row: a place that cannot be opened must not leave a handoff behind that was refused.
  Fd drop;
  if (row.to_kind == memory::TargetKind::queue) {
    TRY(drop, drop_root());
  }
  TRY(memory::Handoff sent, rows.send(row));
  if (!sent.duplicate) {
    deliver(sent.id, std::move(drop));
    TRY(sent, rows.get(sent.id));
  }
  Delivered out;
  out.id = sent.id;
  out.state = sent.state;
  out.place = memory::place_of(sent);
  out.thread_id = sent.thread_id;
  out.ack_deadline_unix_ms = sent.ack_deadline_ms;
  out.duplicate = sent.duplicate;
  out.authorized_by = sent.authorized_by;
  return out;
}

}  // namespace remit::policy
