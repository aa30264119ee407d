#include "policy/answers.h"

#include <cstdio>

#include "base/crypto.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "base/unified_diff.h"
#include "memory/server_rows.h"
#include "policy/find.h"
#include "policy/operator_access.h"

namespace remit::policy {
namespace {

constexpr std::size_t kDiffBytes = 1u << 20;   // larger files are named, not shown
constexpr std::size_t kPersonsLines = 20'000;  // of a difference that a person judges

Result<void> record_held(memory::State& state, memory::Ledger& ledger, const ChangeSet& set,
                         const char* rule, const Presence& presence) {
  memory::LedgerRecord row;
  row.kind = "apply";
  row.call_id = ulid(state.clock().unix_ms());
  row.principal = "operator";
  row.verdict = "allow";
  row.rule = rule;
  Json fields = {{"change_set", set.id}, {"agent", set.agent}, {"changes", set.changes.size()}};
  add_presence(fields, presence);
  row.fields = dump(fields);
  return ledger.append(std::move(row), memory::Durability::effect);
}

}  // namespace

void add_presence(Json& fields, const Presence& presence) {
  fields["channel"] = presence.channel;
  fields["attestation"] = presence.attestation;
  if (!presence.credential.empty()) fields["credential"] = presence.credential;
}

Result<void> need_person(const Presence& presence) {
  if (memory::proves_presence(presence.attestation)) return {};
  return fail(ErrorKind::denied, "this needs a person's PIN or passkey", {}, "presence");
}

ShownQuestion show_question(const memory::ApprovalRow& row) {
  ShownQuestion out;
  out.command = escape_ascii(row.command);
  out.bytes = row.command.size();
  out.sha256 = sha256_hex(row.command);
  out.asked_by = escape_ascii(row.principal);
  out.tool = escape_ascii(row.tool);
  out.risk = escape_ascii(row.risk);
  out.expires = rfc3339(row.expires_ms);
  out.as_described = printable(row.text);
  return out;
}

Result<memory::ApprovalRow> answer_question(memory::State& state, const memory::ApprovalRow& shown,
                                            const GivenAnswer& answer, const Presence& presence) {
  if (answer.approve) TRY_DO(need_person(presence));
  if (answer.approve && answer.scope == memory::ApprovalScope::rule && shown.risk != "low") {
    return fail(ErrorKind::denied, "a command of high risk is never covered by a rule", {},
                "high_risk");
  }
  memory::Answer out;
  out.approve = answer.approve;
  out.scope = answer.scope;
  out.rule_life_ms = answer.rule_life_ms;
  out.reason = answer.reason;
  out.seen = memory::shown_digest(shown);
  out.channel = presence.channel;
  out.attestation = presence.attestation;
  out.credential = presence.credential;
  TRY(out.approval_key, state.key("approval"));
  TRY(const std::string proves, state.public_key("approval"));
  if (signing_public_key(out.approval_key) != proves)
    return fail(ErrorKind::unavailable,
                "keys/approval.pub of the state directory does not prove what keys/approval signs, "
                "so that no server would believe this answer; remove keys/approval.pub and start "
                "the servers again");
  TRY(memory::ApprovalRow row, memory::ApprovalRows(state).decide(shown.id, out));
  TRY_DO(memory::notify(state, row.server_id, "approval:" + row.id));
  return row;
}

std::string show_change(const Change& change) {
  std::string text = std::string(to_string(change.kind)) + " " + escape_ascii(change.path);
  if (change.kind == ChangeKind::mode) {
    char mode[16];
    std::snprintf(mode, sizeof mode, " to %04o", change.mode & 0777u);
    return text + mode + "\n";
  }
  if (change.kind == ChangeKind::symlink)
    return text + " -> " + escape_ascii(change.content) + "\n";
  text += "\n";
  const auto before = fs::read_file(change.path, kDiffBytes);
  const bool gone = change.kind == ChangeKind::remove;
  const std::string name = escape_ascii(fs::base_name(change.path));
  // What cannot be shown is named: nobody must take a part for the whole.
  const std::string after =
      "(afterwards: " + human_bytes(change.content.size()) + ", sha256 " + change.sha256 + ")\n";
  if (!before && before.error().kind != ErrorKind::not_found)
    return text + "(what is there now cannot be shown: " + printable(before.error().message) +
           ")\n" + (gone ? "" : after);
  if (change.content.size() > kDiffBytes) return text + after;
  const UnifiedDiff diff = unified_diff(
      before ? *before : "", gone ? "" : std::string_view(change.content), name, kPersonsLines);
  text += printable(diff.text);
  if (!text.ends_with('\n')) text += '\n';
  return diff.whole || gone ? text : text + after;
}

Result<ApplyReport> apply_held(memory::State& state, memory::Ledger& ledger, const ChangeSets& sets,
                               const ChangeSet& set, const Presence& presence) {
  TRY_DO(need_person(presence));
  TRY(const std::string manifests, find_manifests());
  TRY(const std::unique_ptr<OperatorAccess> hands,
      operator_access(state, ledger,
                      {.workspace = set.workspace,
                       .memory_root = set.memory_root,
                       .memory_database = set.memory_database,
                       .manifests = manifests,
                       .instruction = set.instruction}));
  TRY_DO(record_held(state, ledger, set, "changes.apply", presence));
  return apply_change_set(hands->access(), sets, {ulid(state.clock().unix_ms()), ""}, set);
}

Result<void> discard_held(memory::State& state, memory::Ledger& ledger, const ChangeSets& sets,
                          const ChangeSet& set, const Presence& presence) {
  TRY_DO(need_person(presence));
  TRY_DO(record_held(state, ledger, set, "changes.discard", presence));
  return sets.remove(set.id);
}

}  // namespace remit::policy
