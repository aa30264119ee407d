#include "memory/handoff_row.h"

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/ledger.h"

namespace remit::memory {
namespace {

constexpr std::string_view kHandoffColumns =
    "id, kind, from_persona, from_principal, to_name, to_kind, thread_id, parent_id, instruction, "
    "hop, path, created_ms, priority, severity, deadline_ms, ack_deadline_ms, authorized_by, "
    "evidence, fields, ladder, state, level, etag, assumed, answer, root, input, task, task_paths, "
    "request_digest";

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

std::vector<std::string> decode_texts(const std::string& text) {
  std::vector<std::string> out;
  const Result<Json> names = parse_json(text);
  if (!names || !names->is_array()) return out;
  for (const Json& name : *names) {
    if (name.is_string()) out.push_back(name.get<std::string>());
  }
  return out;
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

}  // namespace

std::string select_handoffs(std::string_view rest) {
  return "select " + std::string(kHandoffColumns) + " from handoff " + std::string(rest);
}

Result<Handoff> handoff_of(const Statement& from) {
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
  row.path = decode_texts(from.text(10));
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
  row.root = from.integer(25);
  row.input = from.text(26);
  row.task_id = from.text(27);
  row.task_paths = decode_texts(from.text(28));
  return row;
}

Result<std::vector<Handoff>> handoffs_of(Statement& statement) {
  std::vector<Handoff> out;
  for (;;) {
    TRY(const bool more, statement.step());
    if (!more) return out;
    TRY(Handoff row, handoff_of(statement));
    out.push_back(std::move(row));
  }
}

Error no_such_handoff(std::string_view id) {
  return Error{ErrorKind::not_found,
               "no handoff " + escape_ascii(id.substr(0, limits::kEchoedInput)),
               {},
               "not_found",
               nullptr};
}

std::string new_handoff_etag() {
  return random_hex(8);
}

Result<void> insert_handoff(Transaction& transaction, const Handoff& row, const NewHandoff& draft,
                            const std::string& digest, const std::string& dedupe) {
  const Json path = row.path, task_paths = row.task_paths;
  Statement s = transaction.sql("insert into handoff(" + std::string(kHandoffColumns) +
                                ", idempotency_key, due_ms, dedupe, open) "
                                "values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                                "?,?,?,?,?,?,?,?,?,?,1)");
  s.bind(row.id).bind(to_string(row.type)).bind(row.from_persona).bind(row.from_principal);
  s.bind(row.to).bind(to_string(row.to_kind)).bind(row.thread_id).bind(row.parent_id);
  s.bind(row.instruction).bind(row.hop).bind(dump(path)).bind(row.created_ms).bind(row.priority);
  s.bind(row.severity).bind(row.deadline_ms).bind(row.ack_deadline_ms).bind(row.authorized_by);
  s.bind(row.evidence_json).bind(row.fields_json).bind(encode_ladder(row.ladder)).bind(row.state);
  s.bind(row.level).bind(row.etag).bind(0).bind("").bind(row.root).bind("").bind(row.task_id);
  s.bind(dump(task_paths)).bind(digest).bind(draft.idempotency_key);
  return s.bind(due_of(row)).bind(dedupe).run();
}

Result<void> save_handoff(Transaction& transaction, const Handoff& row) {
  return transaction
      .sql(
          "update handoff set state = ?, open = ?, to_name = ?, to_kind = ?, level = ?, "
          "ack_deadline_ms = ?, due_ms = ?, etag = ?, assumed = ?, answer = ?, input = ? where id "
          "= ?")
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
      .bind(row.input)
      .bind(row.id)
      .run();
}

Result<void> note_step(Transaction& transaction, const Clock& clock, const Handoff& row,
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

std::int64_t ack_time(std::int64_t given, std::string_view priority) {
  return given > 0 ? given : ack_time_ms(priority);
}

}  // namespace remit::memory
