#include "server/console/page.h"

#include <array>

#include "base/crypto.h"
#include "memory/pin_rows.h"
#include "server/console/proof.h"
#include "server/limits.h"

namespace remit::console {
namespace {

struct Link {
  Place place;
  const char *path, *text;
};
constexpr std::array kLinks = std::to_array<Link>({
    {Place::approvals, "/console/approvals", "Approvals"},
    {Place::changes, "/console/changes", "Changes"},
    {Place::memory, "/console/memory", "Memory"},
    {Place::handoffs, "/console/handoffs", "Handoffs"},
    {Place::activity, "/console/activity", "Activity"},
    {Place::ledger, "/console/ledger", "Ledger"},
    {Place::passkeys, "/console/passkeys", "Passkeys"},
});

Html navigation(const Page& page, Visit& visit) {
  std::vector<Html> items;
  for (const Link& link : kLinks) {
    std::vector<Attribute> attributes{{"href", link.path}};
    if (link.place == page.place) attributes.push_back({"aria-current", "page"});
    std::vector<Html> text{link.text};
    if (link.place == Place::approvals)
      text.push_back(el("span", {{"class", "count"}, {"id", "waiting"}}));
    items.push_back(el("li", {}, {el("a", attributes, text)}));
  }
  return el("header", {},
            {el("span", {{"class", "mark"}}, {"Remit"}),
             el("nav", {{"aria-label", "Console"}}, {el("ul", {}, items)}),
             el("form", {{"method", "post"}, {"action", "/console/logout"}},
                {visit.token_for("logout"),
                 el("button", {{"class", "plain"}, {"type", "submit"}}, {"Log out"})})});
}

}  // namespace

policy::CallScope Visit::call() const {
  return {ulid(desk.state.clock().unix_ms()), ""};
}

Html Visit::token_for(std::string_view purpose) const {
  return el(
      "input",
      {{"type", "hidden"}, {"name", "token"}, {"value", desk.sessions.token(session, purpose)}});
}

Result<void> Visit::take(std::string_view purpose) const {
  if (desk.sessions.take(session, form.get("token"), purpose)) return {};
  return fail(ErrorKind::denied,
              "This form was used before, or what it is about has changed: read it again.");
}

Result<policy::Presence> Visit::admit(std::string_view purpose) const {
  TRY_DO(take(purpose));
  auto proven = prove();
  if (!proven) proven.error().message += "; nothing was done";
  return proven;
}

Html Visit::proof(const std::string& id) const {
  return proof_fields(desk.state, party, id);
}

Result<policy::Presence> Visit::prove() const {
  if (!by_passkey(form)) return prove_pin();
  TRY_DO(need_recent());
  return check_passkey(desk.state, party, form);
}

Result<void> Visit::need_recent() const {
  if (desk.sessions.is_recent(form.get("token"))) return {};
  return fail(ErrorKind::denied,
              "This page is older than a passkey's answer may be: read it again, then use the "
              "passkey",
              {}, "passkey");
}

Result<policy::Presence> Visit::prove_pin() const {
  TRY_DO(memory::PinRows(desk.state).check(form.get("pin")));
  return policy::Presence{"console", "pin"};
}

Page go_to(const std::string& location) {
  Page page("", Place::none);
  page.status = 303;
  page.location = location;
  return page;
}

Page go_on(Visit& visit, const std::string& location, const std::string& said) {
  visit.session.tell(said);
  return go_to(location);
}

int status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid_argument:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::denied:
    case ErrorKind::needs_approval:
      return 403;
    case ErrorKind::conflict:
    case ErrorKind::timeout:
    case ErrorKind::cancelled:
      return 409;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::internal:
      return 500;
  }
  return 500;
}

Page failed_page(const Error& error, Place place) {
  Page page("That cannot be done", place);
  page.status = status_of(error);
  page.main = alert(error.message);
  return page;
}

std::string render(const Page& page, Visit* visit) {
  const Html head =
      el("head", {},
         {el("meta", {{"charset", "utf-8"}}),
          el("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}),
          el("meta", {{"name", "color-scheme"}, {"content", "light dark"}}),
          el("title", {}, {page.title + " · Remit"}),
          el("link", {{"rel", "icon"}, {"href", "/console/icon.svg"}}),
          el("link", {{"rel", "stylesheet"}, {"href", "/console/console.css"}}),
          el("script", {{"src", "/console/console.js"}, {"defer", ""}}),
          el("script", {{"src", "/console/passkeys.js"}, {"defer", ""}})});
  std::vector<Attribute> attributes;
  if (visit != nullptr) attributes.push_back({"data-live", page.subject});
  std::vector<Html> main{el("h1", {}, {page.title})};
  if (visit != nullptr) {
    if (const std::string told = visit->session.told(); !told.empty())
      main.push_back(el("p", {{"class", "done"}, {"role", "status"}}, {told}));
  }
  main.push_back(page.main);
  std::vector<Html> body{el("a", {{"class", "skip"}, {"href", "#main"}}, {"Skip to the content"})};
  if (visit != nullptr) body.push_back(navigation(page, *visit));
  body.push_back(el("main", {{"id", "main"}, {"tabindex", "-1"}}, main));
  body.push_back(
      el("p", {{"class", "unseen"}, {"id", "news"}, {"role", "status"}, {"aria-live", "polite"}}));
  return el("html", {{"lang", "en"}}, {head, el("body", attributes, body)}).document();
}

std::string page_after_login(std::string_view path) {
  constexpr std::string_view kPlain =
      "/-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool plain = path.starts_with("/console/") && path != "/console/login" &&
                     path.size() <= limits::kConsoleNext &&
                     path.find_first_not_of(kPlain) == std::string_view::npos &&
                     path.find("//") == std::string_view::npos;
  return plain ? std::string(path) : "/console/approvals";
}

}  // namespace remit::console
