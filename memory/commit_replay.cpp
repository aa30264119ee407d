#include "memory/commit_replay.h"

#include "base/crypto.h"
#include "base/json.h"

namespace remit::memory {

std::string_view op_of(const DocumentChange& change) {
  if (change.edit) return "edit";
  switch (change.op) {
    case DocumentChange::Op::create:
      return "create";
    case DocumentChange::Op::replace:
      return "replace";
    case DocumentChange::Op::append:
      return "append";
    case DocumentChange::Op::remove:
      return "remove";
  }
  return "replace";
}

std::string digest_of(std::span<const DocumentChange> changes) {
  Sha256 hash;
  for (const DocumentChange& change : changes) {
    hash.field(op_of(change));
    hash.field(change.path.text());
    hash.field(change.body);
    hash.field(change.if_match);
    hash.field(change.if_none_match ? "1" : "0");
    hash.field(change.edit_digest);
  }
  return hash.finish_hex();
}

std::string encode_committed(const std::vector<Committed>& all) {
  Json out = Json::array();
  for (const Committed& one : all) {
    out.push_back({one.etag, one.sha256, one.version, one.created, one.bytes, one.previous_etag});
  }
  return dump(out);
}

Result<std::vector<Committed>> decode_committed(const std::string& text) {
  const auto bad = [] { return fail(ErrorKind::internal, "an idempotency row is damaged"); };
  const Json rows = Json::parse(text, nullptr, false);
  if (!rows.is_array()) return bad();
  std::vector<Committed> out;
  for (const Json& row : rows) {
    if (!row.is_array() || row.size() != 6 || !row[0].is_string() || !row[1].is_string() ||
        !row[2].is_number() || !row[3].is_boolean() || !row[4].is_number() || !row[5].is_string()) {
      return bad();
    }
    out.push_back({row[0].get<std::string>(), row[1].get<std::string>(), row[2].get<std::int64_t>(),
                   row[3].get<bool>(), row[4].get<std::uint64_t>(), row[5].get<std::string>()});
  }
  return out;
}

}  // namespace remit::memory
