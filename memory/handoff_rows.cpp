// The transitions and timers of handoffs; handoff_send.cpp makes new ones.
#include "memory/handoff_rows.h"

#include <algorithm>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_row.h"
#include "memory/server_rows.h"

namespace remit::memory {
namespace {

// The sender's default answer to a consult, as JSON; "" if there is none.
std::string default_answer(const Handoff& row) {
  const Result<Json> fields = parse_json(row.fields_json);
  if (!fields || !fields->is_object() || !fields->contains("default_if_no_response")) return "";
  return dump(Json{{"answer", (*fields)["default_if_no_response"]}});
}

Result<void> enqueue_reply(Transaction& transaction, const Clock& clock, const Handoff& row,
                           const std::string& text) {
  TRY(const std::string body, reply_yaml(row, text, clock.unix_ms()));
  return enqueue(transaction, clock, row, OutboxPlace::memory,
                 inbox_path(row.from_persona, reply_word(row.type), row.id), body);
}

std::string possible_text(const Handoff& row, HandoffRole role) {
  const std::vector<std::string> acts = possible_acts(row.type, row.state, role);
  return acts.empty() ? "nothing" : join_text(acts, ", ");
}

// The last step word for word, by the same one: a client that got no answer and asks again.
Result<bool> repeats_last(Transaction& transaction, const Handoff& row, const HandoffStep& step) {
  if (row.state != step.to_state) return false;
  if (!step.answer_json.empty() && step.answer_json != row.answer_json) return false;
  Statement last = transaction.sql(
      "select to_state, persona, principal, note from handoff_event where handoff = ? "
      "order by id desc limit 1");
  TRY(const bool found, last.bind(row.id).step());
  return found && last.view(0) == step.to_state && last.view(1) == step.persona &&
         last.view(2) == step.principal && last.view(3) == step.note;
}

template <class Source>  // Transaction or Snapshot
Result<std::optional<Handoff>> holder_of(Source& source, std::int64_t root,
                                         const std::string& instruction, const std::string& task) {
  Statement rows = source.sql(select_handoffs(
      "where root = ? and task = ? and instruction = ? and open = 1 and task != '' order by id"));
  rows.bind(root).bind(task).bind(instruction);
  TRY(std::vector<Handoff> all, handoffs_of(rows));
  for (Handoff& one : all) {
    if (holds_task(one.state)) return std::optional<Handoff>(std::move(one));
  }
  return std::optional<Handoff>();
}

}  // namespace

Result<Handoff> HandoffRows::get(const std::string& id) {
  TRY(Snapshot snapshot, state_.database().read());
  return get_handoff(snapshot, root_, id);
}

Result<std::vector<Handoff>> HandoffRows::list(const HandoffFilter& filter) {
  TRY(Snapshot snapshot, state_.database().read());
  Statement rows = snapshot.sql(select_handoffs(
      "where (?1 = '' or to_name = ?1) and (?2 = '' or from_persona = ?2) and "
      "(?3 = '' or thread_id = ?3) and (?4 = '' or instruction = ?4) and open >= ?5 and "
      "(?6 = '' or (from_persona = ?6 and (?10 = '' or from_principal = ?10)) or "
      "(to_name = ?6 and to_kind = 'agent')) and "
      "(?7 = '' or id < ?7) and root = ?8 order by id desc limit ?9"));
  rows.bind(filter.to).bind(filter.from).bind(filter.thread_id).bind(filter.instruction);
  rows.bind(filter.only_open ? 1 : 0).bind(filter.part).bind(filter.before).bind(root_);
  rows.bind(static_cast<std::int64_t>(filter.limit)).bind(filter.principal);
  return handoffs_of(rows);
}

Result<std::vector<bool>> HandoffRows::exist(const std::vector<std::string>& ids) {
  TRY(Snapshot snapshot, state_.database().read());
  std::vector<bool> out;
  for (const std::string& id : ids) {
    Statement one = snapshot.sql("select 1 from handoff where id = ? and root = ?");
    TRY(const bool found, one.bind(id).bind(root_).step());
    out.push_back(found);
  }
  return out;
}

Result<std::vector<HandoffEvent>> HandoffRows::events(const std::string& id) {
  TRY(Snapshot snapshot, state_.database().read());
  Statement rows = snapshot.sql(
      "select at_ms, from_state, to_state, persona, principal, note from handoff_event "
      "where handoff = ? order by id");
  rows.bind(id);
  std::vector<HandoffEvent> out;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(
        {rows.integer(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.text(5)});
  }
}

Result<Handoff> HandoffRows::step(const std::string& id, const HandoffStep& step) {
  TRY(Transaction transaction, state_.database().write());
  TRY(Handoff row, get_handoff(transaction, root_, id));
  // Who they are in this handoff; an operator stands for both. Queues and people have no agent.
  const bool is_server = step.persona == "remit" && step.principal == "system";
  const bool is_sender = step.is_operator ||
                         (step.persona == row.from_persona && step.principal == row.from_principal);
  const bool is_target =
      step.is_operator || (step.persona == row.to && row.to_kind == TargetKind::agent);
  if (!is_server && !is_sender && !is_target) return tl::unexpected<Error>(no_such_handoff(id));
  TRY(const bool repeated, repeats_last(transaction, row, step));
  if (repeated) {
    row.duplicate = true;
    return row;
  }
  if (is_terminal(row.type, row.state)) {
    return fail(ErrorKind::conflict, "handoff " + row.id + " is closed: " + row.state, {},
                "already_closed");
  }
  if (!step.if_match.empty() && step.if_match != row.etag) {
    return fail(ErrorKind::conflict, "handoff " + row.id + " changed meanwhile; look at it again",
                {}, "conflict");
  }
  const bool by_server =
      is_server && may_step(row.type, row.state, step.to_state, HandoffRole::server);
  const bool by_sender =
      is_sender && may_step(row.type, row.state, step.to_state, HandoffRole::sender);
  const bool by_target =
      is_target && may_step(row.type, row.state, step.to_state, HandoffRole::target);
  if (by_target && !by_sender && !step.is_operator && step.principal == row.from_principal &&
      (!step.same_principal_allowed || step.persona == row.from_persona)) {
    return fail(ErrorKind::denied, "nobody answers their own handoff", {}, "own_handoff");
  }
  if (!by_server && !by_sender && !by_target) {
    const HandoffRole role = is_target   ? HandoffRole::target
                             : is_sender ? HandoffRole::sender
                                         : HandoffRole::server;
    return fail(ErrorKind::conflict,
                "handoff " + row.id + " is " + row.state + " and cannot become " +
                    escape_ascii(step.to_state.substr(0, limits::kEchoedInput)) +
                    "; possible: " + possible_text(row, role),
                {}, "bad_state");
  }
  if (row.type == HandoffType::delegate && step.to_state == "accepted" && !row.task_id.empty()) {
    TRY(const std::optional<Handoff> other,
        holder_of(transaction, root_, row.instruction, row.task_id));
    if (other) {
      return fail(ErrorKind::conflict,
                  "handoff " + other->id + " holds the task " + escape_ascii(row.task_id) +
                      "; reject this one, or wait until that one has ended",
                  {}, "task_taken");
    }
  }
  const std::string before = row.state;
  row.state = step.to_state;
  if (by_sender && before == "input_required" && row.state == "in_progress") row.input = step.note;
  if (by_target && !step.answer_json.empty()) {
    TRY_DO(parse_json(step.answer_json));
    row.answer_json = step.answer_json;
  }
  // That its file was written is no news to whoever looked at it just before and answers now.
  if (!is_server) row.etag = new_handoff_etag();
  TRY_DO(save_handoff(transaction, row));
  TRY_DO(note_step(transaction, state_.clock(), row, before, step));
  if (by_target || step.is_operator) {
    TRY_DO(enqueue_reply(transaction, state_.clock(), row, step.note));
  }
  // The request's file shows the new state.
  TRY_DO(enqueue_request(transaction, state_.clock(), row));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

void HandoffRows::announce() {
  // Lost, others find it when they next look; the handoff itself is on the disk.
  static_cast<void>(notify(state_, "", kHandoffTopic));
}

Result<std::optional<Handoff>> HandoffRows::task_holder(const std::string& instruction,
                                                        const std::string& task_id) {
  TRY(Snapshot snapshot, state_.database().read());
  return holder_of(snapshot, root_, instruction, task_id);
}

Result<std::optional<std::int64_t>> HandoffRows::next_due_ms() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement first = snapshot.sql("select min(due_ms) from handoff where root = ? and due_ms > 0");
  TRY_DO(first.bind(root_).step());
  if (first.is_null(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(first.integer(0));
}

Result<std::vector<Handoff>> HandoffRows::fire_due() {
  const Clock& clock = state_.clock();
  const std::int64_t now = clock.unix_ms();
  TRY(Transaction transaction, state_.database().write());
  std::vector<Handoff> due;
  {
    Statement rows = transaction.sql(select_handoffs(
        "where root = ? and due_ms > 0 and due_ms <= ? order by due_ms, id limit ?"));
    rows.bind(root_).bind(now).bind(static_cast<std::int64_t>(limits::kDueAtOnce));
    TRY(due, handoffs_of(rows));
  }
  for (Handoff& row : due) {
    const Handoff had = row;
    HandoffStep by;
    by.persona = "remit";
    by.principal = "system";
    if (row.type == HandoffType::escalate &&
        static_cast<std::size_t>(row.level) < row.ladder.size()) {
      const LadderLevel& next = row.ladder[static_cast<std::size_t>(row.level)];
      by.note = row.to + " did not acknowledge in time";
      row.state = "notified";
      row.to = next.to;
      row.to_kind = next.kind;
      ++row.level;
      row.ack_deadline_ms = now + ack_time(next.ack_ms, row.priority);
    } else if (row.type == HandoffType::consult) {
      row.state = "expired";
      row.answer_json = default_answer(row);
      row.assumed = !row.answer_json.empty();
      by.note = row.assumed ? "no answer in time; the sender's default holds" : "no answer in time";
    } else {
      row.state = row.type == HandoffType::delegate ? "expired" : "exhausted";
      by.note = "nobody acknowledged in time";
    }
    row.etag = new_handoff_etag();
    TRY_DO(save_handoff(transaction, row));
    TRY_DO(note_step(transaction, clock, row, had.state, by));
    TRY_DO(enqueue_reply(transaction, clock, row, by.note));
    // Whoever had it until now sees in their own file where it went or how it ended.
    TRY_DO(enqueue_request_for(transaction, clock, had, row));
    if (!is_terminal(row.type, row.state)) {
      TRY_DO(enqueue_request(transaction, clock, row));
      continue;
    }
    if (row.type != HandoffType::consult) {
      TRY(const std::string body, request_yaml(row));
      TRY_DO(enqueue(transaction, clock, row, OutboxPlace::memory, dead_letter_path(row), body));
    }
  }
  if (due.empty()) return due;
  TRY_DO(transaction.commit(Sync::durable));
  return due;
}

}  // namespace remit::memory
