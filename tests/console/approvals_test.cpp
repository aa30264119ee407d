// Questions at the console: what is shown, who may answer, and what a yes is bound to.
#include <chrono>

#include "base/crypto.h"
#include "base/limits.h"
#include "memory/ledger_json.h"
#include "memory/sqlite.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

using memory::ApprovalScope;
using memory::ApprovalState;

const std::string kList = "/console/approvals";

Fields yes(const std::string& pin = kPin, const std::string& scope = "once") {
  return {{"pin", pin}, {"scope", scope}};
}

TEST_CASE("a question is shown as the terminal shows it, and approved once with the PIN") {
  House house;
  Browser browser(house);
  const auto asked = house.ask("perl -e 'print 6*7' > \xe2\x80\xae.txt\x1b[2K <b>");
  CHECK(browser.log_in().location == kList);
  CHECK(browser.get(kList).has(asked.id));
  const std::string here = kList + "/" + asked.id;
  const Seen page = browser.get(here);
  CHECK(page.status == 200);
  CHECK(page.has("perl -e &#39;print 6*7&#39; &gt; \\u202e.txt\\x1b[2K &lt;b&gt;"));
  CHECK(page.has(sha256_hex(asked.command)));
  CHECK(page.has("uid:0/tse/inst_1"));
  CHECK(page.has("described by its server"));
  house.clock.advance_ms(2500);
  const Seen done = browser.post(
      here + "/approve",
      {{"pin", kPin}, {"scope", "once"}, {"token", Browser::token(page, here + "/approve")}});
  CHECK(done.status == 303);
  CHECK(done.location == kList);
  CHECK(browser.get(kList).has("Approved: "));
  const auto row = house.row(asked.id);
  CHECK(row.state == ApprovalState::approved);
  CHECK(row.channel == "console");
  CHECK(row.attestation == "pin");
  CHECK(row.scope == ApprovalScope::once);
  CHECK(memory::signature_holds(row, house.state->public_key("approval").value()));
  const auto rows = house.ledger.rows(-1, 1).value();
  const std::string record = memory::ledger_line(rows.at(0));
  for (const char* part : {"approval.approved", "\"channel\":\"console\"",
                           "\"attestation\":\"pin\"", "\"latency_ms\":2500"})
    CHECK_MESSAGE(record.find(part) != std::string::npos, record);
}

TEST_CASE("a session alone approves nothing, a wrong PIN neither") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("rm -r x");
  const std::string here = kList + "/" + asked.id;
  CHECK(browser.submit(here, here + "/approve", {{"scope", "once"}}).status == 403);
  const Seen wrong = browser.submit(here, here + "/approve", yes("4918"));
  CHECK(wrong.status == 403);
  CHECK(wrong.has("role=\"alert\""));
  CHECK(wrong.has("wrong PIN; nothing was approved"));
  CHECK(!wrong.has("4918"));
  CHECK(house.row(asked.id).state == ApprovalState::pending);
}

TEST_CASE("a no needs no PIN, reaches the agent, and says that none was typed") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("rm -r x");
  const std::string here = kList + "/" + asked.id;
  const std::string reason = std::string(limits::kConsoleReason - 1, 'x') + "\u00fc more";
  CHECK(browser.submit(here, here + "/deny", {{"reason", reason}}).status == 303);
  const auto row = house.row(asked.id);
  CHECK(row.state == ApprovalState::denied);
  CHECK(row.attestation == "session");
  CHECK(row.reason == std::string(limits::kConsoleReason - 1, 'x'));
}

TEST_CASE("an answer is given once, and only to the question that was shown") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("make install"), other = house.ask("make clean");
  const std::string here = kList + "/" + asked.id, there = kList + "/" + other.id;
  const Seen page = browser.get(here);
  const std::string token = Browser::token(page, here + "/approve");
  Fields form = yes();
  form.emplace_back("token", token);
  CHECK(browser.post(there + "/approve", form).status == 403);            // another question
  CHECK(browser.post(here + "/deny", {{"token", token}}).status == 403);  // another answer
  CHECK(house.row(asked.id).state == ApprovalState::pending);
  CHECK(house.row(other.id).state == ApprovalState::pending);
  CHECK(browser.post(here + "/approve", form).status == 303);
  CHECK(browser.post(here + "/approve", form).status == 403);  // replayed
  // Decided, so there is no form any more; a token made before it is refused by the rows.
  CHECK(!browser.get(here).has("/approve"));
}

TEST_CASE("a question that was changed after it was shown is not answered") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("echo harmless");
  const std::string here = kList + "/" + asked.id;
  Fields form = yes();
  form.emplace_back("token", Browser::token(browser.get(here), here + "/approve"));
  {
    auto change = house.state->database().write().value();
    REQUIRE(change.sql("update approval set command = ? where id = ?")
                .bind_blob("rm -rf /")
                .bind(asked.id)
                .run());
    REQUIRE(change.commit(memory::Sync::cached));
  }
  const Seen refused = browser.post(here + "/approve", form);
  CHECK(refused.status == 403);
  CHECK(refused.has("what it is about has changed"));
  CHECK(refused.has("rm -rf /"));  // and shown again as it is
  CHECK(house.row(asked.id).state == ApprovalState::pending);
}

TEST_CASE("answers that come too late") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("uname");
  const std::string here = kList + "/" + asked.id;
  Fields form = yes();
  form.emplace_back("token", Browser::token(browser.get(here), here + "/approve"));
  house.clock.advance_ms(std::chrono::milliseconds(limits::kApprovalLife).count());
  CHECK(browser.post(here + "/approve", form).status == 409);
  CHECK(house.row(asked.id).state == ApprovalState::expired);
  CHECK(browser.get(kList + "/" + std::string(32, '0')).status == 404);
}

TEST_CASE("how far a yes reaches: never a rule over high risk, whatever the form says") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto high = house.ask("perl x.pl"), low = house.ask("git fetch", "low");
  const std::string at_high = kList + "/" + high.id, at_low = kList + "/" + low.id;
  CHECK(!browser.get(at_high).has("value=\"rule\""));
  CHECK(browser.submit(at_high, at_high + "/approve", yes(kPin, "rule")).status == 403);
  CHECK(browser.submit(at_high, at_high + "/approve", yes(kPin, "everything")).status == 400);
  CHECK(house.row(high.id).state == ApprovalState::pending);
  CHECK(browser.submit(at_low, at_low + "/approve", yes(kPin, "rule")).status == 303);
  CHECK(house.row(low.id).scope == ApprovalScope::rule);
  const std::string revoke = "/console/rules/" + low.id + "/revoke";
  CHECK(browser.get(kList).has("git fetch"));
  CHECK(browser.submit(kList, revoke, {{"pin", "0000"}}).status == 403);
  CHECK(house.row(low.id).state == ApprovalState::approved);
  CHECK(browser.submit(kList, revoke, {{"pin", kPin}}).status == 303);
  CHECK(house.row(low.id).state == ApprovalState::expired);
}

TEST_CASE("what a server writes about its question stays text") {
  House house;
  Browser browser(house);
  browser.log_in();
  const std::string evil = "</pre><script src=/x></script><form action=/console/x><b onclick=1>\"'";
  const auto asked = memory::ApprovalRows(*house.state)
                         .create({.grant_key = "k",
                                  .principal = evil,
                                  .persona_sha256 = "p",
                                  .instruction = evil,
                                  .server_id = evil,
                                  .tool = evil,
                                  .command = evil,
                                  .title = evil,
                                  .text = evil + "\u202e\x1b[31m",
                                  .risk = evil})
                         .value();
  for (const std::string& path : {kList, kList + "/" + asked.id, std::string("/console/activity"),
                                  std::string("/console/ledger")}) {
    const Seen page = browser.get(path);
    CHECK(page.status == 200);
    CHECK_MESSAGE(!page.has("<script src=/x"), path);
    CHECK(!page.has("<b "));
    CHECK(!page.has("\u202e"));
    CHECK(!page.has("\x1b"));
  }
}

TEST_CASE("an open page is told what waits and what happened, and when its session is over") {
  House house;
  Browser browser(house);
  browser.log_in();
  const auto asked = house.ask("rm \u202e x");
  int pieces = 0;
  browser.goes_on = [&] { return ++pieces < 2; };
  const Seen first = browser.get("/console/live");
  CHECK(first.has("event: waiting\ndata: [{\"id\":\"" + asked.id));
  CHECK(first.has("\"command\":\"rm \\\\u202e x\""));
  CHECK(!first.has("event: rows"));
  pieces = 0;
  const Seen later = browser.get("/console/live?after=0");
  CHECK(later.has("event: rows\ndata: ["));
  CHECK(later.has("approval.pending"));
  pieces = 0;
  CHECK(!browser.get("/console/live", "Last-Event-ID: 1000000\r\n").has("event: rows"));
  browser.goes_on = [&] {
    house.clock.advance_ms(std::chrono::milliseconds(limits::kConsoleIdle).count());
    return true;
  };
  const Seen ended = browser.get("/console/live");
  CHECK(ended.has("event: ended"));
  CHECK(!ended.has(asked.id));
}

}  // namespace
}  // namespace remit::console
