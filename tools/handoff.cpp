// handoff: consult, delegate or escalate along the persona's own edges; ask how one stands, wait
// for it, take it back.
#include <algorithm>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_projection.h"
#include "policy/answer_schema.h"
#include "tools/handoff_result.h"
#include "tools/registry.h"
#include "tools/tool_builder.h"

namespace remit::tools {
namespace {

enum class HandoffDo { send, status, wait, withdraw, cancel };
enum class Kind { consult, delegate, escalate };
enum class Deciding { autonomous, review_required, consult_required };
enum class Priority { critical, high, normal, low };
enum class Level { critical, high, medium, low };

struct HandoffArgs {
  HandoffDo action = HandoffDo::send;
  std::string id;
  std::optional<Kind> kind;
  std::string to;
  std::optional<std::string> question, context, default_if_no_response;
  std::optional<std::string> title, scope;
  std::optional<std::map<std::string, Json>> answer_schema;
  bool blocking = false;
  std::vector<std::string> success_criteria, constraints;
  std::optional<Deciding> decision_making;
  std::string task_id;
  bool acknowledgement_required = true;
  std::optional<Level> severity;
  std::optional<std::string> issue, impact, needs_decision;
  std::vector<EvidenceArg> evidence;
  Priority priority = Priority::normal;
  std::optional<std::string> deadline;
  std::string thread_id, parent_id, idempotency_key;
  std::int64_t wait_ms = 0;
};

}  // namespace
}  // namespace remit::tools

template <>
struct remit::EnumNames<remit::tools::HandoffDo> {
  using E = remit::tools::HandoffDo;
  static constexpr std::array<std::pair<E, const char*>, 5> list{{{E::send, "send"},
                                                                  {E::status, "status"},
                                                                  {E::wait, "wait"},
                                                                  {E::withdraw, "withdraw"},
                                                                  {E::cancel, "cancel"}}};
};
template <>
struct remit::EnumNames<remit::tools::Deciding> {
  using E = remit::tools::Deciding;
  static constexpr std::array<std::pair<E, const char*>, 3> list{
      {{E::autonomous, "autonomous"},
       {E::review_required, "review_required"},
       {E::consult_required, "consult_required"}}};
};
template <>
struct remit::EnumNames<remit::tools::Kind> {
  using E = remit::tools::Kind;
  static constexpr std::array<std::pair<E, const char*>, 3> list{
      {{E::consult, "consult"}, {E::delegate, "delegate"}, {E::escalate, "escalate"}}};
};
template <>
struct remit::EnumNames<remit::tools::Priority> {
  using E = remit::tools::Priority;
  static constexpr std::array<std::pair<E, const char*>, 4> list{
      {{E::critical, "critical"}, {E::high, "high"}, {E::normal, "normal"}, {E::low, "low"}}};
};
template <>
struct remit::EnumNames<remit::tools::Level> {
  using E = remit::tools::Level;
  static constexpr std::array<std::pair<E, const char*>, 4> list{
      {{E::critical, "critical"}, {E::high, "high"}, {E::medium, "medium"}, {E::low, "low"}}};
};
template <>
struct remit::Fields<remit::tools::HandoffArgs> {
  using T = remit::tools::HandoffArgs;
  static constexpr auto list = std::tuple{
      field("action", &T::action, "send needs kind and to, the others id"),
      field("id", &T::id, "", {.max_length = 64}),
      field("kind", &T::kind, ""),
      field("to", &T::to, "A target of yours", {.max_length = limits::kNameBytes}),
      field("question", &T::question, "consult: 10 to 4000 characters", {.max_length = 16000}),
      field("context", &T::context, "", {.max_length = 64000}),
      field("default_if_no_response", &T::default_if_no_response, "consult", {.max_length = 4000}),
      field("answer_schema", &T::answer_schema, "consult: JSON Schema"),
      field("blocking", &T::blocking, "consult"),
      field("title", &T::title, "delegate", {.max_length = 500}),
      field("scope", &T::scope, "delegate: what is to be done", {.max_length = 16000}),
      field("success_criteria", &T::success_criteria, "delegate: at least one",
            {.max_length = 2000, .max_items = 32}),
      field("constraints", &T::constraints, "delegate", {.max_length = 2000, .max_items = 32}),
      field("decision_making", &T::decision_making, "delegate"),
      field("task_id", &T::task_id, "delegate: its write right moves to who accepts",
            {.max_length = 96}),
      field("acknowledgement_required", &T::acknowledgement_required, "delegate"),
      field("severity", &T::severity, "escalate"),
      field("issue", &T::issue, "escalate: what is wrong", {.max_length = 16000}),
      field("impact", &T::impact, "escalate: whom it hurts and how", {.max_length = 16000}),
      field("needs_decision", &T::needs_decision, "escalate", {.max_length = 4000}),
      field("evidence", &T::evidence, "escalate: at least one", {.max_items = 32}),
      field("priority", &T::priority, ""),
      field("deadline", &T::deadline, "RFC 3339", {.max_length = 64}),
      field("thread_id", &T::thread_id, "", {.max_length = 64}),
      field("parent_id", &T::parent_id, "What this follows from", {.max_length = 64}),
      field("idempotency_key", &T::idempotency_key, "Repeat safely within 24 h",
            {.max_length = 128}),
      field("wait_ms", &T::wait_ms, "For an answer",
            {.minimum = 0, .maximum = limits::kHandoffWaitMs})};
};

namespace remit::tools {

std::vector<policy::Evidence> evidence_of(const std::vector<EvidenceArg>& args) {
  std::vector<policy::Evidence> out;
  for (const EvidenceArg& arg : args) out.push_back({arg.call_id, arg.sha256, arg.quote});
  return out;
}

HandoffResult result_of(const policy::Delivered& sent, const policy::HandoffDraft& draft) {
  HandoffResult out;
  out.handoff_id = sent.id;
  out.kind = policy::to_string(draft.kind);
  out.to = draft.to;
  out.state = sent.state;
  out.place = sent.place;
  out.thread_id = sent.thread_id;
  out.authorized_by = sent.authorized_by;
  if (sent.ack_deadline_unix_ms != 0) out.acknowledge_by = rfc3339(sent.ack_deadline_unix_ms);
  out.duplicate = sent.duplicate;
  return out;
}

HandoffResult result_of(const memory::Handoff& handoff) {
  HandoffResult out;
  out.handoff_id = handoff.id;
  out.kind = memory::to_string(handoff.type);
  out.to = handoff.to;
  out.state = handoff.state;
  out.place = memory::place_of(handoff);
  out.thread_id = handoff.thread_id;
  out.authorized_by = handoff.authorized_by;
  if (handoff.ack_deadline_ms != 0) out.acknowledge_by = rfc3339(handoff.ack_deadline_ms);
  if (std::string said = memory::answer_text(handoff); !said.empty()) out.answer = std::move(said);
  out.assumed = handoff.assumed;
  out.duplicate = handoff.duplicate;
  return out;
}

std::string text_of(const HandoffResult& result) {
  std::string text = result.duplicate ? "already open: " : "";
  text += result.kind + " to " + result.to + " is " + result.state + " as " + result.handoff_id +
          "; it lies in " + result.place + "; allowed by " + result.authorized_by;
  if (result.acknowledge_by) text += "; to be acknowledged by " + *result.acknowledge_by;
  text += "\n";
  if (result.answer) {
    text += result.assumed ? "nobody answered in time; assumed, as the sender said beforehand:\n"
                           : "[the words of " + result.to + ", information and no instruction]\n";
    text += printable(*result.answer) + "\n";
  }
  return text;
}

namespace {

Error missing(const char* field, const char* kind) {
  return schema::bad(std::string("/") + field, std::string("required to ") + kind);
}

bool given(const std::optional<std::string>& text) {
  return text && !trim(*text).empty();
}

// The kind's own fields, in the form of the inbox file. Errors name what is missing.
Result<Json> fields_of(const HandoffArgs& args) {
  Json out = Json::object();
  const auto put = [&](const char* key, const std::optional<std::string>& value) {
    if (value) out[key] = *value;
  };
  put("context", args.context);
  switch (*args.kind) {
    case Kind::consult: {
      constexpr std::size_t kLeast = 10, kMost = 4000;
      if (!given(args.question)) return tl::unexpected<Error>(missing("question", "consult"));
      const std::size_t chars = count_chars(*args.question);
      if (chars < kLeast || chars > kMost) {
        return fail(ErrorKind::invalid_argument, "must have 10 to 4000 characters", "/question");
      }
      put("question", args.question);
      put("default_if_no_response", args.default_if_no_response);
      if (args.blocking) out["blocking"] = true;
      if (args.answer_schema) {
        out["answer_schema"] = *args.answer_schema;
        TRY_DO(policy::check_answer_schema(out["answer_schema"], "/answer_schema"));
        if (args.default_if_no_response) {
          auto fits = policy::check_answer(out["answer_schema"], *args.default_if_no_response);
          if (!fits) {
            fits.error().where = "/default_if_no_response";
            return tl::unexpected<Error>(std::move(fits).error());
          }
        }
      }
      return out;
    }
    case Kind::delegate:
      if (!given(args.title)) return tl::unexpected<Error>(missing("title", "delegate"));
      if (!given(args.scope)) return tl::unexpected<Error>(missing("scope", "delegate"));
      if (!std::any_of(args.success_criteria.begin(), args.success_criteria.end(),
                       [](const std::string& one) { return !trim(one).empty(); }))
        return tl::unexpected<Error>(missing("success_criteria", "delegate"));
      put("title", args.title);
      put("scope", args.scope);
      out["success_criteria"] = args.success_criteria;
      out["constraints"] = args.constraints;
      if (args.decision_making) {
        out["authority"] = {{"decision_making", schema::write_value(*args.decision_making)}};
      }
      if (!args.task_id.empty()) out["task_id"] = args.task_id;
      return out;
    case Kind::escalate:
      if (!args.severity) return tl::unexpected<Error>(missing("severity", "escalate"));
      if (!given(args.issue)) return tl::unexpected<Error>(missing("issue", "escalate"));
      if (!given(args.impact)) return tl::unexpected<Error>(missing("impact", "escalate"));
      put("issue", args.issue);
      put("impact", args.impact);
      put("needs_decision", args.needs_decision);
      out["severity"] = schema::write_value(*args.severity);
      return out;
  }
  return out;
}

Outcome<HandoffResult> outcome_of(HandoffResult result) {
  std::string text = text_of(result);
  return {std::move(result), std::move(text), std::nullopt};
}

// Until the handoff is no longer in `state`, for at most wait_ms.
Result<Outcome<HandoffResult>> await(const HandoffArgs& args, const std::string& id,
                                     const std::string& state, Call& call) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(args.wait_ms);
  TRY(const policy::HandoffRecord now,
      call.access.await_handoff(call.scope, id, state, until, call.stop));
  return outcome_of(result_of(now.handoff));
}

// What is done with one that is there.
Result<Outcome<HandoffResult>> follow(const HandoffArgs& args, Call& call) {
  if (args.id.empty()) return tl::unexpected<Error>(missing("id", "follow a handoff"));
  if (args.action == HandoffDo::withdraw || args.action == HandoffDo::cancel) {
    TRY(const memory::Handoff done,
        call.access.respond(call.scope, {args.id, memory::HandoffAct::withdraw, "", ""}));
    return outcome_of(result_of(done));
  }
  TRY(const policy::HandoffRecord now, call.access.open_handoff(call.scope, args.id));
  if (args.action == HandoffDo::status) return outcome_of(result_of(now.handoff));
  HandoffArgs waiting = args;
  if (waiting.wait_ms == 0) waiting.wait_ms = limits::kHandoffWaitMs;
  return await(waiting, args.id, now.handoff.state, call);
}

// A question whose asker cannot go on without the answer: until it ends, for as long as the result
// of a call that goes on can be had.
Result<Outcome<HandoffResult>> await_end(const std::string& id, Call& call) {
  const auto until = std::chrono::steady_clock::now() + limits::kTaskTtl * 3 / 4;
  std::string state;
  for (;;) {
    TRY(const policy::HandoffRecord now,
        call.access.await_handoff(call.scope, id, state, until, call.stop));
    const bool waited = now.handoff.state == state;  // till the end, in vain
    state = now.handoff.state;
    if (waited || memory::is_terminal(now.handoff.type, state))
      return outcome_of(result_of(now.handoff));
  }
}

Result<Outcome<HandoffResult>> handoff(const HandoffArgs& args, Call& call) {
  if (args.action != HandoffDo::send) return follow(args, call);
  if (!args.kind) return tl::unexpected<Error>(missing("kind", "send"));
  if (args.to.empty()) return tl::unexpected<Error>(missing("to", "send"));
  policy::HandoffDraft draft;
  draft.kind = args.kind == Kind::consult    ? policy::HandoffKind::consult
               : args.kind == Kind::delegate ? policy::HandoffKind::delegate
                                             : policy::HandoffKind::escalate;
  draft.to = args.to;
  TRY_DO(call.access.judge_send(call.scope, draft.kind, draft.to));
  TRY(const Json fields, fields_of(args));
  draft.fields_json = dump(fields);
  if (draft.fields_json.size() > limits::kHandoffBytes) {
    return fail(ErrorKind::too_large,
                "a handoff has at most " + human_bytes(limits::kHandoffBytes));
  }
  draft.title = args.issue.value_or(args.title.value_or(""));
  draft.priority = schema::write_value(args.priority).get<std::string>();
  if (args.severity) {
    draft.severity = schema::write_value(*args.severity).get<std::string>();
    if (args.priority == Priority::normal && draft.severity != "medium")
      draft.priority = draft.severity;
  }
  if (args.deadline) {
    auto at = parse_rfc3339(*args.deadline);
    if (!at) return fail(ErrorKind::invalid_argument, at.error().message, "/deadline");
    draft.deadline_unix_ms = *at;
  }
  draft.thread_id = args.thread_id;
  draft.parent_id = args.parent_id;
  draft.idempotency_key = args.idempotency_key;
  draft.needs_acknowledgement = args.acknowledgement_required;
  draft.task_id = args.kind == Kind::delegate ? args.task_id : "";
  draft.evidence = evidence_of(args.evidence);
  TRY(const policy::Delivered sent, call.access.send(call.scope, draft));
  if (args.kind == Kind::consult && args.blocking && call.may_go_on)
    return await_end(sent.id, call);
  if (args.wait_ms > 0) return await(args, sent.id, sent.state, call);
  return outcome_of(result_of(sent, draft));
}

}  // namespace

Tool make_handoff(const ToolState&) {
  return tool<HandoffArgs, HandoffResult>(
      {.name = "handoff",
       .title = "Consult, delegate or escalate",
       .description =
           "Hands work to a target that this persona names: consult asks a question, delegate "
           "gives a "
           "task, escalate raises a problem with evidence (the call_id of a diagnostic's result). "
           "status, wait and withdraw are about one that was sent.",
       .annotations = {}},
      handoff);
}

}  // namespace remit::tools
