#include "server/console/console_site.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/doc_path.h"
#include "memory/pin_rows.h"
#include "server/console/approval_pages.h"
#include "server/console/assets.h"
#include "server/console/change_pages.h"
#include "server/console/handoff_pages.h"
#include "server/console/ledger_pages.h"
#include "server/console/live.h"
#include "server/console/memory_pages.h"
#include "server/console/passkey_pages.h"
#include "server/console/proof.h"
#include "server/limits.h"

namespace remit::console {
namespace {

using transport::Head;
using transport::HttpReply;
using transport::HttpTurn;
using transport::Refusal;

constexpr const char* kHome = "/console/approvals";
constexpr const char* kLogin = "/console/login";
constexpr std::size_t kApprovalId = 32, kChangeSetId = 16, kHandoffId = 26;

// What a browser may do with a page: nothing but show it, with our own style and script.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

void add_security(HttpReply& reply) {
  const std::pair<const char*, const char*> fields[] = {
      {"Content-Security-Policy", kPolicy},
      {"X-Frame-Options", "DENY"},
      {"X-Content-Type-Options", "nosniff"},
      // Not no-referrer: browsers then send "Origin: null" with our own forms.
      {"Referrer-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
  for (const auto& [name, value] : fields) reply.fields.emplace_back(name, value);
  if (!reply.streaming) reply.fields.emplace_back("Cache-Control", "no-store");
}

HttpReply reply_of(const Page& page, Visit* visit) {
  HttpReply reply;
  reply.status = page.status;
  reply.type = "text/html; charset=utf-8";
  if (page.status == 303) {
    reply.fields.emplace_back("Location", page.location);
  } else {
    reply.body = render(page, visit);
  }
  add_security(reply);
  return reply;
}

HttpReply leave_for(const std::string& where) {
  return reply_of(go_to(where), nullptr);
}

HttpReply turned_away(const Refusal& refusal) {
  HttpReply reply;
  reply.status = refusal.status;
  reply.fields = refusal.fields;
  reply.type = "text/plain; charset=utf-8";
  reply.body = refusal.message + "\n";
  add_security(reply);
  return reply;
}

bool is_id(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A ULID.
bool is_handoff(std::string_view text) {
  return text.size() == kHandoffId &&
         text.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == std::string_view::npos;
}

// The document path that stands as one component of an address.
Result<std::string> path_in(std::string_view component) {
  const auto text = decoded(component);
  if (!text) return fail(ErrorKind::invalid_argument, "The address is malformed.");
  TRY(const memory::DocPath path, memory::DocPath::parse(*text));
  return path.text();
}

// "/console/approvals/ID/deny" -> {"approvals", "ID", "deny"}; empty: no path of ours.
std::vector<std::string> parts_of(std::string_view path) {
  constexpr std::string_view kRoot = "/console/";
  if (!path.starts_with(kRoot)) return {};
  std::vector<std::string> out;
  for (const std::string_view part : split(path.substr(kRoot.size()), '/')) out.emplace_back(part);
  return out;
}

Page nothing_here() {
  return failed_page({ErrorKind::not_found, "there is no such page", {}, {}, nullptr}, Place::none);
}

Page handoffs_at(Visit& visit, const std::string& what) {
  if (what == "done") return list_handoffs(visit, HandoffView::done);
  if (what == "dead") return list_handoffs(visit, HandoffView::dead);
  return is_handoff(what) ? show_handoff(visit, what) : nothing_here();
}

Page memory_at(Visit& visit, const std::string& what, const std::string& component) {
  const auto path = path_in(component);
  if (!path) return failed_page(path.error(), Place::memory);
  if (what == "folder") return show_memory(visit, *path);
  if (what == "document") return show_document(visit, *path);
  if (what == "diff") return show_difference(visit, *path);
  if (what == "revert") return show_revert(visit, *path);
  return nothing_here();
}

Page page_at(Visit& visit, const std::vector<std::string>& at) {
  if (at.size() == 1) {
    if (at[0] == "approvals") return list_approvals(visit);
    if (at[0] == "changes") return list_changes(visit);
    if (at[0] == "memory") return show_memory(visit, "");
    if (at[0] == "handoffs") return list_handoffs(visit, HandoffView::open);
    if (at[0] == "activity") return show_activity(visit);
    if (at[0] == "ledger") return show_ledger(visit);
    if (at[0] == "passkeys") return list_passkeys(visit);
  }
  if (at.size() == 2 && at[0] == "approvals" && is_id(at[1], kApprovalId))
    return show_approval(visit, at[1]);
  if (at.size() == 2 && at[0] == "changes" && is_id(at[1], kChangeSetId))
    return show_change_set(visit, at[1]);
  if (at.size() == 2 && at[0] == "handoffs") return handoffs_at(visit, at[1]);
  if (at.size() == 3 && at[0] == "memory") return memory_at(visit, at[1], at[2]);
  return nothing_here();
}

Page act_at(Visit& visit, const std::vector<std::string>& at) {
  if (at.size() == 2 && at[0] == "ledger" && at[1] == "verify") return verify_ledger(visit);
  if (at.size() == 2 && at[0] == "passkeys" && at[1] == "add") return add_passkey(visit);
  if (at.size() != 3) return nothing_here();
  const auto& [what, id, verb] = std::tie(at[0], at[1], at[2]);
  if (what == "approvals" && is_id(id, kApprovalId) && (verb == "approve" || verb == "deny"))
    return answer_approval(visit, id, verb == "approve");
  if (what == "rules" && is_id(id, kApprovalId) && verb == "revoke") return revoke_rule(visit, id);
  if (what == "changes" && is_id(id, kChangeSetId) && (verb == "apply" || verb == "discard"))
    return settle_change_set(visit, id, verb == "apply");
  if (what == "handoffs" && is_handoff(id)) {
    if (verb == "answer") return answer_handoff(visit, id);
    if (verb == "withdraw") return withdraw_handoff(visit, id);
    if (verb == "retry") return retry_handoff(visit, id);
  }
  if (what == "passkeys" && verb == "remove") return remove_passkey(visit, id);
  if (what == "memory" && id == "revert") {
    const auto path = path_in(verb);
    return path ? revert_document(visit, *path) : failed_page(path.error(), Place::memory);
  }
  return nothing_here();
}

bool is_form(const Head& head) {
  const std::string* type = head.field("content-type");
  return head.count("content-type") == 1 && head.count("content-encoding") == 0 &&
         lower_ascii(transport::trimmed(std::string_view(*type).substr(0, type->find(';')))) ==
             "application/x-www-form-urlencoded";
}

}  // namespace

ConsoleSite::ConsoleSite(memory::State& state, memory::Ledger& ledger,
                         const policy::ChangeSets& sets, ConsoleOptions options,
                         transport::HttpMetrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      desk_{state,
            ledger,
            sets,
            AgentMemory(state, ledger, options_.memory),
            Sessions(state.clock()),
            options_.passkeys,
            options_.no_passkeys,
            options_.site} {}

std::size_t ConsoleSite::body_limit() const {
  return limits::kConsoleActBytes;
}

// Against DNS rebinding and against pages of other sites and other ports.
std::optional<Refusal> ConsoleSite::judge(const Head& head) const {
  if (const auto refusal = transport::judge_names(head, options_.names)) return refusal;
  const std::string host = lower_ascii(*head.field("host"));
  if (!options_.behind_proxy && !host.ends_with(":" + std::to_string(options_.port)))
    return Refusal{403, "this Host is not served here"};
  if (const std::string* origin = head.field("origin")) {
    const std::string scheme = options_.behind_proxy ? "https://" : "http://";
    if (lower_ascii(*origin) != scheme + host)
      return Refusal{403, "this Origin may not use the console"};
  } else if (head.method == "POST") {
    return Refusal{403, "a form without Origin is not taken"};
  }
  if (const std::string* site = head.field("sec-fetch-site");
      site != nullptr && *site != "same-origin" && *site != "none") {
    const std::string *mode = head.field("sec-fetch-mode"), *to = head.field("sec-fetch-dest");
    const bool followed_a_link = head.method == "GET" && mode != nullptr && *mode == "navigate" &&
                                 to != nullptr && *to == "document";
    if (!followed_a_link) return Refusal{403, "another site may not use the console"};
  }
  return std::nullopt;
}

// The name holds the port, because a browser gives the cookies of a host to all its ports.
std::string ConsoleSite::cookie_name(const char* what) const {
  return options_.behind_proxy ? std::string("__Host-remit_") + what
                               : std::string("remit_") + what + "_" + std::to_string(options_.port);
}

std::string ConsoleSite::set_cookie(const std::string& name, const std::string& value) const {
  std::string out = name + "=" + value + "; HttpOnly; SameSite=Strict; Path=";
  out += options_.behind_proxy ? "/; Secure" : "/console";
  if (value.empty()) out += "; Max-Age=0";
  return out;
}

std::shared_ptr<Session> ConsoleSite::session_of(const Head& head) {
  const auto value = cookie(head, cookie_name("console"));
  return value ? desk_.sessions.find(*value) : nullptr;
}

std::optional<HttpReply> ConsoleSite::before_body(const HttpTurn& turn) {
  const Head& head = turn.head;
  if (const auto refusal = judge(head)) return turned_away(*refusal);
  if (head.method == "GET") return get(turn);
  if (head.method != "POST")
    return turned_away({405, "only GET and POST", -32600, {{"Allow", "GET, POST"}}});
  if (!is_form(head)) return turned_away({415, "only forms are taken"});
  if (head.framing != transport::Framing::length)
    return turned_away({411, "Content-Length is needed"});
  const bool login = head.path() == kLogin;
  if (head.length > (login ? limits::kConsoleFormBytes : body_limit()))
    return turned_away({413, "the form is too large"});
  if (!login && !session_of(head)) return leave_for(kLogin);
  return std::nullopt;
}

HttpReply ConsoleSite::get(const HttpTurn& turn) {
  const Head& head = turn.head;
  const std::string_view path = head.path();
  for (const Asset& asset : assets()) {
    if (asset.path != path) continue;
    HttpReply reply;
    reply.type = std::string(asset.type);
    reply.body = std::string(asset.bytes);
    add_security(reply);
    return reply;
  }
  auto session = session_of(head);
  if (path == "/console/live") {
    // An event stream is not sent elsewhere.
    if (!session) return turned_away({401, "the session is over"});
    return live(turn, std::move(session));
  }
  const auto query = query_of(head.target);
  if (path == kLogin) {
    const std::string next = query ? page_after_login(query->get("next")) : kHome;
    return session ? leave_for(next) : login_form(head, 200, "", next);
  }
  if (path == "/" || path == "/console" || path == "/console/") return leave_for(kHome);
  if (!session) {
    const std::string next = page_after_login(path);
    return leave_for(next == kHome ? kLogin : kLogin + ("?next=" + next));
  }
  Visit visit{desk_, *session, query.value_or(Form()), {}, party_of(head)};
  return reply_of(query ? page_at(visit, parts_of(path)) : failed_page(query.error(), Place::none),
                  &visit);
}

HttpReply ConsoleSite::live(const HttpTurn& turn, std::shared_ptr<Session> session) {
  auto slot = std::make_shared<transport::HttpMetrics::Level>(metrics_.streams);
  if (metrics_.streams > static_cast<int>(limits::kConsoleStreams))
    return turned_away({503, "too many pages are open"});
  const Form query = query_of(turn.head.target).value_or(Form());
  auto after = whole_number(query.get("after"));
  if (const std::string* last = turn.head.field("last-event-id")) after = whole_number(*last);
  HttpReply reply;
  reply.type = "text/event-stream";
  reply.streaming = live_updates(desk_, std::move(session), turn, after, std::move(slot));
  add_security(reply);
  return reply;
}

RelyingParty ConsoleSite::party_of(const Head& head) const {
  const RelyingParty& party = desk_.passkeys;
  const std::string* host = head.field("host");
  const bool here = host != nullptr && party.origin.ends_with("//" + lower_ascii(*host));
  return here ? party : RelyingParty{};
}

HttpReply ConsoleSite::login_form(const Head& head, int status, const std::string& problem,
                                  const std::string& next) const {
  Page page("Remit console", Place::none);
  page.status = status;
  if (!problem.empty()) page.main += alert(problem);
  const auto set = memory::PinRows(desk_.state).is_set();
  std::string nonce;
  if (set && !*set) {
    page.main += el("p", {},
                    {"No PIN is set. Set one on a terminal with ", el("code", {}, {"remit pin"}),
                     ", then load this page again."});
  } else {
    nonce = desk_.sessions.login_nonce();
    page.main += el(
        "form", {{"method", "post"}, {"action", kLogin}, {"class", "login"}},
        {el("input",
            {{"type", "hidden"}, {"name", "token"}, {"value", desk_.sessions.login_token(nonce)}}),
         el("input", {{"type", "hidden"}, {"name", "next"}, {"value", next}}),
         proof_fields(desk_.state, party_of(head), "pin"),
         el("button", {{"type", "submit"}, {"class", "yes"}}, {"Log in"})});
    page.main += where_passkeys_work(desk_.state, desk_.passkeys, party_of(head));
  }
  HttpReply reply = reply_of(page, nullptr);
  if (!nonce.empty())
    reply.fields.emplace_back("Set-Cookie", set_cookie(cookie_name("login"), nonce));
  return reply;
}

HttpReply ConsoleSite::log_in(const Head& head, const Form& form) {
  const auto nonce = cookie(head, cookie_name("login"));
  const std::string next = page_after_login(form.get("next"));
  if (!nonce || !desk_.sessions.login_fits(*nonce, form.get("token")))
    return login_form(head, 403, "This form is too old, or cookies are off. Try again.", next);
  const auto shown_again = [&](const Error& error) {
    log::warning("a login to the console failed", {{"why", error.message}});
    return login_form(head, status_of(error), error.message, next);
  };
  if (by_passkey(form)) {
    if (const auto proven = check_passkey(desk_.state, party_of(head), form); !proven)
      return shown_again(proven.error());
    if (!desk_.sessions.take_login(*nonce))
      return login_form(head, 403, "This form was used before. Try again.", next);
  } else if (const auto right = memory::PinRows(desk_.state).check(form.get("pin")); !right) {
    return shown_again(right.error());
  }
  const Sessions::Opened opened = desk_.sessions.open();
  log::info("somebody logged in to the console", {{"with", by_passkey(form) ? "passkey" : "pin"}});
  HttpReply reply = leave_for(next);
  reply.fields.emplace_back("Set-Cookie", set_cookie(cookie_name("console"), opened.cookie));
  reply.fields.emplace_back("Set-Cookie", set_cookie(cookie_name("login"), ""));
  return reply;
}

HttpReply ConsoleSite::post(const HttpTurn& turn, std::string body,
                            mcp::HeldBytes::Share /*held*/) {
  const Head& head = turn.head;
  auto form = Form::parse(body);
  body = std::string();
  if (!form) return turned_away({status_of(form.error()), form.error().message});
  if (head.path() == kLogin) return log_in(head, *form);
  const auto session = session_of(head);
  if (!session) return leave_for(kLogin);
  const auto query = query_of(head.target);
  if (!query) return turned_away({status_of(query.error()), query.error().message});
  Visit visit{desk_, *session, *query, std::move(*form), party_of(head)};
  const std::vector<std::string> at = parts_of(head.path());
  if (at == std::vector<std::string>{"logout"}) {
    if (const auto taken = visit.take("logout"); !taken)
      return reply_of(failed_page(taken.error(), Place::none), &visit);
    desk_.sessions.end(*session);
    HttpReply reply = leave_for(kLogin);
    reply.fields.emplace_back("Set-Cookie", set_cookie(cookie_name("console"), ""));
    return reply;
  }
  const Page page = act_at(visit, at);
  HttpReply reply = reply_of(page, &visit);
  // What counted used up the cookie: a copy of it is worth nothing from now on.
  if (page.status < 400)
    reply.fields.emplace_back("Set-Cookie",
                              set_cookie(cookie_name("console"), desk_.sessions.renew(*session)));
  return reply;
}

}  // namespace remit::console
