#include "server/console/approval_pages.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/server_rows.h"

namespace remit::console {
namespace {

constexpr std::size_t kListed = 200;  // bytes of a command in the list
constexpr const char* kList = "/console/approvals";

Html risk_mark(const std::string& risk) {
  return el("span", {{"class", risk == "low" ? "risk low" : "risk high"}}, {risk + " risk"});
}

Html line(const WaitingLine& one, std::int64_t now) {
  return el(
      "li", {{"class", "card"}},
      {el("h2", {},
          {el("a", {{"href", std::string(kList) + "/" + one.id}}, {one.title}), " ",
           risk_mark(one.risk)}),
       el("pre", {}, {one.command}),
       el("p", {{"class", "note"}}, {one.agent + " · expires " + time_left(one.expires_ms, now)})});
}

Result<Html> rules_section(Visit& visit) {
  TRY(const std::vector<memory::ApprovalRow> rules,
      memory::ApprovalRows(visit.desk.state).list_rules());
  if (rules.empty()) return Html();
  std::vector<Html> items;
  for (const memory::ApprovalRow& rule : rules) {
    items.push_back(
        el("li", {{"class", "card"}},
           {el("pre", {}, {escape_ascii(rule.command)}),
            el("p", {{"class", "note"}},
               {escape_ascii(rule.principal), " · until ", moment(rule.expires_ms)}),
            el("form", {{"method", "post"}, {"action", "/console/rules/" + rule.id + "/revoke"}},
               {visit.token_for("revoke " + rule.id), visit.proof("pin-" + rule.id),
                el("button", {{"type", "submit"}}, {"Revoke"})})}));
  }
  Html out = el("h2", {}, {"Rules that stand"});
  out +=
      el("p", {{"class", "note"}}, {"Each lets one command of one agent run without a question."});
  out += el("ul", {{"class", "cards"}}, items);
  return out;
}

Html scope_choice(const memory::ApprovalRow& row) {
  std::vector<Html> choices{
      el("option", {{"value", "once"}}, {"once: this one execution"}),
      el("option", {{"value", "session"}}, {"session: the same bytes until the server ends"})};
  if (row.risk == "low")
    choices.push_back(el("option", {{"value", "rule"}}, {"rule: the same bytes for 8 hours"}));
  return el("p", {{"class", "field"}},
            {el("label", {{"for", "scope"}}, {"How far the yes reaches"}),
             el("select", {{"id", "scope"}, {"name", "scope"}}, choices)});
}

Html answer_forms(Visit& visit, const memory::ApprovalRow& row) {
  const std::string here = std::string(kList) + "/" + row.id;
  return el(
      "div", {{"class", "answers"}, {"id", "answers"}},
      {el("form", {{"method", "post"}, {"action", here + "/approve"}, {"aria-labelledby", "yes"}},
          {el("h2", {{"id", "yes"}}, {"Approve"}), visit.token_for(purpose_of("approve", row)),
           scope_choice(row), visit.proof("pin"),
           el("button", {{"type", "submit"}, {"class", "yes"}}, {"Approve"})}),
       el("form", {{"method", "post"}, {"action", here + "/deny"}, {"aria-labelledby", "no"}},
          {el("h2", {{"id", "no"}}, {"Deny"}), visit.token_for(purpose_of("deny", row)),
           el("p", {{"class", "field"}},
              {el("label", {{"for", "reason"}}, {"Reason, which the agent is told (optional)"}),
               el("input", {{"id", "reason"},
                            {"name", "reason"},
                            {"type", "text"},
                            {"autocomplete", "off"},
                            {"maxlength", std::to_string(limits::kConsoleReason)}})}),
           el("button", {{"type", "submit"}, {"class", "no"}}, {"Deny"})})});
}

Page question_page(Visit& visit, const memory::ApprovalRow& row, const std::string& problem) {
  const policy::ShownQuestion shown = policy::show_question(row);
  const std::int64_t now = visit.desk.state.clock().unix_ms();
  Page page(printable(row.title), Place::approvals);
  page.subject = row.id;
  if (!problem.empty()) page.main += alert(problem);
  page.main += el("h2", {}, {"The command"});
  page.main += el("pre", {{"class", "command"}, {"tabindex", "0"}}, {shown.command});
  page.main += el("dl", {},
                  {fact("bytes", std::to_string(shown.bytes) + ", sha256 " + shown.sha256),
                   fact("asked by", shown.asked_by), fact("tool", shown.tool),
                   fact("risk", risk_mark(shown.risk)),
                   fact("expires", el("span", {},
                                      {moment(row.expires_ms), " ",
                                       el("span", {{"data-until", std::to_string(row.expires_ms)}},
                                          {time_left(row.expires_ms, now)})}))});
  page.main += el("h2", {}, {"As its server describes it"});
  page.main += text_box(shown.as_described);
  if (row.state == memory::ApprovalState::pending) {
    page.main += answer_forms(visit, row);
  } else {
    page.main += el("p", {{"class", "note"}},
                    {std::string("This question is ") + memory::to_string(row.state) + "."});
  }
  return page;
}

Result<memory::ApprovalRow> find_question(Desk& desk, const std::string& id) {
  TRY_DO(memory::ApprovalRows(desk.state).expire_due());
  return memory::ApprovalRows(desk.state).get(id);
}

}  // namespace

std::string purpose_of(const char* verb, const memory::ApprovalRow& row) {
  return std::string(verb) + " " + row.id + " " + memory::shown_digest(row);
}

Result<std::vector<WaitingLine>> waiting(Desk& desk) {
  memory::ApprovalRows rows(desk.state);
  TRY(const std::vector<memory::ApprovalRow> pending, rows.list_pending());
  std::vector<WaitingLine> out;
  for (const memory::ApprovalRow& row : pending) {
    std::string command = escape_ascii(row.command.substr(0, kListed));
    if (row.command.size() > kListed)
      command += " ... (" + std::to_string(row.command.size()) + " bytes)";
    out.push_back({row.id, printable(row.title), escape_ascii(row.risk), std::move(command),
                   escape_ascii(row.principal), row.expires_ms});
  }
  return out;
}

Page list_approvals(Visit& visit) {
  Page page("Approvals", Place::approvals);
  // Nobody must answer for a call that is gone.
  if (const auto reaped = memory::ServerRows(visit.desk.state).reap(); !reaped)
    return failed_page(reaped.error(), Place::approvals);
  if (const auto due = memory::ApprovalRows(visit.desk.state).expire_due(); !due)
    return failed_page(due.error(), Place::approvals);
  const auto lines = waiting(visit.desk);
  if (!lines) return failed_page(lines.error(), Place::approvals);
  std::vector<Html> items;
  for (const WaitingLine& one : *lines)
    items.push_back(line(one, visit.desk.state.clock().unix_ms()));
  page.main += el("p", {{"id", "nothing"}, {"class", items.empty() ? "calm" : "calm gone"}},
                  {"Nothing waits for approval."});
  page.main +=
      el("ul", {{"class", "cards"}, {"id", "questions"}, {"aria-label", "Questions"}}, items);
  auto rules = rules_section(visit);
  if (!rules) return failed_page(rules.error(), Place::approvals);
  page.main += *rules;
  return page;
}

Page show_approval(Visit& visit, const std::string& id) {
  const auto row = find_question(visit.desk, id);
  if (!row) return failed_page(row.error(), Place::approvals);
  return question_page(visit, *row, "");
}

Page answer_approval(Visit& visit, const std::string& id, bool approve) {
  const auto row = find_question(visit.desk, id);
  if (!row) return failed_page(row.error(), Place::approvals);
  const std::string purpose = purpose_of(approve ? "approve" : "deny", *row);
  const auto shown_again = [&](const Error& error) {
    Page page = question_page(visit, *row, error.message);
    page.status = status_of(error);
    return page;
  };
  if (const auto taken = visit.take(purpose); !taken) return shown_again(taken.error());
  policy::Presence presence{"console", "session"};
  policy::GivenAnswer answer;
  answer.approve = approve;
  if (approve) {
    const auto scope = memory::parse_approval_scope(visit.form.get("scope"));
    if (!scope) return failed_page(scope.error(), Place::approvals);
    answer.scope = *scope;
    auto proven = visit.prove();
    if (!proven) {
      proven.error().message += "; nothing was approved";
      return shown_again(proven.error());
    }
    presence = *proven;
  } else {
    const std::string& reason = visit.form.get("reason");
    answer.reason = reason.substr(0, utf8_boundary(reason, limits::kConsoleReason));
  }
  const auto done = policy::answer_question(visit.desk.state, *row, answer, presence);
  if (!done) return failed_page(done.error(), Place::approvals);
  const char* what = approve ? "Approved" : "Denied";
  return go_on(visit, kList, std::string(what) + ": " + printable(row->title));
}

Page revoke_rule(Visit& visit, const std::string& id) {
  if (const auto proven = visit.admit("revoke " + id); !proven)
    return failed_page(proven.error(), Place::approvals);
  const auto done =
      memory::ApprovalRows(visit.desk.state).revoke(id, "revoked by a person at the console");
  if (!done) return failed_page(done.error(), Place::approvals);
  return go_on(visit, kList, "Revoked a rule.");
}

}  // namespace remit::console
