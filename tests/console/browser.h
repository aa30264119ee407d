// A browser without a window, over a ConsoleSite in the same process: cookies, forms, and a clock
// that the test moves. The PIN is "4917".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "base/text.h"
#include "memory/approval_rows.h"
#include "memory/ledger_json.h"
#include "memory/pin_rows.h"
#include "policy/change_sets.h"
#include "server/console/console_site.h"
#include "tests/memory/scratch.h"

namespace remit::console {

inline const std::string kPin = "4917";
inline const std::string kHost = "127.0.0.1:8812";

struct House {
  explicit House(ConsoleOptions options = {{}, 8812, false})
      : state(memory::open_state(scratch, clock)),
        ledger(*state),
        sets(policy::ChangeSets::open(*state).value()),
        site(*state, ledger, sets, over_memory(std::move(options)), metrics) {
    REQUIRE(memory::PinRows(*state).set(kPin, std::nullopt));
  }
  memory::ApprovalRow ask(const std::string& command, const std::string& risk = "high") {
    return memory::ApprovalRows(*state)
        .create({.grant_key = "key " + command,
                 .principal = "uid:0/tse/inst_1",
                 .persona_sha256 = "p",
                 .instruction = "inst_1",
                 .server_id = "S1",
                 .tool = "Bash",
                 .command = command,
                 .title = "tse asks to run a command (" + risk + " risk)",
                 .text = "described by its server",
                 .risk = risk})
        .value();
  }
  // Agent_Memory lies beside the state directory, until a test makes it.
  ConsoleOptions over_memory(ConsoleOptions options) const {
    options.memory.workspace = scratch.path();
    options.memory.memory_root = root;
    options.memory.file_drop_root = scratch.at("drops");
    return options;
  }
  // All that the ledger has, as `remit ledger tail` prints it.
  std::string ledger_text() {
    std::string out;
    const auto all = ledger.rows(0, 1000).value();
    for (const memory::LedgerRow& one : all) out += memory::ledger_line(one);
    return out;
  }
  memory::ApprovalRow row(const std::string& id) {
    return memory::ApprovalRows(*state).get(id).value();
  }

  memory::Scratch scratch;
  const std::string root = scratch.at("Agent_Memory");
  ManualClock clock;
  std::unique_ptr<memory::State> state;
  memory::Ledger ledger;
  policy::ChangeSets sets;
  transport::HttpMetrics metrics;
  ConsoleSite site;
};

struct Seen {
  int status = 0;
  std::string body, location;
  std::vector<std::pair<std::string, std::string>> fields;
  bool has(const std::string& text) const { return body.find(text) != std::string::npos; }
  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields)
      if (key == name) return value;
    return {};
  }
};

inline std::string percent(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

class Browser {
 public:
  explicit Browser(House& house) : house_(house) {}

  // `more`: header lines, each with its line end; "Host" or "Origin" there replace the usual ones.
  Seen get(const std::string& target, const std::string& more = "") {
    return send("GET", target, "", more);
  }
  Seen post(const std::string& target, const Fields& form, const std::string& more = "") {
    std::string body;
    for (const auto& [name, value] : form)
      body += (body.empty() ? "" : "&") + percent(name) + "=" + percent(value);
    return send("POST", target, body, more);
  }
  // The token of the form that leads to `action` on a page.
  static std::string token(const Seen& page, const std::string& action) {
    const auto form = page.body.find("action=\"" + action + "\"");
    REQUIRE(form != std::string::npos);
    const std::string mark = "name=\"token\" value=\"";
    const auto at = page.body.find(mark, form);
    REQUIRE(at != std::string::npos);
    const auto from = at + mark.size();
    return page.body.substr(from, page.body.find('"', from) - from);
  }
  Seen log_in(const std::string& pin = kPin) {
    const Seen form = get("/console/login");
    return post("/console/login", {{"token", token(form, "/console/login")}, {"pin", pin}});
  }
  // Opens `page`, and sends its form for `action` with `form` added.
  Seen submit(const std::string& page, const std::string& action, Fields form) {
    form.emplace_back("token", token(get(page), action));
    return post(action, form);
  }
  std::map<std::string, std::string> cookies;
  // Asked after each piece of a stream whether to go on.
  std::function<bool()> goes_on = [] { return false; };

 private:
  Seen send(const std::string& method, const std::string& target, const std::string& body,
            const std::string& more) {
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    if (more.find("Host:") == std::string::npos) text += "Host: " + kHost + "\r\n";
    if (method == "POST") {
      if (more.find("Origin:") == std::string::npos) text += "Origin: http://" + kHost + "\r\n";
      if (more.find("Content-Type:") == std::string::npos)
        text += "Content-Type: application/x-www-form-urlencoded\r\n";
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    std::string jar;
    for (const auto& [name, value] : cookies) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
    if (!jar.empty()) text += "Cookie: " + jar + "\r\n";
    const auto parsed = transport::parse_head(text + more + "\r\n");
    REQUIRE(std::holds_alternative<transport::Head>(parsed));
    const auto& head = std::get<transport::Head>(parsed);
    transport::HttpWire wire(Fd(), -1);
    const transport::Wake wake;
    std::shared_ptr<void> kept;
    const transport::HttpTurn turn{head, wire, wake, kept};
    auto reply = house_.site.before_body(turn);
    if (!reply) reply = house_.site.post(turn, body, {});
    Seen seen{reply->status, reply->body, "", reply->fields};
    if (reply->streaming)
      reply->streaming->run([&](std::string_view piece) { return seen.body += piece, goes_on(); });
    for (const auto& [name, value] : reply->fields) {
      if (name == "Location") seen.location = value;
      if (name != "Set-Cookie") continue;
      const auto equals = value.find('='), end = value.find(';');
      const std::string given = value.substr(equals + 1, end - equals - 1);
      if (given.empty())
        cookies.erase(value.substr(0, equals));
      else
        cookies[value.substr(0, equals)] = given;
    }
    return seen;
  }

  House& house_;
};

}  // namespace remit::console
