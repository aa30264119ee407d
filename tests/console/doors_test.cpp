// Who comes in: cookies, tokens, Host, Origin, the lockout, and what every answer says to a
// browser.
#include <chrono>

#include "base/limits.h"
#include "server/limits.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

const std::string kList = "/console/approvals";

TEST_CASE("without a session there is the login and nothing else") {
  House house;
  Browser browser(house);
  const auto asked = house.ask("secret command");
  for (const char* path :
       {"/", "/console", "/console/approvals", "/console/changes", "/console/activity",
        "/console/ledger", "/console/nothing", "/console/approvals/x", "/console/memory",
        "/console/memory/document/a.md", "/console/handoffs", "/console/handoffs/dead"}) {
    const Seen page = browser.get(path);
    CHECK_MESSAGE(page.status == 303, path);
    CHECK(!page.has("secret"));
  }
  CHECK(browser.get("/").location == kList);
  CHECK(browser.get(kList).location == "/console/login");
  CHECK(browser.get(kList + "/" + asked.id).location ==
        "/console/login?next=" + kList + "/" + asked.id);
  CHECK(browser.get("/console/live").status == 401);
  CHECK(browser.post(kList + "/" + asked.id + "/approve", {{"pin", kPin}, {"scope", "once"}})
            .location == "/console/login");
  // An agent's bearer token is no cookie.
  CHECK(browser.get(kList, "Authorization: Bearer abc\r\n").location == "/console/login");
  CHECK(house.row(asked.id).state == memory::ApprovalState::pending);
}

TEST_CASE("the login wants its own form, its cookie and the PIN") {
  House house;
  Browser browser(house), stranger(house);
  const std::string token = Browser::token(browser.get("/console/login"), "/console/login");
  CHECK(stranger.post("/console/login", {{"token", token}, {"pin", kPin}}).status == 403);
  CHECK(browser.post("/console/login", {{"token", "x"}, {"pin", kPin}}).status == 403);
  CHECK(browser.post("/console/login", {{"pin", kPin}}).status == 403);
  CHECK(browser.log_in("0000").status == 403);
  CHECK(browser.get(kList).status == 303);
  CHECK(browser.log_in().status == 303);
  CHECK(browser.get(kList).status == 200);
  CHECK(browser.get("/console/login").location == kList);
}

TEST_CASE("the login leads to the page that was asked for, if it is one of ours") {
  House house;
  const std::string asked = kList + "/" + house.ask("ls").id;
  CHECK(Browser(house).get(asked).location == "/console/login?next=" + asked);
  const auto led = [&](const std::string& next) {
    Browser browser(house);
    const Seen form = browser.get("/console/login?next=" + percent(next));
    CHECK(form.status == 200);
    const std::string token = Browser::token(form, "/console/login");
    // A wrong PIN does not forget it.
    const Seen again =
        browser.post("/console/login", {{"token", token}, {"pin", "0000"}, {"next", next}});
    CHECK(again.has("value=\"" + asked + "\"") == (next == asked));
    return browser
        .post("/console/login",
              {{"token", Browser::token(again, "/console/login")}, {"pin", kPin}, {"next", next}})
        .location;
  };
  CHECK(led(asked) == asked);
  for (const std::string next :
       {"", "/", "//evil.example", "https://evil.example", "/console//evil", "/console/../x",
        "/console/a?b", "/console/a%0d%0aX: 1", "/console/login", "/consolex", "\\\\evil",
        "/console/\"><b>"})
    CHECK_MESSAGE(led(next) == kList, next);
  CHECK(led("/console/" + std::string(300, 'a')) == kList);
}

TEST_CASE("a cookie that the client made up names nothing, and is not taken over") {
  House house;
  Browser browser(house);
  browser.cookies["remit_console_8812"] = "chosen";
  CHECK(browser.get(kList).status == 303);
  browser.log_in();
  CHECK(browser.cookies["remit_console_8812"] != "chosen");
}

TEST_CASE("wrong PINs lock, on the terminal as here") {
  House house;
  Browser browser(house);
  for (int i = 0; i < limits::kPinFailures; ++i) CHECK(browser.log_in("0000").status == 403);
  const Seen locked = browser.log_in();
  CHECK(locked.status == 503);
  CHECK(memory::PinRows(*house.state).check(kPin).error().code == "pin_locked");
  house.clock.advance_ms(std::chrono::milliseconds(limits::kPinLock).count());
  CHECK(browser.log_in().status == 303);
}

TEST_CASE("each change uses up its cookie, the session goes on with the next one") {
  House house;
  Browser browser(house), thief(house);
  browser.log_in();
  thief.cookies = browser.cookies;
  CHECK(thief.get(kList).status == 200);
  const auto asked = house.ask("rm x");
  const std::string here = kList + "/" + asked.id;
  CHECK(browser.submit(here, here + "/deny", {}).status == 303);
  CHECK(thief.get(kList).status == 303);
  CHECK(browser.get(kList).status == 200);
}

TEST_CASE("a session ends: idle, or by its owner") {
  House house;
  Browser browser(house);
  browser.log_in();
  CHECK(browser.submit(kList, "/console/logout", {}).location == "/console/login");
  CHECK(browser.cookies.empty());
  CHECK(browser.get(kList).status == 303);
  browser.log_in();
  house.clock.advance_ms(std::chrono::milliseconds(limits::kConsoleIdle).count());
  CHECK(browser.get(kList).location == "/console/login");
  browser.log_in();
  CHECK(browser.post("/console/logout", {{"token", "x"}}).status == 403);
  CHECK(browser.get(kList).status == 200);
}

TEST_CASE("only this very address is served") {
  House house;
  Browser browser(house);
  browser.log_in();
  for (const char* host : {"evil.example", "evil.example:8812", "127.0.0.1", "127.0.0.1:80",
                           "localhost", "127.0.0.1.evil.example:8812", "[::1]"})
    CHECK_MESSAGE(browser.get(kList, std::string("Host: ") + host + "\r\n").status == 403, host);
  for (const char* host : {"localhost:8812", "LOCALHOST:8812", "[::1]:8812"})
    CHECK_MESSAGE(browser.get(kList, std::string("Host: ") + host + "\r\n").status == 200, host);
}

TEST_CASE("a form of another page is not taken") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("rm x");
  const std::string here = kList + "/" + asked.id;
  for (const char* origin :
       {"http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8812",
        "http://localhost:8812", "http://127.0.0.1", "http://127.0.0.1:8812.evil.example"}) {
    const std::string token = Browser::token(browser.get(here), here + "/deny");
    CHECK_MESSAGE(
        browser.post(here + "/deny", {{"token", token}}, std::string("Origin: ") + origin + "\r\n")
                .status == 403,
        origin);
  }
  // Another port of this machine counts as the same site: a browser sends it our cookie.
  for (const char* site : {"same-site", "cross-site"})
    CHECK(
        browser.get(kList, std::string("Sec-Fetch-Site: ") + site + "\r\nSec-Fetch-Mode: cors\r\n")
            .status == 403);
  CHECK(
      browser
          .get(
              kList,
              "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n")
          .status == 403);
  CHECK(browser
            .get(kList,
                 "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: "
                 "document\r\n")
            .status == 200);
  CHECK(browser.get(kList, "Sec-Fetch-Site: same-origin\r\n").status == 200);
  CHECK(house.row(asked.id).state == memory::ApprovalState::pending);
}

TEST_CASE("only forms, only of their size, only GET and POST") {
  House house;
  Browser browser(house);
  browser.log_in();
  CHECK(browser.post(kList, {}, "Content-Type: application/json\r\n").status == 415);
  CHECK(browser.post(kList, {}, "Content-Type: text/plain\r\n").status == 415);
  // More after the login than before.
  const Fields large{{"x", std::string(limits::kConsoleFormBytes / 3, 'x')}};
  CHECK(browser.post(kList, large).status == 404);
  CHECK(browser.post("/console/login", large).status == 413);
  CHECK(browser.post(kList, {{"x", std::string(limits::kConsoleActBytes / 3, 'x')}}).status == 413);
  CHECK(browser.post(kList, {{"", "x"}}).status == 400);
  CHECK(browser.post(kList, {{"x", "1"}}).status == 404);
  CHECK(browser.get("/console/nothing").status == 404);
  CHECK(browser.get("/console/approvals/../ledger").status == 404);
  CHECK(browser.get("/console/changes/..%2f..").status == 404);
}

TEST_CASE("every answer forbids what a page could be misused for") {
  House house;
  Browser browser(house);
  const Seen login = browser.get("/console/login");
  browser.log_in();
  std::vector<Seen> all{login,
                        browser.get("/"),
                        browser.get(kList),
                        browser.get("/console/console.js"),
                        browser.get("/console/console.css"),
                        browser.get("/console/nothing"),
                        browser.get(kList, "Host: evil.example\r\n"),
                        browser.post(kList, {})};
  for (const Seen& one : all) {
    CHECK(one.field("Content-Security-Policy").starts_with("default-src 'none'; "));
    CHECK(one.field("Content-Security-Policy").find("unsafe") == std::string::npos);
    CHECK(one.field("Content-Security-Policy").find("frame-ancestors 'none'") != std::string::npos);
    CHECK(one.field("X-Frame-Options") == "DENY");
    CHECK(one.field("X-Content-Type-Options") == "nosniff");
    CHECK(one.field("Cache-Control") == "no-store");
    // Nothing inline for the policy to allow.
    CHECK(!one.has(" style="));
    CHECK(!one.has("<style"));
    CHECK(!one.has("<script>"));
  }
  CHECK(login.field("Set-Cookie").find("; HttpOnly; SameSite=Strict; Path=/console") !=
        std::string::npos);
}

TEST_CASE("behind a proxy: its name, https, and cookies for it alone") {
  House house({{{"remit.example.org"}, {"https://remit.example.org"}}, 8812, true});
  Browser browser(house);
  const std::string host = "Host: remit.example.org\r\n",
                    origin = "Origin: https://remit.example.org\r\n";
  const Seen form = browser.get("/console/login", host);
  CHECK(form.status == 200);
  const Fields fields{{"token", Browser::token(form, "/console/login")}, {"pin", kPin}};
  CHECK(browser.post("/console/login", fields, host + "Origin: http://remit.example.org\r\n")
            .status == 403);
  const Seen in = browser.post("/console/login", fields, host + origin);
  CHECK(in.status == 303);
  CHECK(in.field("Set-Cookie").starts_with("__Host-remit_console="));
  CHECK(in.field("Set-Cookie").ends_with("; HttpOnly; SameSite=Strict; Path=/; Secure"));
  CHECK(browser.get(kList, host).status == 200);
}

TEST_CASE("the ledger is shown, page by page, and its chain checked") {
  House house;
  Browser browser(house);
  browser.log_in();
  for (std::size_t i = 0; i < limits::kConsoleRows; ++i) {
    const auto asked = house.ask("echo " + std::to_string(i));
    REQUIRE(memory::ApprovalRows(*house.state).cancel(asked.id, "test"));
  }
  const Seen newest = browser.get("/console/ledger");
  CHECK(newest.has("approval.cancelled"));
  const std::string mark = "/console/ledger?before=";
  const auto at = newest.body.find(mark);
  REQUIRE(at != std::string::npos);
  const std::string older = newest.body.substr(at, newest.body.find('"', at) - at);
  const std::string first = older.substr(mark.size());
  CHECK(newest.has("<td>" + first + "</td>"));
  const Seen next = browser.get(older);
  CHECK(!next.has("<td>" + first + "</td>"));
  CHECK(next.has("<td>" + std::to_string(std::stol(first) - 1) + "</td>"));
  CHECK(browser.submit("/console/ledger", "/console/ledger/verify", {}).has("The ledger holds"));
  CHECK(browser.post("/console/ledger/verify", {{"token", "x"}}).status == 403);
  CHECK(browser.get("/console/activity").has("approval.cancelled"));
}

}  // namespace
}  // namespace remit::console
