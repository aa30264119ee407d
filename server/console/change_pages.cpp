#include "server/console/change_pages.h"

#include "base/crypto.h"
#include "base/text.h"

namespace remit::console {
namespace {

constexpr const char* kChangeList = "/console/changes";

std::string count_of(std::size_t changes) {
  return std::to_string(changes) + (changes == 1 ? " change" : " changes");
}

std::string purpose_of(bool apply, const policy::ChangeSet& set) {
  return std::string(apply ? "apply " : "discard ") + set.id + " " + digest_of(set);
}

Html form_of(Visit& visit, const policy::ChangeSet& set, bool apply) {
  const std::string verb = apply ? "apply" : "discard";
  return el("form",
            {{"method", "post"},
             {"action", std::string(kChangeList) + "/" + set.id + "/" + verb},
             {"aria-labelledby", verb}},
            {el("h2", {{"id", verb}}, {apply ? "Apply" : "Discard"}),
             visit.token_for(purpose_of(apply, set)),
             el("p", {{"class", "note"}},
                {apply ? "The real files change as shown." : "The changes are thrown away."}),
             visit.proof("pin-" + verb),
             el("button", {{"type", "submit"}, {"class", apply ? "yes" : "no"}},
                {apply ? "Apply" : "Discard"})});
}

Page set_page(Visit& visit, const policy::ChangeSet& set, const std::string& problem) {
  Page page(count_of(set.changes.size()) + " by " + escape_ascii(set.agent), Place::changes);
  if (!problem.empty()) page.main += alert(problem);
  page.main += el("p", {{"class", "note"}},
                  {"In ", el("code", {}, {escape_ascii(set.workspace)}), ", made ",
                   moment(set.created_unix_ms), ", kept until ", moment(set.expires_unix_ms), "."});
  if (!set.reason.empty()) page.main += el("p", {}, {"Held because: " + printable(set.reason)});
  for (const policy::Change& change : set.changes) {
    page.main += el("h2", {},
                    {std::string(policy::to_string(change.kind)) + " ",
                     el("code", {}, {escape_ascii(change.path)})});
    page.main += diff_box(policy::show_change(change));
  }
  page.main +=
      el("div", {{"class", "answers"}}, {form_of(visit, set, true), form_of(visit, set, false)});
  return page;
}

Page outcome_page(const policy::ApplyReport& report) {
  const bool all = report.change_set.empty();
  Page page(all ? "Applied" : "Not all was applied", Place::changes);
  page.status = all ? 200 : 409;
  std::vector<Html> items;
  for (const policy::ChangeResult& change : report.changes) {
    items.push_back(el("li", {},
                       {std::string(policy::to_string(change.outcome)) + " " +
                            policy::to_string(change.kind) + " ",
                        el("code", {}, {escape_ascii(change.path)}),
                        change.why.empty() ? "" : " (" + change.why + ")"}));
  }
  page.main += el("ul", {{"role", "status"}}, items);
  page.main += el("p", {}, {el("a", {{"href", kChangeList}}, {"Back to the changes"})});
  return page;
}

}  // namespace

std::string digest_of(const policy::ChangeSet& set) {
  Sha256 all;
  for (const std::string* field :
       {&set.id, &set.agent, &set.instruction, &set.workspace, &set.memory_root})
    all.field(*field);
  for (const policy::Change& change : set.changes) {
    all.field(policy::to_string(change.kind));
    all.field(change.path);
    all.field(std::to_string(change.mode));
    all.field(change.content);
    all.field(change.preimage_sha256);
    all.field(policy::show_change(change));  // with what is there now
  }
  return all.finish_hex();
}

Page list_changes(Visit& visit) {
  Page page("Changes", Place::changes);
  const auto sets = visit.desk.sets.list();
  if (!sets) return failed_page(sets.error(), Place::changes);
  std::vector<Html> items;
  for (const policy::ChangeSet& set : *sets) {
    std::vector<Html> changes;
    for (const policy::Change& change : set.changes)
      changes.push_back(el("li", {},
                           {std::string(policy::to_string(change.kind)) + " ",
                            el("code", {}, {escape_ascii(change.path)})}));
    items.push_back(el("li", {{"class", "card"}},
                       {el("h2", {},
                           {el("a", {{"href", std::string(kChangeList) + "/" + set.id}},
                               {count_of(set.changes.size()) + " by " + escape_ascii(set.agent)})}),
                        el("ul", {}, changes),
                        el("p", {{"class", "note"}},
                           {"made ", moment(set.created_unix_ms), ", kept until ",
                            moment(set.expires_unix_ms)})}));
  }
  if (items.empty()) page.main += el("p", {{"class", "calm"}}, {"Nothing is held."});
  page.main += el("ul", {{"class", "cards"}, {"aria-label", "Change sets"}}, items);
  return page;
}

Page show_change_set(Visit& visit, const std::string& id) {
  const auto set = visit.desk.sets.load(id);
  if (!set) return failed_page(set.error(), Place::changes);
  return set_page(visit, *set, "");
}

Page settle_change_set(Visit& visit, const std::string& id, bool apply) {
  const auto set = visit.desk.sets.load(id);
  if (!set) return failed_page(set.error(), Place::changes);
  const auto proven = visit.admit(purpose_of(apply, *set));
  if (!proven) {
    Page page = set_page(visit, *set, proven.error().message);
    page.status = status_of(proven.error());
    return page;
  }
  if (!apply) {
    const auto done =
        policy::discard_held(visit.desk.state, visit.desk.ledger, visit.desk.sets, *set, *proven);
    if (!done) return failed_page(done.error(), Place::changes);
    return go_on(visit, kChangeList, "Discarded " + count_of(set->changes.size()) + ".");
  }
  const auto report =
      policy::apply_held(visit.desk.state, visit.desk.ledger, visit.desk.sets, *set, *proven);
  if (!report) return failed_page(report.error(), Place::changes);
  if (report->change_set.empty())
    return go_on(visit, kChangeList, "Applied " + count_of(report->changes.size()) + ".");
  return outcome_page(*report);
}

}  // namespace remit::console
