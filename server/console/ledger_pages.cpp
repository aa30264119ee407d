#include "server/console/ledger_pages.h"

#include <algorithm>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::console {
namespace {

Html verdict_mark(const std::string& verdict) {
  if (verdict.empty()) return {};
  const bool known = verdict == "allow" || verdict == "ask" || verdict == "deny";
  return el("span", {{"class", known ? "verdict " + verdict : "verdict"}}, {verdict});
}

Html activity_row(const ActivityLine& line) {
  return table_row({el("time", {{"datetime", line.time}}, {line.time}), line.what,
                    verdict_mark(line.verdict), line.who, el("code", {}, {line.details})});
}

Html verify_form(Visit& visit) {
  return el("form", {{"method", "post"}, {"action", "/console/ledger/verify"}},
            {visit.token_for("verify"), el("button", {{"type", "submit"}}, {"Verify the chain"})});
}

}  // namespace

ActivityLine line_of(const memory::LedgerRow& row) {
  const memory::LedgerRecord& record = row.record;
  ActivityLine out;
  out.time = rfc3339(row.at_unix_ms);
  out.what = visible(record.kind) + (record.rule.empty() ? "" : " · " + visible(record.rule));
  out.verdict = visible(record.verdict);
  out.who = visible(record.principal);
  out.details =
      visible(record.origin) + (record.origin.empty() ? "" : " ") + visible(record.fields);
  return out;
}

Page show_activity(Visit& visit) {
  Page page("Activity", Place::activity);
  const auto rows = visit.desk.ledger.rows(-static_cast<std::int64_t>(limits::kConsoleRows),
                                           limits::kConsoleRows);
  if (!rows) return failed_page(rows.error(), Place::activity);
  std::vector<Html> lines;
  for (auto record = rows->rbegin(); record != rows->rend(); ++record)
    lines.push_back(activity_row(line_of(*record)));
  page.main += el("p", {{"class", "note"}},
                  {"The newest first, from the ledger of every server of this user. "});
  page.main +=
      el("p", {},
         {el("button",
             {{"type", "button"}, {"id", "pause"}, {"hidden", ""}, {"aria-pressed", "false"}},
             {"Pause"})});
  page.main +=
      table("Activity", {"time", "what", "verdict", "who", "details"}, lines,
            {{"id", "rows"}, {"data-after", std::to_string(rows->empty() ? 0 : rows->back().seq)}});
  return page;
}

Page show_ledger(Visit& visit) {
  Page page("Ledger", Place::ledger);
  constexpr auto kRows = static_cast<std::int64_t>(limits::kConsoleRows);
  const auto before = whole_number(visit.query.get("before"));
  const std::int64_t after = before ? std::max<std::int64_t>(*before - kRows - 1, 0) : -kRows;
  const auto rows = visit.desk.ledger.rows(after, limits::kConsoleRows);
  if (!rows) return failed_page(rows.error(), Place::ledger);
  std::vector<Html> lines;
  std::int64_t oldest = 0;
  for (auto record = rows->rbegin(); record != rows->rend(); ++record) {
    if (before && record->seq >= *before) continue;
    const ActivityLine line = line_of(*record);
    lines.push_back(
        table_row({std::to_string(record->seq), el("time", {{"datetime", line.time}}, {line.time}),
                   line.what, verdict_mark(line.verdict), line.who, el("code", {}, {line.details}),
                   el("code", {}, {record->hash})}));
    oldest = record->seq;
  }
  page.main += verify_form(visit);
  page.main +=
      table("Records", {"record", "time", "what", "verdict", "who", "details", "hash"}, lines);
  if (oldest > 1)
    page.main +=
        el("p", {}, {anchor("/console/ledger?before=" + std::to_string(oldest), "Older records")});
  return page;
}

Page verify_ledger(Visit& visit) {
  if (const auto taken = visit.take("verify"); !taken)
    return failed_page(taken.error(), Place::ledger);
  const auto check = visit.desk.ledger.verify(std::nullopt);
  if (!check) return failed_page(check.error(), Place::ledger);
  Page page(check->ok ? "The ledger holds" : "The ledger does not hold", Place::ledger);
  if (check->ok) {
    page.main += el("p", {{"class", "done"}, {"role", "status"}},
                    {with_commas(static_cast<std::uint64_t>(check->rows)) +
                     " records, each with the hash of the one before it."});
    page.main += el("p", {}, {"Head: ", el("code", {}, {check->head})});
    page.main += el("p", {{"class", "note"}},
                    {"A chain cannot show that its end was cut off: keep the head elsewhere, and "
                     "ask for it with remit ledger verify --head."});
  } else {
    page.main += alert("Record " + std::to_string(check->first_bad) + ": " + check->problem);
  }
  page.main += el("p", {}, {anchor("/console/ledger", "Back to the ledger")});
  return page;
}

}  // namespace remit::console
