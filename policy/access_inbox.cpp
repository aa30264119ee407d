// Handoffs that are there: the verbs list and open on them, and send as an act of either side. Who
// is on which side is looked up in the record; whether that suffices is decide()'s.
#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_rows.h"
#include "policy/agent_access.h"
#include "policy/answer_schema.h"

namespace remit::policy {
namespace {

using memory::HandoffAct;

// Under which key the target's words stand in the answer; nullptr: they are none.
const char* key_of_answer(HandoffAct act) {
  switch (act) {
    case HandoffAct::answer:
      return "answer";
    case HandoffAct::progress:
      return "progress";
    case HandoffAct::ask:
      return "question";
    case HandoffAct::complete:
    case HandoffAct::resolve:
      return "result";
    case HandoffAct::decline:
    case HandoffAct::fail:
    case HandoffAct::reject:
      return "reason";
    case HandoffAct::ack:
    case HandoffAct::accept:
    case HandoffAct::input:
    case HandoffAct::withdraw:
      return nullptr;
  }
  return nullptr;
}

bool needs_text(HandoffAct act) {
  return act == HandoffAct::input || key_of_answer(act) != nullptr;
}

HandoffKind kind_of(memory::HandoffType type) {
  switch (type) {
    case memory::HandoffType::consult:
      return HandoffKind::consult;
    case memory::HandoffType::delegate:
      return HandoffKind::delegate;
    case memory::HandoffType::escalate:
      return HandoffKind::escalate;
  }
  return HandoffKind::consult;
}

Error no_such_act(memory::HandoffType type, HandoffAct act) {
  return Error{ErrorKind::invalid_argument,
               std::string(to_string(act)) + " is no answer to a handoff of kind " +
                   to_string(type) + "; inbox says what is possible",
               "/action", "bad_state", nullptr};
}

constexpr std::string_view kDocument = ".yaml";

// "file:line:col", as the record keeps the edge that allowed it.
Origin origin_of(const std::string& text) {
  Origin out{text, 1, 1};
  for (int* number : {&out.col, &out.line}) {
    const std::size_t at = out.file.rfind(':');
    if (at == std::string::npos) return {text, 1, 1};
    const char* const end = out.file.data() + out.file.size();
    const auto [stop, error] = std::from_chars(out.file.data() + at + 1, end, *number);
    if (error != std::errc() || stop != end) return {text, 1, 1};
    out.file.resize(at);
  }
  return out;
}

}  // namespace

HandoffPart AgentAccess::part_in(const memory::Handoff& handoff) const {
  const std::string& slug = parts_.remit->slug;
  if (handoff.to == slug && handoff.to_kind == memory::TargetKind::agent)
    return HandoffPart::target;
  if (handoff.from_persona == slug && handoff.from_principal == parts_.principal.user) {
    return HandoffPart::sender;
  }
  return HandoffPart::none;
}

Result<Fd> AgentAccess::drop_root() const {
  return memory::open_drop_root(*parts_.state, parts_.remit->file_drop_root);
}

void AgentAccess::deliver(const std::string& id, Fd drop) const {
  memory::HandoffDelivery delivery(*parts_.state, *parts_.store, std::move(drop));
  const auto done = delivery.run_for(id);
  if (!done)
    log::warning("handoff: its files are late", {{"handoff", id}, {"error", done.error().message}});
  memory::HandoffRows(*parts_.state, parts_.store->root_id()).announce();
}

Result<Inbox> AgentAccess::list_inbox(const CallScope& call, const InboxQuery& query) {
  Action action;
  action.verb = Verb::list;
  action.tool = call.tool;
  action.space = Space::inbox;
  action.path = parts_.remit->slug;
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  memory::HandoffFilter filter;
  // Another user's handoffs of the same persona are not this one's.
  if (!parts_.remit->operates) {
    filter.part = parts_.remit->slug;
    filter.principal = parts_.principal.user;
  }
  filter.only_open = !query.closed;
  filter.before = query.before;
  filter.limit = limits::kInboxPage + 1;
  Inbox out;
  TRY(out.handoffs, rows.list(filter));
  out.more = out.handoffs.size() > limits::kInboxPage;
  if (out.more) out.handoffs.pop_back();
  if (parts_.remit->operates || !query.before.empty()) return out;
  const std::string folder = memory::inbox_folder(parts_.remit->slug);
  TRY(const std::vector<memory::DocumentEntry> files,
      parts_.store->list(
          folder.substr(0, folder.size() - 1), [](std::string_view) { return true; },
          [&](std::string_view path) { return path.starts_with(folder); }));
  std::vector<std::string> ids;
  for (const memory::DocumentEntry& file : files) ids.push_back(memory::id_in_path(file.path));
  TRY(const std::vector<bool> known, rows.exist(ids));
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (known[i]) continue;
    if (out.external.size() == limits::kInboxPage) {
      ++out.external_left;
      continue;
    }
    out.external.push_back(
        {files[i].path.substr(folder.size()), files[i].bytes, files[i].modified_unix_ms});
  }
  return out;
}

Result<std::optional<memory::Handoff>> AgentAccess::find_handoff(const std::string& id) const {
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  auto found = rows.get(id);
  if (found) return std::optional<memory::Handoff>(std::move(*found));
  if (found.error().kind == ErrorKind::not_found) return std::optional<memory::Handoff>();
  return tl::unexpected<Error>(found.error());
}

Action AgentAccess::action_on(std::string_view tool, const std::string& id, std::string_view act,
                              const std::optional<memory::Handoff>& found) const {
  Action action;
  action.tool = tool;
  action.verb = act.empty() ? Verb::open : Verb::send;
  action.space = act.empty() ? Space::inbox : Space::outside;
  (act.empty() ? action.path : action.handoff) = id.substr(0, limits::kEchoedInput);
  action.act = act;
  if (!found) return action;
  action.part = part_in(*found);
  action.kind = kind_of(found->type);
  if (!act.empty()) {
    action.to = action.part == HandoffPart::sender ? found->to : found->from_persona;
  }
  action.same_user = found->from_principal == parts_.principal.user;
  return action;
}

Result<Action> AgentAccess::describe_handoff(std::string_view tool, const std::string& id,
                                             std::string_view act) {
  // A dry decision may be asked for where no Agent_Memory is yet: then there is no handoff either.
  std::optional<memory::Handoff> found;
  if (parts_.store != nullptr) {
    TRY(found, find_handoff(id));
  }
  return action_on(tool, id, act, found);
}

Result<HandoffRecord> AgentAccess::open_handoff(const CallScope& call, const std::string& id) {
  TRY(std::optional<memory::Handoff> found, find_handoff(id));
  const Action action = action_on(call.tool, id, "", found);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  if (!found) return tl::unexpected<Error>(memory::no_such_handoff(id));
  HandoffRecord out;
  out.part = action.part;
  out.handoff = std::move(*found);
  TRY(out.events, memory::HandoffRows(*parts_.state, parts_.store->root_id()).events(id));
  return out;
}

Result<memory::Document> AgentAccess::open_inbox_file(const CallScope& call,
                                                      const std::string& name) {
  Action action;
  action.verb = Verb::open;
  action.tool = call.tool;
  action.space = Space::inbox;
  action.path = parts_.remit->slug + "/" + name.substr(0, limits::kEchoedInput);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  TRY_DO(record(call, action, decision, memory::Durability::read));
  TRY(const memory::DocPath path,
      memory::DocPath::parse(memory::inbox_folder(parts_.remit->slug) + name));
  // What a handoff wrote is read as that handoff, by its two sides.
  TRY(const std::vector<bool> known, memory::HandoffRows(*parts_.state, parts_.store->root_id())
                                         .exist({memory::id_in_path(path.text())}));
  if (known.front()) return tl::unexpected<Error>(memory::no_such_handoff(name));
  return parts_.store->read(path);
}

Result<memory::Handoff> AgentAccess::respond(const CallScope& call, const HandoffReply& reply) {
  TRY(const std::optional<memory::Handoff> found, find_handoff(reply.id));
  const Action action = action_on(call.tool, reply.id, to_string(reply.act), found);
  const Decision decision = decide(*parts_.remit, parts_.principal, action);
  if (!decision.allowed()) TRY_DO(record(call, action, decision, memory::Durability::read));
  if (!found) return tl::unexpected<Error>(memory::no_such_handoff(reply.id));
  const std::string_view state = memory::state_after(found->type, reply.act);
  if (state.empty()) return tl::unexpected<Error>(no_such_act(found->type, reply.act));
  const std::string text = parts_.redactor->redact(reply.text).text;
  if (needs_text(reply.act) && trim(text).empty()) {
    return fail(
        ErrorKind::invalid_argument,
        std::string("required to ") + to_string(reply.act) + ": say what the other side must know",
        "/text");
  }
  if (count_chars(text) > limits::kHandoffTextChars) {
    return fail(
        ErrorKind::too_large,
        "an answer has at most " + std::to_string(limits::kHandoffTextChars) + " characters",
        "/text");
  }
  if (reply.act == memory::HandoffAct::answer) {
    const Result<Json> fields = parse_json(found->fields_json);
    if (fields && fields->is_object() && fields->contains("answer_schema"))
      TRY_DO(check_answer((*fields)["answer_schema"], text));
  }
  TRY_DO(record(call, action, decision, memory::Durability::effect));
  memory::HandoffStep step;
  step.to_state = state;
  step.persona = parts_.remit->slug;
  step.principal = parts_.principal.user;
  step.is_operator = parts_.remit->operates;
  step.same_principal_allowed = parts_.remit->same_user_answers;
  step.note = text;
  if (const char* key = key_of_answer(reply.act)) step.answer_json = dump(Json{{key, text}});
  step.if_match = reply.if_match;
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  TRY(memory::Handoff done, rows.step(reply.id, step));
  if (done.duplicate) return done;
  // Without the place for queues the files for agents are written all the same.
  auto drop = drop_root();
  deliver(done.id, drop ? std::move(*drop) : Fd());
  return done;
}

Result<HandoffRecord> AgentAccess::await_handoff(const CallScope& call, const std::string& id,
                                                 const std::string& state,
                                                 std::chrono::steady_clock::time_point deadline,
                                                 std::stop_token stop) {
  // One decision and one row for the whole wait: it is asked for once.
  TRY(HandoffRecord out, open_handoff(call, id));
  if (parts_.wake == nullptr) return out;
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  memory::Wake::Watch watch(*parts_.wake, memory::kHandoffTopic);
  while (out.handoff.state == state && !memory::is_terminal(out.handoff.type, state) &&
         std::chrono::steady_clock::now() < deadline && !stop.stop_requested()) {
    TRY(out.handoff, rows.get(id));
    if (out.handoff.state != state) break;
    static_cast<void>(watch.wait(deadline, stop));
    TRY(out.handoff, rows.get(id));
  }
  if (stop.stop_requested())
    return fail(ErrorKind::cancelled, "no longer waiting for handoff " + id);
  // Whoever it went to next may be asked about it; this persona no longer.
  out.part = part_in(out.handoff);
  if (out.part == HandoffPart::none && !parts_.remit->operates)
    return tl::unexpected<Error>(memory::no_such_handoff(id));
  TRY(out.events, rows.events(id));
  return out;
}

Result<std::vector<std::string>> AgentAccess::task_paths(const std::string& task_id) const {
  const auto writes = [&](const std::string& path, const MemoryRule& rule) {
    return (rule.create || rule.replace || rule.append) && rule.pattern.matches(path);
  };
  const auto in_a_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  if (task_id.starts_with('.') || !std::ranges::all_of(task_id, in_a_name)) {
    return fail(ErrorKind::invalid_argument,
                "not a task id: " + escape_ascii(task_id.substr(0, limits::kEchoedInput)),
                "/task_id");
  }
  const std::string tasks = parts_.principal.instruction + "/tasks/";
  std::vector<std::string> out;
  for (const MemoryRule& rule : parts_.remit->memory) {
    for (const char* folder : {"", "pending/", "in_progress/", "completed/", "blocked/"}) {
      std::string path = tasks + folder + task_id;
      path += kDocument;
      if (!writes(path, rule)) continue;
      out.push_back(rule.pattern.text());
      break;
    }
  }
  if (!out.empty()) return out;
  return fail(ErrorKind::denied,
              "the document of task " + escape_ascii(task_id) + "; " +
                  parts_.remit->memory_heading.short_text() +
                  " grants you no writing of it, so it cannot be handed over",
              "/task_id", "not_allowed");
}

Result<std::optional<TaskHold>> AgentAccess::task_hold(const std::string& path) const {
  const std::string& instruction = parts_.principal.instruction;
  const std::string tasks = instruction + "/tasks/";
  if (instruction.empty() || !path.starts_with(tasks) || !path.ends_with(kDocument)) {
    return std::optional<TaskHold>();
  }
  std::string task(fs::base_name(path));
  task.resize(task.size() - kDocument.size());
  if (task.empty()) return std::optional<TaskHold>();
  memory::HandoffRows rows(*parts_.state, parts_.store->root_id());
  TRY(const std::optional<memory::Handoff> holder, rows.task_holder(instruction, task));
  if (!holder) return std::optional<TaskHold>();
  const HandoffPart part = part_in(*holder);
  if (part == HandoffPart::none) return std::optional<TaskHold>();
  TaskHold out{part == HandoffPart::target, holder->id, holder->to,
               origin_of(holder->authorized_by)};
  for (const std::string& text : holder->task_paths) {
    const auto pattern = memory::DocPattern::compile(text, {});
    if (pattern && pattern->matches(path)) return std::optional<TaskHold>(std::move(out));
  }
  return std::optional<TaskHold>();
}

}  // namespace remit::policy
