// packaging/nginx/remit-console.conf, run by Debian's nginx in front of the real console: a person
// logs in over the proxy, the origin is the proxy's, events come at once, and what is no console,
// too large, too much or somebody else's site stops on the way.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "memory/pin_rows.h"
#include "memory/state.h"
#include "tests/proxy/proxied.h"

namespace remit::wire_test {
namespace {

class ProxiedConsole {
 public:
  ProxiedConsole() : nginx_("remit-console.conf", 400) {
    const std::string state = nginx_.folder() + "/state";
    {
      const auto opened = memory::State::open({state, {}}, system_clock());
      REQUIRE(opened);
      REQUIRE(memory::PinRows(**opened).set("4917", std::nullopt));
    }
    const char* program = std::getenv("REMIT_HTTP_PROGRAM");
    console_ = std::make_unique<HttpProcess>(
        std::vector<std::string>{program != nullptr ? program : "remit-http", "console", "--listen",
                                 "127.0.0.1:0", "--state", state, "--workspace", nginx_.folder(),
                                 "--behind-proxy", "--origin", "https://localhost"});
    const std::string listens = console_->address().substr(0, console_->address().find('/'));
    nginx_.start({{"server 127.0.0.1:8812;", "server " + listens + ";"},
                  {"server_name console.example.org;", "server_name localhost;"},
                  {"/etc/remit/tls/console.fullchain.pem", nginx_.folder() + "/cert"},
                  {"/etc/remit/tls/console.privkey.pem", nginx_.folder() + "/key"}});
  }
  std::string plain() const { return nginx_.plain(); }

 private:
  Nginx nginx_;
  std::unique_ptr<HttpProcess> console_;
};

std::string form(const std::string& path, const std::string& body, const std::string& more,
                 const std::string& origin = "https://localhost") {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin +
         "\r\nContent-Type: application/x-www-form-urlencoded\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}
Answer ask(const ProxiedConsole& house, const std::string& bytes) {
  HttpClient client(house.plain());
  client.send(bytes);
  return client.read();
}
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto begin = text.find(from);
  if (begin == std::string::npos) return {};
  const auto at = begin + from.size();
  return text.substr(at, text.find(to, at) - at);
}

TEST_CASE("the console behind nginx: login, headers, events, and what is turned away") {
  const ProxiedConsole house;
  CHECK(ask(house, get("/")).field("location").ends_with("/console/approvals"));
  CHECK(ask(house, get("/console/approvals")).field("location") == "/console/login");
  for (const char* path : {"/mcp", "/metrics", "/healthz", "/consoles", "/etc/passwd"})
    CHECK_MESSAGE(ask(house, get(path)).status == 404, path);

  const Answer page = ask(house, get("/console/login"));
  CHECK(page.status == 200);
  CHECK(page.field("strict-transport-security") == "max-age=31536000");
  CHECK(page.field("content-security-policy").starts_with("default-src 'none'"));
  CHECK(page.field("x-frame-options") == "DENY");
  CHECK(page.field("cache-control") == "no-store");
  const std::string token = between(page.body, "name=\"token\" value=\"", "\"");
  const std::string nonce = between(page.field("set-cookie"), "__Host-remit_login=", ";");
  REQUIRE(!token.empty());
  REQUIRE(!nonce.empty());
  const std::string jar = "Cookie: __Host-remit_login=" + nonce + "\r\n";
  const std::string body = "token=" + token + "&pin=4917";
  CHECK(ask(house, form("/console/login", body, jar, "http://localhost")).status == 403);
  CHECK(ask(house, form("/console/login", body, jar, "https://evil.example")).status == 403);
  // Two cookies come: an Answer would keep one.
  HttpClient login(house.plain());
  login.send(form("/console/login", body, jar));
  REQUIRE(login.has_come("\r\n\r\n"));
  const std::string cookie = login.seen();
  CHECK(cookie.starts_with("HTTP/1.1 303 "));
  CHECK(cookie.find("__Host-remit_console=") != std::string::npos);
  CHECK(cookie.find("Secure") != std::string::npos);
  const std::string session =
      "Cookie: __Host-remit_console=" + between(cookie, "__Host-remit_console=", ";") + "\r\n";
  const Answer keys = ask(house, get("/console/passkeys", session));
  CHECK(keys.status == 200);
  CHECK(keys.body.find("data-site=\"localhost\"") != std::string::npos);

  // The first event comes while the stream goes on.
  HttpClient stream(house.plain());
  stream.send(get("/console/live", session));
  CHECK(stream.read_until("event: waiting"));
  stream.close();

  CHECK(ask(house, form("/console/ledger/verify", std::string(270'000, 'a'), session)).status ==
        413);
  // Guesses are counted, the page that they come from is not.
  bool held_off = false;
  for (int i = 0; i < 8; ++i)
    held_off =
        ask(house, form("/console/login", "token=x&pin=0000", jar)).status == 429 || held_off;
  CHECK(held_off);
  for (int i = 0; i < 8; ++i) CHECK(ask(house, get("/console/login")).status == 200);
}

}  // namespace
}  // namespace remit::wire_test
