#include "server/console/handoff_pages.h"

#include <array>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "policy/operator_acts.h"
#include "server/limits.h"

namespace remit::console {
namespace {

using memory::Handoff;
using memory::HandoffAct;
using memory::HandoffRole;
using policy::HandoffStanding;

constexpr const char* kHandoffs = "/console/handoffs";

std::string handoff_address(const std::string& id) {
  return std::string(kHandoffs) + "/" + id;
}

std::int64_t now_of(Visit& visit) {
  return visit.desk.state.clock().unix_ms();
}

// What it is about, in one line.
std::string subject_of(const Handoff& one) {
  const auto fields = parse_json(one.fields_json);
  for (const char* name : {"title", "issue", "question"}) {
    if (!fields || !fields->is_object() || !fields->contains(name)) continue;
    const Json& value = (*fields)[name];
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) continue;
    const std::string text = to_utf8(value.get<std::string>());
    const std::string_view shown = prefix_chars(text, limits::kConsoleSubject);
    return std::string(shown) + (shown.size() < text.size() ? " ..." : "");
  }
  return std::string(to_string(one.type)) + " " + one.id;
}

Html standing_mark(HandoffStanding standing) {
  const std::string word = to_string(standing);
  return el("span", {{"class", "standing " + word}}, {word});
}

std::string target_of(const Handoff& one) {
  return one.to_kind == memory::TargetKind::agent
             ? one.to
             : one.to + " (" + memory::to_string(one.to_kind) + ")";
}

Html due_text(const Handoff& one, std::int64_t now) {
  const std::int64_t due = policy::due_of(one);
  if (due == 0) return "none";
  if (is_terminal(one.type, one.state)) return moment(due);
  const std::string left = time_left(due, now);
  return el("span", {}, {moment(due), " (" + (left.empty() ? "over" : left) + ")"});
}

Html board_row(const Handoff& one, std::int64_t now) {
  return table_row({anchor(handoff_address(one.id), subject_of(one)), memory::to_string(one.type),
                    one.state, one.from_persona, target_of(one), one.priority, due_text(one, now),
                    el("code", {}, {one.thread_id})});
}

Html board_table(const char* label, const std::vector<Html>& rows) {
  return table(label, {"about", "kind", "state", "from", "to", "priority", "deadline", "thread"},
               rows);
}

Html views(HandoffView view) {
  struct View {
    HandoffView view;
    const char *path, *text;
  };
  constexpr std::array kViews =
      std::to_array<View>({{HandoffView::open, kHandoffs, "Open"},
                           {HandoffView::done, "/console/handoffs/done", "Done"},
                           {HandoffView::dead, "/console/handoffs/dead", "Dead"}});
  std::vector<Html> items;
  for (const View& one : kViews) {
    std::vector<Attribute> attributes{{"href", one.path}};
    if (one.view == view) attributes.push_back({"aria-current", "page"});
    items.push_back(el("li", {}, {el("a", attributes, {one.text})}));
  }
  return el("nav", {{"class", "views"}, {"aria-label", "Handoffs by state"}},
            {el("ul", {}, items)});
}

// Which standings a view shows, each with what is said where there is none.
struct Group {
  HandoffStanding standing;
  const char *title, *none;
};
std::vector<Group> groups_of(HandoffView view) {
  switch (view) {
    case HandoffView::open:
      return {{HandoffStanding::overdue, "Overdue", "Nothing is overdue."},
              {HandoffStanding::open, "Open: nobody has acknowledged",
               "Nothing waits for an acknowledgement."},
              {HandoffStanding::acknowledged, "Acknowledged: somebody works on it",
               "Nobody works on one."}};
    case HandoffView::done:
      return {{HandoffStanding::done, "Done", "None has ended."}};
    case HandoffView::dead:
      return {{HandoffStanding::dead, "Nobody took it", "There is none."}};
  }
  return {};
}

// Files that were given up; of one handoff, or ("") of all.
Result<Html> undelivered(Visit& visit, policy::OperatorAccess& hands, const std::string& id) {
  TRY(const auto files, memory::HandoffDelivery(visit.desk.state, *hands.store(), Fd()).dead());
  std::vector<Html> rows;
  for (const memory::OutboxRow& file : files) {
    if (!id.empty() && file.handoff != id) continue;
    if (rows.size() == limits::kConsoleHandoffs) break;
    rows.push_back(table_row({anchor(handoff_address(file.handoff), file.handoff), file.path,
                              std::to_string(file.attempts), moment(file.created_ms), file.error}));
  }
  if (rows.empty()) return Html();
  Html out = el("h2", {}, {"Files that could not be delivered"});
  out += table("Files that could not be delivered", {"handoff", "file", "attempts", "since", "why"},
               rows);
  return out;
}

// --- one handoff ---

Html words_section(const char* title, const std::string& text) {
  Html out = el("h2", {}, {title});
  out += text_box(text);
  return out;
}

Html facts_of(const Handoff& one, std::int64_t now) {
  std::vector<Html> facts{
      fact("stands",
           el("span", {}, {standing_mark(policy::standing_of(one, now)), " (" + one.state + ")"})),
      fact("kind", memory::to_string(one.type)),
      fact("from", one.from_persona + " (" + one.from_principal + ")"),
      fact("to",
           target_of(one) + (one.level > 0 ? ", level " + std::to_string(one.level + 1) : "")),
      fact("priority", one.priority + (one.severity.empty() ? "" : ", severity " + one.severity)),
      fact("sent", moment(one.created_ms)),
      fact("deadline", due_text(one, now))};
  facts.push_back(fact("allowed by", el("code", {}, {one.authorized_by})));
  facts.push_back(fact("instruction", el("code", {}, {one.instruction})));
  facts.push_back(fact("thread", el("span", {},
                                    {el("code", {}, {one.thread_id}),
                                     ", hop " + std::to_string(one.hop) + ", by way of " +
                                         join_text(one.path, ", ")})));
  if (!one.parent_id.empty())
    facts.push_back(fact("follows", anchor(handoff_address(one.parent_id), one.parent_id)));
  facts.push_back(fact("lies in", el("code", {}, {memory::place_of(one)})));
  facts.push_back(fact("id", el("code", {}, {one.id})));
  facts.push_back(fact("etag", el("code", {}, {one.etag})));
  return el("dl", {}, facts);
}

Html evidence_of(const Handoff& one) {
  Html out = el("h2", {}, {"Evidence"});
  const auto cited = parse_json(one.evidence_json.empty() ? "[]" : one.evidence_json);
  if (!cited || !cited->is_array()) {
    out += alert("What is cited cannot be read.");
    return out;
  }
  if (cited->empty()) {
    out += el("p", {{"class", "note"}}, {"Nothing is cited."});
    return out;
  }
  std::vector<Html> rows;
  for (const Json& piece : *cited) {
    const auto field = [&](const char* name) {
      if (!piece.is_object() || !piece.contains(name)) return Html();
      const Json& value = piece[name];
      return el("code", {}, {value.is_string() ? value.get<std::string>() : dump(value)});
    };
    rows.push_back(table_row({field("call_id"), field("sha256"), field("uri")}));
  }
  out += table("Evidence", {"call", "sha256", "result"}, rows);
  return out;
}

Html history_of(const std::vector<memory::HandoffEvent>& events) {
  std::vector<Html> rows;
  for (const memory::HandoffEvent& event : events)
    rows.push_back(table_row({moment(event.at_ms), event.from_state, event.to_state,
                              event.persona + " (" + event.principal + ")", event.note}));
  Html out = el("h2", {}, {"History"});
  out += table("History", {"time", "from", "to", "by", "said"}, rows);
  return out;
}

// What the form for an answer offers: the acts of the target, and the sender's answer to a
// question.
std::vector<std::string> answers_to(const Handoff& one) {
  std::vector<std::string> out = possible_acts(one.type, one.state, HandoffRole::target);
  for (const std::string& act : possible_acts(one.type, one.state, HandoffRole::sender))
    if (act == to_string(HandoffAct::input)) out.push_back(act);
  return out;
}

bool may_withdraw(const Handoff& one) {
  const std::string_view to = state_after(one.type, HandoffAct::withdraw);
  return !to.empty() && may_step(one.type, one.state, to, HandoffRole::sender);
}

std::string purpose_of(const char* verb, const Handoff& one) {
  return std::string(verb) + " " + one.id + " " + one.etag;
}

Html answer_form(Visit& visit, const Handoff& one, const std::vector<std::string>& acts) {
  std::vector<Html> choices;
  for (const std::string& act : acts) choices.push_back(el("option", {{"value", act}}, {act}));
  return el("form",
            {{"method", "post"},
             {"action", handoff_address(one.id) + "/answer"},
             {"aria-labelledby", "answer"}},
            {el("h2", {{"id", "answer"}}, {"Answer for " + target_of(one)}),
             visit.token_for(purpose_of("answer", one)),
             el("p", {{"class", "field"}},
                {el("label", {{"for", "act"}}, {"Answer"}),
                 el("select", {{"id", "act"}, {"name", "act"}}, choices)}),
             el("p", {{"class", "field"}},
                {el("label", {{"for", "text"}}, {"What is said (not needed for ack and accept)"}),
                 el("textarea", {{"id", "text"},
                                 {"name", "text"},
                                 {"rows", "4"},
                                 {"maxlength", std::to_string(limits::kHandoffTextChars)}})}),
             visit.proof("pin-answer"),
             el("button", {{"type", "submit"}, {"class", "yes"}}, {"Answer"})});
}

Html small_form(Visit& visit, const Handoff& one, const char* verb, const char* title,
                const char* note) {
  const std::string name(verb);
  return el("form",
            {{"method", "post"},
             {"action", handoff_address(one.id) + "/" + name},
             {"aria-labelledby", name}},
            {el("h2", {{"id", name}}, {title}), visit.token_for(purpose_of(verb, one)),
             el("p", {{"class", "note"}}, {note}), visit.proof("pin-" + name),
             el("button", {{"type", "submit"}}, {title})});
}

Result<Page> handoff_page(Visit& visit, const std::string& id, const std::string& problem) {
  TRY(const auto hands, visit.desk.memory.hands());
  TRY(const policy::HandoffRecord record, hands->access().open_handoff(visit.call(), id));
  const Handoff& one = record.handoff;
  TRY(const std::string request, memory::request_yaml(one));
  TRY(const Html files, undelivered(visit, *hands, id));
  Page page(subject_of(one), Place::handoffs);
  if (!problem.empty()) page.main += alert(problem);
  page.main += facts_of(one, now_of(visit));
  page.main += words_section("What was handed over", request);
  if (const std::string said = memory::answer_text(one); !said.empty())
    page.main += words_section(
        one.assumed ? "Assumed, as the sender said beforehand" : "What was last said to it", said);
  page.main += evidence_of(one);
  page.main += history_of(record.events);
  page.main += files;
  std::vector<Html> forms;
  if (const auto acts = answers_to(one); !acts.empty())
    forms.push_back(answer_form(visit, one, acts));
  if (may_withdraw(one))
    forms.push_back(small_form(visit, one, "withdraw", "Take it back",
                               "As its sender would: it ends, and the target is told."));
  forms.push_back(small_form(visit, one, "retry", "Deliver its files again",
                             "Those that wait or were given up, at once."));
  page.main += el("div", {{"class", "answers"}}, forms);
  return page;
}

Page page_or_error(Result<Page> page) {
  return page ? std::move(*page) : failed_page(page.error(), Place::handoffs);
}

// The page again, with what went wrong.
Page shown_again(Visit& visit, const std::string& id, const Error& error) {
  Page page = page_or_error(handoff_page(visit, id, error.message));
  if (page.status == 200) page.status = status_of(error);
  return page;
}

// A browser sends line breaks as CR LF.
std::string with_plain_breaks(std::string text) {
  std::erase(text, '\r');
  return text;
}

// An act on the record that was shown; what is done with it once a person has proven themselves.
template <class Act>
Page act(Visit& visit, const std::string& id, const char* verb, Act&& act_on) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::handoffs);
  const auto record = (*hands)->access().open_handoff(visit.call(), id);
  if (!record) return failed_page(record.error(), Place::handoffs);
  const auto proven = visit.admit(purpose_of(verb, record->handoff));
  if (!proven) return shown_again(visit, id, proven.error());
  const Result<std::string> said = act_on(**hands, record->handoff, *proven);
  if (!said) return shown_again(visit, id, said.error());
  return go_on(visit, handoff_address(id), *said);
}

Result<std::string> lead_on(Visit& visit, policy::OperatorAccess& hands, const Handoff& one,
                            HandoffAct act, std::string text, const policy::Presence& presence) {
  const policy::HandoffReply reply{one.id, act, std::move(text), one.etag};
  TRY(const Handoff done,
      policy::act_on_handoff(visit.desk.ledger, hands.access(), visit.call(), reply, presence));
  return "It is " + done.state + " now.";
}

}  // namespace

Page list_handoffs(Visit& visit, HandoffView view) {
  const auto hands = visit.desk.memory.hands();
  if (!hands) return failed_page(hands.error(), Place::handoffs);
  const auto found = policy::many_handoffs(
      (*hands)->access(), visit.call(),
      {.closed = view != HandoffView::open, .before = visit.query.get("before")},
      limits::kConsoleHandoffs);
  if (!found) return failed_page(found.error(), Place::handoffs);
  const std::int64_t now = now_of(visit);
  Page page("Handoffs", Place::handoffs);
  page.main += views(view);
  for (const Group& group : groups_of(view)) {
    std::vector<Html> rows;
    for (const Handoff& one : found->handoffs)
      if (policy::standing_of(one, now) == group.standing) rows.push_back(board_row(one, now));
    page.main +=
        el("h2", {}, {std::string(group.title) + " (" + std::to_string(rows.size()) + ")"});
    page.main +=
        rows.empty() ? el("p", {{"class", "note"}}, {group.none}) : board_table(group.title, rows);
  }
  if (found->more) {
    const char* path = view == HandoffView::open   ? kHandoffs
                       : view == HandoffView::done ? "/console/handoffs/done"
                                                   : "/console/handoffs/dead";
    page.main +=
        el("p", {},
           {"Counted among " + std::to_string(found->handoffs.size()) + ". ",
            anchor(std::string(path) + "?before=" + found->handoffs.back().id, "Older handoffs")});
  }
  if (view == HandoffView::dead) {
    auto files = undelivered(visit, **hands, "");
    if (!files) return failed_page(files.error(), Place::handoffs);
    page.main += *files;
  }
  return page;
}

Page show_handoff(Visit& visit, const std::string& id) {
  return page_or_error(handoff_page(visit, id, ""));
}

Page answer_handoff(Visit& visit, const std::string& id) {
  return act(visit, id, "answer",
             [&](policy::OperatorAccess& hands, const Handoff& one,
                 const policy::Presence& presence) -> Result<std::string> {
               TRY(const HandoffAct said, memory::parse_handoff_act(visit.form.get("act")));
               std::string text = with_plain_breaks(visit.form.get("text"));
               if (count_chars(text) > limits::kHandoffTextChars)
                 return fail(ErrorKind::too_large, "An answer has at most " +
                                                       std::to_string(limits::kHandoffTextChars) +
                                                       " characters here.");
               return lead_on(visit, hands, one, said, std::move(text), presence);
             });
}

Page withdraw_handoff(Visit& visit, const std::string& id) {
  return act(
      visit, id, "withdraw",
      [&](policy::OperatorAccess& hands, const Handoff& one, const policy::Presence& presence) {
        return lead_on(visit, hands, one, HandoffAct::withdraw, "", presence);
      });
}

Page retry_handoff(Visit& visit, const std::string& id) {
  return act(
      visit, id, "retry",
      [&](policy::OperatorAccess& hands, const Handoff& one,
          const policy::Presence& presence) -> Result<std::string> {
        TRY(const std::int64_t written,
            policy::retry_delivery(visit.desk.state, visit.desk.ledger, hands, visit.call(), one.id,
                                   visit.desk.memory.places().file_drop_root, presence));
        return written == 0 ? std::string("Nothing waits for delivery.")
                            : "Files delivered: " + std::to_string(written) + ".";
      });
}

}  // namespace remit::console
