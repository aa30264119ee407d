#include "server/console/passkey_pages.h"

#include "base/limits.h"
#include "memory/passkeys.h"
#include "server/console/proof.h"

namespace remit::console {
namespace {

constexpr const char* kPasskeyList = "/console/passkeys";
constexpr const char* kAdding = "passkey add";

std::string removing(const std::string& id) {
  return "passkey remove " + id;
}

Html card_of(Visit& visit, const memory::Passkey& key) {
  std::vector<Html> facts{
      fact("works at", el("code", {}, {key.rp_id})), fact("registered", moment(key.added_ms)),
      fact("last used", key.used_ms == 0 ? Html("never") : moment(key.used_ms)),
      fact("copies",
           key.backup_eligible ? "may be on several devices of its owner" : "stays on one device"),
      fact("id", el("code", {}, {key.id}))};
  return el("li", {{"class", "card"}},
            {el("h2", {{"id", "name-" + key.id}}, {key.name}), el("dl", {}, facts),
             el("form",
                {{"method", "post"},
                 {"action", std::string(kPasskeyList) + "/" + key.id + "/remove"},
                 {"aria-labelledby", "name-" + key.id}},
                {visit.token_for(removing(key.id)), visit.proof("pin-" + key.id),
                 el("button", {{"type", "submit"}, {"class", "no"}}, {"Remove"})})});
}

Html new_form(Visit& visit) {
  return el("div", {{"class", "answers"}},
            {el("form",
                {{"method", "post"},
                 {"action", std::string(kPasskeyList) + "/add"},
                 {"aria-labelledby", "add"}},
                {el("h2", {{"id", "add"}}, {"A new passkey"}), visit.token_for(kAdding),
                 el("p", {{"class", "field"}},
                    {el("label", {{"for", "name"}}, {"Its name, for you to tell it from others"}),
                     el("input", {{"id", "name"},
                                  {"name", "name"},
                                  {"type", "text"},
                                  {"autocomplete", "off"},
                                  {"required", ""},
                                  {"maxlength", std::to_string(limits::kPasskeyName)}})}),
                 pin_field("pin"), new_passkey_button(visit.desk.state, visit.party)})});
}

Page passkeys_page(Visit& visit, const std::string& problem) {
  const auto keys = memory::Passkeys(visit.desk.state).list();
  if (!keys) return failed_page(keys.error(), Place::passkeys);
  Page page("Passkeys", Place::passkeys);
  if (!problem.empty()) page.main += alert(problem);
  page.main += el("p", {{"class", "note"}},
                  {"A passkey says yes where the PIN does: it signs exactly what is on the page."});
  std::vector<Html> items;
  for (const memory::Passkey& key : *keys) items.push_back(card_of(visit, key));
  if (items.empty()) page.main += el("p", {{"class", "calm"}}, {"None is registered."});
  page.main += el("ul", {{"class", "cards"}, {"aria-label", "Registered passkeys"}}, items);
  if (!visit.party.id.empty()) {
    page.main += new_form(visit);
  } else if (!visit.desk.passkeys.id.empty()) {
    page.main += el("p", {},
                    {"Passkeys can be registered and used at ",
                     el("code", {}, {visit.desk.passkeys.origin + "/console/passkeys"}), "."});
  } else {
    page.main += el("p", {}, {visit.desk.no_passkeys});
  }
  return page;
}

Page passkeys_again(Visit& visit, const Error& error) {
  Page page = passkeys_page(visit, error.message);
  if (page.status == 200) page.status = status_of(error);
  return page;
}

}  // namespace

Page list_passkeys(Visit& visit) {
  return passkeys_page(visit, "");
}

Page add_passkey(Visit& visit) {
  if (const auto taken = visit.take(kAdding); !taken) return passkeys_again(visit, taken.error());
  if (const auto recent = visit.need_recent(); !recent)
    return passkeys_again(visit, recent.error());
  if (const auto proven = visit.prove_pin(); !proven) return passkeys_again(visit, proven.error());
  const std::string& name = visit.form.get("name");
  if (const auto added = register_passkey(visit.desk.state, visit.party, visit.form, name); !added)
    return passkeys_again(visit, added.error());
  return go_on(visit, kPasskeyList, "Registered passkey " + name + ".");
}

Page remove_passkey(Visit& visit, const std::string& id) {
  if (const auto proven = visit.admit(removing(id)); !proven)
    return passkeys_again(visit, proven.error());
  const auto gone = memory::Passkeys(visit.desk.state).remove(id, "console");
  if (!gone) return passkeys_again(visit, gone.error());
  return go_on(visit, kPasskeyList, "Removed passkey " + gone->name + ".");
}

}  // namespace remit::console
