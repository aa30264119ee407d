// A handoff as a row: read, saved, noted. Private to memory/handoff_*.cpp. All functions run inside
// the transaction they are given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "memory/handoff_rows.h"
#include "memory/sqlite.h"

namespace remit::memory {

// "select <all columns> from handoff <rest>", for handoff_of() and handoffs_of().
std::string select_handoffs(std::string_view rest);
inline constexpr int kDigestColumn = 29;  // of such a row: what was sent, for idempotency
Result<Handoff> handoff_of(const Statement& from);
Result<std::vector<Handoff>> handoffs_of(Statement& statement);

// Errors: not_found.
template <class Source>  // Transaction or Snapshot
Result<Handoff> get_handoff(Source& source, std::int64_t root, const std::string& id) {
  Statement one = source.sql(select_handoffs("where id = ? and root = ?"));
  TRY(const bool found, one.bind(id).bind(root).step());
  if (!found) return tl::unexpected<Error>(no_such_handoff(id));
  return handoff_of(one);
}

// For a record that differs from what anybody has looked at.
std::string new_handoff_etag();
// A new row; its columns are select_handoffs()'s.
Result<void> insert_handoff(Transaction& transaction, const Handoff& row, const NewHandoff& draft,
                            const std::string& digest, const std::string& dedupe);
// What a transition changed. Its etag is the caller's affair.
Result<void> save_handoff(Transaction& transaction, const Handoff& row);
// The transition's event and ledger record.
Result<void> note_step(Transaction& transaction, const Clock& clock, const Handoff& row,
                       std::string_view from_state, const HandoffStep& step);

// `given` milliseconds to acknowledge, or what the priority gives.
std::int64_t ack_time(std::int64_t given, std::string_view priority);

}  // namespace remit::memory
