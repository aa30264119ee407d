// An approval as a row: its columns, its signature, its ledger record. Private to
// memory/approval_row*.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/approval_rows.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"

namespace remit::memory {

inline constexpr std::string_view kApprovalColumns =
    "id, grant_key, principal, persona_sha256, instruction, server_id, tool, command, title, text, "
    "risk, code4, created_ms, expires_ms, state, scope, decided_ms, channel, attestation, reason, "
    "signature, credential";

// "select <all columns> from approval <rest>", for approval_of() and approvals_of().
std::string select_approvals(std::string_view rest);
ApprovalRow approval_of(const Statement& from);
Result<std::vector<ApprovalRow>> approvals_of(Statement& statement);

// Ed25519 (RFC 8032), in hex, over everything that a yes binds; approval_rows.h says what it is
// worth.
std::string signature_of(const ApprovalRow& row, std::string_view key);

// The ledger's record of a transition.
LedgerRecord record_of(const ApprovalRow& row, const char* from, const char* to);

}  // namespace remit::memory
