#include "memory/approval_row.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

constexpr std::array kStates = {ApprovalState::pending,   ApprovalState::approved,
                                ApprovalState::denied,    ApprovalState::expired,
                                ApprovalState::cancelled, ApprovalState::consumed};
constexpr std::array kScopes = {ApprovalScope::once, ApprovalScope::session, ApprovalScope::rule};

}  // namespace

std::string select_approvals(std::string_view rest) {
  return "select " + std::string(kApprovalColumns) + " from approval " + std::string(rest);
}

ApprovalRow approval_of(const Statement& from) {
  ApprovalRow row;
  row.id = from.text(0);
  row.grant_key = from.text(1);
  row.principal = from.text(2);
  row.persona_sha256 = from.text(3);
  row.instruction = from.text(4);
  row.server_id = from.text(5);
  row.tool = from.text(6);
  row.command = from.text(7);
  row.title = from.text(8);
  row.text = from.text(9);
  row.risk = from.text(10);
  row.code4 = from.text(11);
  row.created_ms = from.integer(12);
  row.expires_ms = from.integer(13);
  for (const ApprovalState state : kStates) {
    if (from.view(14) == to_string(state)) row.state = state;
  }
  for (const ApprovalScope scope : kScopes) {
    if (from.view(15) == to_string(scope)) row.scope = scope;
  }
  row.decided_ms = from.integer(16);
  row.channel = from.text(17);
  row.attestation = from.text(18);
  row.reason = from.text(19);
  row.signature = from.text(20);
  row.credential = from.text(21);
  return row;
}

Result<std::vector<ApprovalRow>> approvals_of(Statement& statement) {
  std::vector<ApprovalRow> out;
  for (;;) {
    TRY(const bool more, statement.step());
    if (!more) return out;
    out.push_back(approval_of(statement));
  }
}

namespace {

// What a signature is over.
std::string signed_text(const ApprovalRow& row) {
  Sha256 hash;
  hash.field("remit approval 2");
  for (const std::string* field :
       {&row.id, &row.grant_key, &row.principal, &row.persona_sha256, &row.instruction,
        &row.server_id, &row.tool, &row.command, &row.risk, &row.channel, &row.attestation}) {
    hash.field(*field);
  }
  hash.field(to_string(row.scope));
  hash.field(std::to_string(row.decided_ms));
  hash.field(std::to_string(row.expires_ms));
  return hash.finish_hex();
}

}  // namespace

std::string signature_of(const ApprovalRow& row, std::string_view key) {
  return sign_hex(key, signed_text(row));
}

bool proves_presence(std::string_view attestation) {
  return attestation == "pin" || attestation == "passkey";
}

LedgerRecord record_of(const ApprovalRow& row, const char* from, const char* to) {
  Json fields = {{"approval", row.id},
                 {"from", from},
                 {"to", to},
                 {"grant_key", row.grant_key},
                 {"tool", row.tool},
                 {"risk", row.risk},
                 {"scope", to_string(row.scope)},
                 {"command_sha256", sha256_hex(row.command)},
                 {"persona_sha256", row.persona_sha256},
                 {"expires_ms", row.expires_ms}};
  if (!row.channel.empty()) fields["channel"] = row.channel;
  if (!row.attestation.empty()) fields["attestation"] = row.attestation;
  if (!row.credential.empty()) fields["credential"] = row.credential;
  if (row.decided_ms != 0) fields["latency_ms"] = row.decided_ms - row.created_ms;
  const std::string_view state(to);
  const char* verdict = state == "approved" || state == "consumed" ? "allow"
                        : state == "pending"                       ? "ask"
                                                                   : "deny";
  return {.kind = "approval",
          .call_id = "",
          .principal = row.principal,
          .verdict = verdict,
          .rule = "approval." + std::string(to),
          .origin = "",
          .fields = dump(fields)};
}

const char* to_string(ApprovalState state) {
  switch (state) {
    case ApprovalState::pending:
      return "pending";
    case ApprovalState::approved:
      return "approved";
    case ApprovalState::denied:
      return "denied";
    case ApprovalState::expired:
      return "expired";
    case ApprovalState::cancelled:
      return "cancelled";
    case ApprovalState::consumed:
      return "consumed";
  }
  return "pending";
}

const char* to_string(ApprovalScope scope) {
  switch (scope) {
    case ApprovalScope::once:
      return "once";
    case ApprovalScope::session:
      return "session";
    case ApprovalScope::rule:
      return "rule";
  }
  return "once";
}

Result<ApprovalScope> parse_approval_scope(std::string_view text) {
  for (const ApprovalScope scope : kScopes) {
    if (text == to_string(scope)) return scope;
  }
  return fail(ErrorKind::invalid_argument, "unknown scope " +
                                               escape_ascii(text.substr(0, limits::kEchoedInput)) +
                                               "; use once, session or rule");
}

bool signature_holds(const ApprovalRow& row, std::string_view public_key) {
  return signature_proves(public_key, signed_text(row), row.signature);
}

std::string shown_digest(const NewApproval& question) {
  Sha256 hash;
  hash.field("remit shown question 1");
  for (const std::string* field :
       {&question.grant_key, &question.principal, &question.persona_sha256, &question.instruction,
        &question.server_id, &question.tool, &question.command, &question.title, &question.text,
        &question.risk}) {
    hash.field(*field);
  }
  return hash.finish_hex();
}

}  // namespace remit::memory
