#include "memory/ledger_json.h"

#include "base/clock.h"
#include "base/json.h"

namespace remit::memory {

std::string ledger_line(const LedgerRow& row) {
  OrderedJson out = {{"seq", row.seq},
                     {"time", rfc3339(row.at_unix_ms)},
                     {"monotonic_ms", row.monotonic_ms},
                     {"kind", row.record.kind}};
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("call_id", row.record.call_id);
  put("principal", row.record.principal);
  put("verdict", row.record.verdict);
  put("rule", row.record.rule);
  put("origin", row.record.origin);
  if (!row.record.fields.empty()) {
    const Result<Json> fields = parse_json(row.record.fields);
    if (fields && fields->is_object()) {
      out["fields"] = *fields;
    } else {
      out["fields"] = row.record.fields;
    }
  }
  put("prev", row.prev);
  put("hash", row.hash);
  return dump(out);
}

std::string ledger_check_line(const LedgerCheck& check) {
  OrderedJson out = {{"ok", check.ok}, {"rows", check.rows}};
  if (check.ok) {
    out["head"] = check.head;
  } else {
    out["first_bad"] = check.first_bad;
    out["problem"] = check.problem;
  }
  return dump(out);
}

}  // namespace remit::memory
