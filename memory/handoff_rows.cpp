// Over 400 lines because checks, transitions and timers of a handoff are one state machine.
#include "memory/handoff_rows.h"

#include <algorithm>
#include <chrono>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"

namespace remit::memory {
namespace {

constexpr std::string_view kColumns =
    "id, kind, from_persona, from_principal, to_name, to_kind, thread_id, parent_id, instruction, "
    "hop, path, created_ms, priority, severity, deadline_ms, ack_deadline_ms, authorized_by, "
    "evidence, fields, ladder, state, level, etag, assumed, answer, request_digest";
constexpr int kDigestColumn = 25;

std::string select(std::string_view rest) {
  return "select " + std::string(kColumns) + " from handoff " + std::string(rest);
}

std::string encode_ladder(const std::vector<LadderLevel>& ladder) {
  Json out = Json::array();
  for (const LadderLevel& level : ladder) {
    out.push_back({{"to", level.to}, {"kind", to_string(level.kind)}, {"ack_ms", level.ack_ms}});
  }
  return dump(out);
}

std::vector<LadderLevel> decode_ladder(const std::string& text) {
  std::vector<LadderLevel> out;
  const Result<Json> levels = parse_json(text);
  if (!levels || !levels->is_array()) return out;
  for (const Json& level : *levels) {
    if (!level.is_object() || !level.contains("to") || !level["to"].is_string() ||
        !level.contains("kind") || !level["kind"].is_string() || !level.contains("ack_ms") ||
        !level["ack_ms"].is_number_integer()) {
      continue;  // not ours
    }
    const auto kind = parse_target_kind(level["kind"].get_ref<const std::string&>());
    if (kind) {
      out.push_back({level["to"].get<std::string>(), *kind, level["ack_ms"].get<std::int64_t>()});
    }
  }
  return out;
}

std::vector<std::string> decode_path(const std::string& text) {
  std::vector<std::string> out;
  const Result<Json> names = parse_json(text);
  if (!names || !names->is_array()) return out;
  for (const Json& name : *names) {
    if (name.is_string()) out.push_back(name.get<std::string>());
  }
  return out;
}

Result<Handoff> row_of(const Statement& from) {
  Handoff row;
  row.id = from.text(0);
  TRY(row.type, parse_handoff_type(from.view(1)));
  row.from_persona = from.text(2);
  row.from_principal = from.text(3);
  row.to = from.text(4);
  TRY(row.to_kind, parse_target_kind(from.view(5)));
  row.thread_id = from.text(6);
  row.parent_id = from.text(7);
  row.instruction = from.text(8);
  row.hop = static_cast<int>(from.integer(9));
  row.path = decode_path(from.text(10));
  row.created_ms = from.integer(11);
  row.priority = from.text(12);
  row.severity = from.text(13);
  row.deadline_ms = from.integer(14);
  row.ack_deadline_ms = from.integer(15);
  row.authorized_by = from.text(16);
  row.evidence_json = from.text(17);
  row.fields_json = from.text(18);
  row.ladder = decode_ladder(from.text(19));
  row.state = from.text(20);
  row.level = static_cast<int>(from.integer(21));
  row.etag = from.text(22);
  row.assumed = from.integer(23) != 0;
  row.answer_json = from.text(24);
  return row;
}

Result<std::vector<Handoff>> rows_of(Statement& statement) {
  std::vector<Handoff> out;
  for (;;) {
    TRY(const bool more, statement.step());
    if (!more) return out;
    TRY(Handoff row, row_of(statement));
    out.push_back(std::move(row));
  }
}

Error no_such(std::string_view id) {
  return Error{ErrorKind::not_found,
               "no handoff " + escape_ascii(id.substr(0, limits::kEchoedInput)),
               {},
               "not_found",
               nullptr};
}

template <class Source>
Result<Handoff> get_from(Source& source, const std::string& id) {
  Statement one = source.sql(select("where id = ?"));
  TRY(const bool found, one.bind(id).step());
  if (!found) return tl::unexpected<Error>(no_such(id));
  return row_of(one);
}

Result<void> note(Transaction& transaction, const Clock& clock, const Handoff& row,
                  std::string_view from_state, const HandoffStep& step) {
  TRY_DO(transaction
             .sql("insert into handoff_event(handoff, at_ms, from_state, to_state, persona, "
                  "principal, note) values(?,?,?,?,?,?,?)")
             .bind(row.id)
             .bind(clock.unix_ms())
             .bind(from_state)
             .bind(row.state)
             .bind(step.persona)
             .bind(step.principal)
             .bind(step.note)
             .run());
  const Json fields = {{"handoff", row.id},        {"kind", to_string(row.type)},
                       {"from", row.from_persona}, {"to", row.to},
                       {"before", from_state},     {"after", row.state},
                       {"thread", row.thread_id},  {"level", row.level},
                       {"by", step.persona}};
  return append_in(transaction, clock,
                   {.kind = "handoff",
                    .call_id = "",
                    .principal = step.principal,
                    .verdict = "allow",
                    .rule = "handoff." + row.state,
                    .origin = row.authorized_by,
                    .fields = dump(fields)});
}

// `given` milliseconds, or what the priority gives.
std::int64_t ack_time(std::int64_t given, std::string_view priority) {
  return given > 0 ? given : ack_time_ms(priority);
}

// When the timer of a handoff in this state rings; 0: no timer.
std::int64_t due_of(const Handoff& row) {
  if (row.type == HandoffType::consult) {
    const bool waits = row.state == "open" || row.state == "delivered";
    return waits ? (row.deadline_ms > 0 ? row.deadline_ms : row.ack_deadline_ms) : 0;
  }
  const bool unacknowledged =
      row.state == "offered" || row.state == "raised" || row.state == "notified";
  return unacknowledged ? row.ack_deadline_ms : 0;
}

Result<void> save(Transaction& transaction, Handoff& row) {
  row.etag = random_hex(8);
  return transaction
      .sql(
          "update handoff set state = ?, open = ?, to_name = ?, to_kind = ?, level = ?, "
          "ack_deadline_ms = ?, due_ms = ?, etag = ?, assumed = ?, answer = ? where id = ?")
      .bind(row.state)
      .bind(is_terminal(row.type, row.state) ? 0 : 1)
      .bind(row.to)
      .bind(to_string(row.to_kind))
      .bind(row.level)
      .bind(row.ack_deadline_ms)
      .bind(due_of(row))
      .bind(row.etag)
      .bind(row.assumed ? 1 : 0)
      .bind(row.answer_json)
      .bind(row.id)
      .run();
}

Result<std::int64_t> count(Statement&& statement) {
  TRY_DO(statement.step());
  return statement.integer(0);
}

Statement between(Transaction& transaction, const std::string& thread, const std::string& from,
                  const std::string& to) {
  Statement s = transaction.sql(
      "select count(*) from handoff where thread_id = ? and from_persona = ? and to_name = ?");
  s.bind(thread).bind(from).bind(to);
  return s;
}

int severity_rank(std::string_view severity) {
  if (severity == "critical") return 4;
  if (severity == "high") return 3;
  if (severity == "medium") return 2;
  if (severity == "low") return 1;
  return 0;
}

// "Login  FAILS " and "login fails" are one title.
std::string normalised(std::string_view title) {
  std::string out;
  const std::string lower = lower_ascii(title);
  for (const std::string_view word : split(lower, ' ')) {
    if (word.empty()) continue;
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

bool is_target_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

Result<void> check_draft(const NewHandoff& draft) {
  std::vector<std::string_view> names{draft.to};
  for (const LadderLevel& level : draft.ladder) names.push_back(level.to);
  for (const std::string_view name : names) {
    if (!is_target_name(name)) {
      return fail(ErrorKind::invalid_argument,
                  "bad target name " + escape_ascii(name.substr(0, limits::kEchoedInput)), {},
                  "unresolved_target");
    }
  }
  if (draft.ladder.size() + 1 > limits::kLadderLevels) {
    return fail(ErrorKind::invalid_argument,
                "a ladder has at most " + std::to_string(limits::kLadderLevels) + " levels");
  }
  if (draft.fields_json.size() + draft.evidence_json.size() > limits::kHandoffBytes) {
    return fail(ErrorKind::too_large,
                "a handoff holds at most " + human_bytes(limits::kHandoffBytes));
  }
  for (const std::string* json : {&draft.fields_json, &draft.evidence_json}) {
    TRY_DO(parse_json(*json));
  }
  return {};
}

// Thread, hop and path come from the parent, never from the caller.
Result<void> place_in_thread(Transaction& transaction, const NewHandoff& draft, Handoff& row,
                             std::string& parent_severity) {
  row.thread_id = draft.thread_id;
  if (!draft.parent_id.empty()) {
    TRY(const Handoff parent, get_from(transaction, draft.parent_id));
    if (parent.to != draft.from_persona) return tl::unexpected<Error>(no_such(draft.parent_id));
    row.thread_id = parent.thread_id;
    row.hop = parent.hop + 1;
    row.path = parent.path;
    parent_severity = parent.severity;
  } else if (!row.thread_id.empty()) {
    Statement takes_part = transaction.sql(
        "select 1 from handoff where thread_id = ? and (from_persona = ?2 or to_name = ?2) limit "
        "1");
    TRY(const bool found, takes_part.bind(row.thread_id).bind(draft.from_persona).step());
    if (!found) return tl::unexpected<Error>(no_such(row.thread_id));
  } else {
    row.thread_id = row.id;
  }
  row.path.push_back(draft.from_persona);
  return {};
}

Result<void> check_loops(Transaction& transaction, const NewHandoff& draft, const Handoff& row,
                         const std::string& parent_severity, std::int64_t now) {
  const auto loop = [](const std::string& why) {
    return fail(ErrorKind::denied, "this handoff would go in circles: " + why, {}, "loop");
  };
  if (row.hop > limits::kHops) {
    return loop("it is handed on " + std::to_string(row.hop) + " times, " +
                std::to_string(limits::kHops) + " at most");
  }
  const bool been = std::ranges::find(row.path, draft.to) != row.path.end();
  if (been && draft.type == HandoffType::delegate) {
    return loop(escape_ascii(draft.to) + " has handed it on already");
  }
  if (been && draft.type == HandoffType::escalate &&
      severity_rank(draft.severity) <= severity_rank(parent_severity)) {
    return loop(escape_ascii(draft.to) + " has handed it on already; only a higher severity than " +
                (parent_severity.empty() ? "before" : parent_severity) + " may go back");
  }
  TRY(const std::int64_t forth,
      count(between(transaction, row.thread_id, draft.from_persona, draft.to)));
  TRY(const std::int64_t back,
      count(between(transaction, row.thread_id, draft.to, draft.from_persona)));
  if (std::min(forth + 1, back) > limits::kPingPong) {
    return loop("the two have sent each other " + std::to_string(back) +
                " handoffs in this thread");
  }
  Statement thread = transaction.sql("select count(*) from handoff where thread_id = ?");
  TRY(const std::int64_t members, count(std::move(thread.bind(row.thread_id))));
  if (members >= limits::kThreadHandoffs) {
    return fail(ErrorKind::denied,
                "this thread has " + std::to_string(members) + " handoffs already; begin a new one",
                {}, "thread_full");
  }
  Statement recent = transaction.sql(
      "select count(*) from handoff where from_persona = ? and created_ms > ? and from_principal = "
      "?");
  TRY(const std::int64_t sent,
      count(std::move(
          recent.bind(draft.from_persona).bind(now - 3'600'000).bind(draft.from_principal))));
  if (sent >= limits::kHandoffsPerHour) {
    return fail(ErrorKind::denied,
                std::to_string(sent) + " handoffs were sent within the hour; wait before the next",
                {}, "rate");
  }
  return {};
}

std::string digest_of(const NewHandoff& draft) {
  Sha256 hash;
  for (const std::string* field :
       {&draft.from_persona, &draft.to, &draft.parent_id, &draft.priority, &draft.severity,
        &draft.title, &draft.evidence_json, &draft.fields_json}) {
    hash.field(*field);
  }
  hash.field(to_string(draft.type));
  return hash.finish_hex();
}

// A repetition (idempotency key) or an open escalation about the same, as a duplicate.
Result<std::optional<Handoff>> find_same(Transaction& transaction, const NewHandoff& draft,
                                         const std::string& digest, const std::string& dedupe) {
  const auto duplicate = [](const Statement& from) -> Result<std::optional<Handoff>> {
    TRY(Handoff row, row_of(from));
    row.duplicate = true;
    return std::optional<Handoff>(std::move(row));
  };
  if (!draft.idempotency_key.empty()) {
    Statement same = transaction.sql(select("where from_principal = ? and idempotency_key = ?"));
    TRY(const bool found, same.bind(draft.from_principal).bind(draft.idempotency_key).step());
    if (found && same.view(kDigestColumn) == digest) return duplicate(same);
    if (found) {
      return fail(ErrorKind::conflict,
                  "this idempotency key was used for another handoff; take a new key", {},
                  "conflict");
    }
  }
  if (dedupe.empty()) return std::optional<Handoff>();
  Statement open =
      transaction.sql(select("where instruction = ? and to_name = ? and dedupe = ? and open = 1"));
  TRY(const bool found, open.bind(draft.instruction).bind(draft.to).bind(dedupe).step());
  if (found) return duplicate(open);
  return std::optional<Handoff>();
}

Result<void> insert(Transaction& transaction, const Handoff& row, const NewHandoff& draft,
                    const std::string& digest, const std::string& dedupe) {
  const Json path = row.path;
  Statement s = transaction.sql("insert into handoff(" + std::string(kColumns) +
                                ", idempotency_key, due_ms, dedupe, open) "
                                "values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                                "?,?,?,?,?,?,1)");
  s.bind(row.id).bind(to_string(row.type)).bind(row.from_persona).bind(row.from_principal);
  s.bind(row.to).bind(to_string(row.to_kind)).bind(row.thread_id).bind(row.parent_id);
  s.bind(row.instruction).bind(row.hop).bind(dump(path)).bind(row.created_ms).bind(row.priority);
  s.bind(row.severity).bind(row.deadline_ms).bind(row.ack_deadline_ms).bind(row.authorized_by);
  s.bind(row.evidence_json).bind(row.fields_json).bind(encode_ladder(row.ladder)).bind(row.state);
  s.bind(row.level).bind(row.etag).bind(0).bind("").bind(digest).bind(draft.idempotency_key);
  return s.bind(due_of(row)).bind(dedupe).run();
}

// The sender's default answer to a consult, as JSON; "" if there is none.
std::string default_answer(const Handoff& row) {
  const Result<Json> fields = parse_json(row.fields_json);
  if (!fields || !fields->is_object() || !fields->contains("default_if_no_response")) return "";
  return dump(Json{{"answer", (*fields)["default_if_no_response"]}});
}

Result<void> enqueue_reply(Transaction& transaction, const Clock& clock, const Handoff& row,
                           const std::string& text) {
  TRY(const std::string body, reply_yaml(row, text, clock.unix_ms()));
  return enqueue(transaction, clock, row.id, OutboxPlace::memory,
                 inbox_path(row.from_persona, reply_word(row.type), row.id), body);
}

}  // namespace

Result<Handoff> HandoffRows::send(const NewHandoff& draft) {
  TRY_DO(check_draft(draft));
  const std::int64_t now = state_.clock().unix_ms();
  const std::string digest = digest_of(draft);
  const std::string dedupe =
      draft.type == HandoffType::escalate ? normalised(draft.title) : std::string();
  TRY(Transaction transaction, state_.database().write());
  TRY(std::optional<Handoff> same, find_same(transaction, draft, digest, dedupe));
  if (same) return std::move(*same);

  Handoff row;
  row.id = ulid(now);
  row.type = draft.type;
  row.from_persona = draft.from_persona;
  row.from_principal = draft.from_principal;
  row.to = draft.to;
  row.to_kind = draft.to_kind;
  row.parent_id = draft.parent_id;
  row.instruction = draft.instruction;
  row.created_ms = now;
  row.priority = draft.priority;
  row.severity = draft.severity;
  row.deadline_ms = draft.deadline_ms;
  if (draft.needs_ack) row.ack_deadline_ms = now + ack_time(draft.ack_ms, draft.priority);
  row.authorized_by = draft.authorized_by;
  row.evidence_json = draft.evidence_json;
  row.fields_json = draft.fields_json;
  row.ladder = draft.ladder;
  row.state = first_state(draft.type);
  row.etag = random_hex(8);
  std::string parent_severity;
  TRY_DO(place_in_thread(transaction, draft, row, parent_severity));
  TRY_DO(check_loops(transaction, draft, row, parent_severity, now));
  TRY_DO(insert(transaction, row, draft, digest, dedupe));
  HandoffStep by;
  by.persona = draft.from_persona;
  by.principal = draft.from_principal;
  TRY_DO(note(transaction, state_.clock(), row, "", by));
  TRY_DO(enqueue_request(transaction, state_.clock(), row));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<Handoff> HandoffRows::get(const std::string& id) {
  TRY(Snapshot snapshot, state_.database().read());
  return get_from(snapshot, id);
}

Result<std::vector<Handoff>> HandoffRows::list(const HandoffFilter& filter) {
  TRY(Snapshot snapshot, state_.database().read());
  Statement rows = snapshot.sql(
      select("where (?1 = '' or to_name = ?1) and (?2 = '' or from_persona = ?2) and "
             "(?3 = '' or thread_id = ?3) and (?4 = '' or instruction = ?4) and open >= ?5 "
             "order by id desc limit ?6"));
  rows.bind(filter.to).bind(filter.from).bind(filter.thread_id).bind(filter.instruction);
  rows.bind(filter.only_open ? 1 : 0).bind(static_cast<std::int64_t>(filter.limit));
  return rows_of(rows);
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
  TRY(Handoff row, get_from(transaction, id));
  // Who they are in this handoff; an operator stands for the target.
  const bool is_server = step.persona == "remit" && step.principal == "system";
  const bool is_sender = step.persona == row.from_persona && step.principal == row.from_principal;
  const bool is_target = step.is_operator || step.persona == row.to;
  if (!is_server && !is_sender && !is_target) return tl::unexpected<Error>(no_such(id));
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
                    "; possible: " + join_text(next_states(row.type, row.state, role), ", "),
                {}, "bad_state");
  }
  const std::string before = row.state;
  row.state = step.to_state;
  if (by_target && !step.answer_json.empty()) {
    TRY_DO(parse_json(step.answer_json));
    row.answer_json = step.answer_json;
  }
  TRY_DO(save(transaction, row));
  TRY_DO(note(transaction, state_.clock(), row, before, step));
  if (by_target) TRY_DO(enqueue_reply(transaction, state_.clock(), row, step.note));
  // The request's file shows the new state.
  TRY_DO(enqueue_request(transaction, state_.clock(), row));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

Result<std::optional<std::int64_t>> HandoffRows::next_due_ms() {
  TRY(Snapshot snapshot, state_.database().read());
  Statement first = snapshot.sql("select min(due_ms) from handoff where due_ms > 0");
  TRY_DO(first.step());
  if (first.is_null(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(first.integer(0));
}

Result<std::vector<Handoff>> HandoffRows::fire_due() {
  const Clock& clock = state_.clock();
  const std::int64_t now = clock.unix_ms();
  TRY(Transaction transaction, state_.database().write());
  std::vector<Handoff> due;
  {
    Statement rows =
        transaction.sql(select("where due_ms > 0 and due_ms <= ? order by due_ms, id limit ?"));
    rows.bind(now).bind(static_cast<std::int64_t>(limits::kDueAtOnce));
    TRY(due, rows_of(rows));
  }
  for (Handoff& row : due) {
    const std::string before = row.state;
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
    TRY_DO(save(transaction, row));
    TRY_DO(note(transaction, clock, row, before, by));
    if (!is_terminal(row.type, row.state)) {
      TRY_DO(enqueue_request(transaction, clock, row));
      continue;
    }
    TRY_DO(enqueue_reply(transaction, clock, row, by.note));
    if (row.type != HandoffType::consult) {
      TRY(const std::string body, request_yaml(row));
      TRY_DO(enqueue(transaction, clock, row.id, OutboxPlace::memory, dead_letter_path(row), body));
    }
  }
  if (!due.empty()) TRY_DO(transaction.commit(Sync::durable));
  return due;
}

}  // namespace remit::memory
