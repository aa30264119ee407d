// HandoffRows::send(): what is checked before a handoff exists, and its first row.
#include <algorithm>
#include <chrono>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_row.h"

namespace remit::memory {
namespace {

constexpr std::int64_t kHourMs = std::chrono::milliseconds(std::chrono::hours(1)).count();
constexpr std::int64_t kKeyMs = std::chrono::milliseconds(limits::kIdempotencyWindow).count();

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

// What the sender follows with this one: the parent it names; without one the handoff that brought
// it into the thread, so that leaving the parent out shortens no path. None: it began the thread.
// Errors: not_found if it takes no part there.
Result<std::optional<Handoff>> parent_of(Transaction& transaction, const NewHandoff& draft,
                                         std::int64_t root) {
  if (!draft.parent_id.empty()) {
    TRY(Handoff parent, get_handoff(transaction, root, draft.parent_id));
    const bool other_thread = !draft.thread_id.empty() && draft.thread_id != parent.thread_id;
    if (parent.to != draft.from_persona || other_thread) {
      return tl::unexpected<Error>(no_such_handoff(draft.parent_id));
    }
    return std::optional<Handoff>(std::move(parent));
  }
  // The same as for what it sent there before, which may have gone to somebody else since.
  std::optional<Handoff> sent;
  {
    Statement own = transaction.sql(select_handoffs(
        "where root = ? and thread_id = ? and from_persona = ? order by hop, id limit 1"));
    TRY(const bool found, own.bind(root).bind(draft.thread_id).bind(draft.from_persona).step());
    if (found) {
      TRY(sent, handoff_of(own));
    }
  }
  if (sent && sent->parent_id.empty()) return std::optional<Handoff>();
  if (sent) {
    TRY(Handoff parent, get_handoff(transaction, root, sent->parent_id));
    return std::optional<Handoff>(std::move(parent));
  }
  Statement first = transaction.sql(
      select_handoffs("where root = ? and thread_id = ? and to_name = ? order by hop, id limit 1"));
  TRY(const bool found, first.bind(root).bind(draft.thread_id).bind(draft.from_persona).step());
  if (!found) return tl::unexpected<Error>(no_such_handoff(draft.thread_id));
  TRY(Handoff parent, handoff_of(first));
  return std::optional<Handoff>(std::move(parent));
}

// Thread, hop and path come from the parent, never from the caller.
Result<void> place_in_thread(Transaction& transaction, const NewHandoff& draft, Handoff& row,
                             std::string& parent_severity) {
  row.thread_id = draft.thread_id.empty() ? row.id : draft.thread_id;
  if (!draft.thread_id.empty() || !draft.parent_id.empty()) {
    TRY(const std::optional<Handoff> parent, parent_of(transaction, draft, row.root));
    if (parent) {
      row.parent_id = parent->id;
      row.thread_id = parent->thread_id;
      row.hop = parent->hop + 1;
      row.path = parent->path;
      parent_severity = parent->severity;
    }
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
          recent.bind(draft.from_persona).bind(now - kHourMs).bind(draft.from_principal))));
  if (sent >= limits::kHandoffsPerHour) {
    return fail(ErrorKind::denied,
                std::to_string(sent) + " handoffs were sent within the hour; wait before the next",
                {}, "rate");
  }
  return {};
}

std::string digest_of(const NewHandoff& draft, std::int64_t root) {
  Sha256 hash;
  hash.field(std::to_string(root));
  hash.field(std::to_string(draft.deadline_ms));
  for (const std::string* field :
       {&draft.from_persona, &draft.to, &draft.instruction, &draft.thread_id, &draft.parent_id,
        &draft.priority, &draft.severity, &draft.title, &draft.evidence_json, &draft.fields_json,
        &draft.task_id}) {
    hash.field(*field);
  }
  hash.field(to_string(draft.type));
  return hash.finish_hex();
}

// A repetition (idempotency key) or an open escalation about the same, as a duplicate.
Result<std::optional<Handoff>> find_same(Transaction& transaction, const NewHandoff& draft,
                                         std::int64_t root, std::int64_t now,
                                         const std::string& digest, const std::string& dedupe) {
  const auto duplicate = [](const Statement& from) -> Result<std::optional<Handoff>> {
    TRY(Handoff row, handoff_of(from));
    row.duplicate = true;
    return std::optional<Handoff>(std::move(row));
  };
  if (!draft.idempotency_key.empty()) {
    TRY_DO(transaction
               .sql("update handoff set idempotency_key = '' where from_principal = ? and "
                    "idempotency_key = ? and created_ms <= ?")
               .bind(draft.from_principal)
               .bind(draft.idempotency_key)
               .bind(now - kKeyMs)
               .run());
    Statement same =
        transaction.sql(select_handoffs("where from_principal = ? and idempotency_key = ?"));
    TRY(const bool found, same.bind(draft.from_principal).bind(draft.idempotency_key).step());
    if (found && same.view(kDigestColumn) == digest) return duplicate(same);
    if (found) {
      return fail(ErrorKind::conflict,
                  "this idempotency key was used for another handoff; take a new key", {},
                  "conflict");
    }
  }
  if (dedupe.empty()) return std::optional<Handoff>();
  Statement open = transaction.sql(
      select_handoffs("where root = ? and instruction = ? and dedupe = ? and open = 1"));
  TRY(const bool found, open.bind(root).bind(draft.instruction).bind(dedupe).step());
  if (found) return duplicate(open);
  return std::optional<Handoff>();
}

}  // namespace

Result<Handoff> HandoffRows::send(const NewHandoff& draft) {
  TRY_DO(check_draft(draft));
  const std::int64_t now = state_.clock().unix_ms();
  const std::string digest = digest_of(draft, root_);
  const std::string title =
      draft.type == HandoffType::escalate ? normalised(draft.title) : std::string();
  const std::string dedupe = title.empty() ? title : draft.to + "\n" + title;
  TRY(Transaction transaction, state_.database().write());
  TRY(std::optional<Handoff> same, find_same(transaction, draft, root_, now, digest, dedupe));
  if (same) return std::move(*same);

  Handoff row;
  row.id = ulid(now);
  row.root = root_;
  row.type = draft.type;
  row.from_persona = draft.from_persona;
  row.from_principal = draft.from_principal;
  row.to = draft.to;
  row.to_kind = draft.to_kind;
  row.instruction = draft.instruction;
  row.created_ms = now;
  row.priority = draft.priority;
  row.severity = draft.severity;
  row.deadline_ms = draft.deadline_ms;
  // Only a delegation may go without: an escalation would never climb, a consultation never expire.
  if (draft.needs_ack || draft.type != HandoffType::delegate)
    row.ack_deadline_ms = now + ack_time(draft.ack_ms, draft.priority);
  row.authorized_by = draft.authorized_by;
  row.evidence_json = draft.evidence_json;
  row.fields_json = draft.fields_json;
  row.ladder = draft.ladder;
  row.task_id = draft.task_id;
  row.task_paths = draft.task_paths;
  row.state = first_state(draft.type);
  row.etag = new_handoff_etag();
  std::string parent_severity;
  TRY_DO(place_in_thread(transaction, draft, row, parent_severity));
  TRY_DO(check_loops(transaction, draft, row, parent_severity, now));
  TRY_DO(insert_handoff(transaction, row, draft, digest, dedupe));
  HandoffStep by;
  by.persona = draft.from_persona;
  by.principal = draft.from_principal;
  TRY_DO(note_step(transaction, state_.clock(), row, "", by));
  TRY_DO(enqueue_request(transaction, state_.clock(), row));
  TRY_DO(transaction.commit(Sync::durable));
  return row;
}

}  // namespace remit::memory
