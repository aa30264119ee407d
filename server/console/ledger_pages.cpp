#include "server/console/ledger_pages.h"

#include <algorithm>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::console {
namespace {

Html head_of(const std::vector<const char*>& names) {
  std::vector<Html> cells;
  for (const char* name : names) cells.push_back(el("th", {{"scope", "col"}}, {name}));
  return el("thead", {}, {el("tr", {}, cells)});
}

Html verdict_mark(const std::string& verdict) {
  if (verdict.empty()) return {};
  const bool known = verdict == "allow" || verdict == "ask" || verdict == "deny";
  return el("span", {{"class", known ? "verdict " + verdict : "verdict"}}, {verdict});
}

Html activity_row(const ActivityLine& line) {
  return el("tr", {},
            {el("td", {}, {el("time", {{"datetime", line.time}}, {line.time})}),
             el("td", {}, {line.what}), el("td", {}, {verdict_mark(line.verdict)}),
             el("td", {}, {line.who}), el("td", {}, {el("code", {}, {line.details})})});
}

// A wide table scrolls by itself, also with the keyboard.
Html scrolled(const char* label, Html table) {
  return el("div",
            {{"class", "wide"}, {"role", "region"}, {"aria-label", label}, {"tabindex", "0"}},
            {std::move(table)});
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
  Page page;
  page.title = "Activity";
  page.place = Place::activity;
  page.subject = "activity";
  const auto rows = visit.desk.ledger.rows(-static_cast<std::int64_t>(limits::kConsoleRows),
                                           limits::kConsoleRows);
  if (!rows) return failed_page(rows.error(), Place::activity);
  std::vector<Html> lines;
  for (auto row = rows->rbegin(); row != rows->rend(); ++row)
    lines.push_back(activity_row(line_of(*row)));
  page.main += el("p", {{"class", "note"}},
                  {"The newest first, from the ledger of every server of this user. "});
  page.main +=
      el("p", {},
         {el("button",
             {{"type", "button"}, {"id", "pause"}, {"hidden", ""}, {"aria-pressed", "false"}},
             {"Pause"})});
  page.main += scrolled(
      "Activity",
      el("table", {},
         {head_of({"time", "what", "verdict", "who", "details"}),
          el("tbody",
             {{"id", "rows"}, {"data-after", std::to_string(rows->empty() ? 0 : rows->back().seq)}},
             lines)}));
  return page;
}

Page show_ledger(Visit& visit) {
  Page page;
  page.title = "Ledger";
  page.place = Place::ledger;
  page.subject = "ledger";
  constexpr auto kRows = static_cast<std::int64_t>(limits::kConsoleRows);
  const auto before = number_in_query(visit.target, "before");
  const std::int64_t after = before ? std::max<std::int64_t>(*before - kRows - 1, 0) : -kRows;
  const auto rows = visit.desk.ledger.rows(after, limits::kConsoleRows);
  if (!rows) return failed_page(rows.error(), Place::ledger);
  std::vector<Html> lines;
  std::int64_t oldest = 0;
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    if (before && row->seq >= *before) continue;
    const ActivityLine line = line_of(*row);
    lines.push_back(el("tr", {},
                       {el("td", {}, {std::to_string(row->seq)}),
                        el("td", {}, {el("time", {{"datetime", line.time}}, {line.time})}),
                        el("td", {}, {line.what}), el("td", {}, {verdict_mark(line.verdict)}),
                        el("td", {}, {line.who}), el("td", {}, {el("code", {}, {line.details})}),
                        el("td", {}, {el("code", {}, {row->hash})})}));
    oldest = row->seq;
  }
  page.main += verify_form(visit);
  page.main += scrolled(
      "Records", el("table", {},
                    {head_of({"record", "time", "what", "verdict", "who", "details", "hash"}),
                     el("tbody", {}, lines)}));
  if (oldest > 1)
    page.main += el("p", {},
                    {el("a", {{"href", "/console/ledger?before=" + std::to_string(oldest)}},
                        {"Older records"})});
  return page;
}

Page verify_ledger(Visit& visit) {
  if (!visit.desk.sessions.take(visit.session, visit.form.get("token"), "verify"))
    return failed_page({ErrorKind::denied, "this form was used before", {}, {}, nullptr},
                       Place::ledger);
  const auto check = visit.desk.ledger.verify(std::nullopt);
  if (!check) return failed_page(check.error(), Place::ledger);
  Page page;
  page.place = Place::ledger;
  page.title = check->ok ? "The ledger holds" : "The ledger does not hold";
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
  page.main += el("p", {}, {el("a", {{"href", "/console/ledger"}}, {"Back to the ledger"})});
  return page;
}

}  // namespace remit::console
