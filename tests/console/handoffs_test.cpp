// Handoffs at the console: the board, one of them with its history and evidence, and a person's
// acts.
#include "base/limits.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_rows.h"
#include "memory/store.h"
#include "server/limits.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

using memory::HandoffType;

const std::string kBoard = "/console/handoffs";

struct HandoffHouse : House {
  HandoffHouse() {
    std::filesystem::create_directories(root);
    std::filesystem::create_directories(scratch.at("drops"));
    store = memory::open_file_store(*state, fs::open_root(root).value()).value();
    rows = std::make_unique<memory::HandoffRows>(*state, store->root_id());
  }
  memory::Handoff send(HandoffType type, const std::string& words,
                       memory::TargetKind kind = memory::TargetKind::human) {
    clock.advance_ms(1);  // so that its id follows the one before
    memory::NewHandoff draft;
    draft.type = type;
    // One persona sends at most kHandoffsPerHour.
    draft.from_persona = "agent-" + std::to_string(sent++);
    draft.from_principal = "uid:7";
    draft.to = "on-call";
    draft.to_kind = kind;
    draft.instruction = "inst_1";
    draft.authorized_by = "agent.md:4:2";
    draft.evidence_json = R"([{"call_id":"CALL1","sha256":"abc","uri":"remit://result/CALL1"}])";
    const char* key = type == HandoffType::consult    ? "question"
                      : type == HandoffType::delegate ? "title"
                                                      : "issue";
    draft.fields_json = "{\"" + std::string(key) + "\":\"" + words + "\"}";
    if (type == HandoffType::escalate) draft.severity = "high";
    draft.title = words;
    const auto made = rows->send(draft);
    if (!made) FAIL(made.error().message);
    return *made;
  }
  void step(const memory::Handoff& one, const std::string& to) {
    memory::HandoffStep by;
    by.to_state = to;
    by.persona = "operator";
    by.principal = "uid:0";
    by.is_operator = true;
    REQUIRE(rows->step(one.id, by));
  }
  std::string state_of(const memory::Handoff& one) { return rows->get(one.id).value().state; }

  int sent = 0;
  std::unique_ptr<memory::Store> store;
  std::unique_ptr<memory::HandoffRows> rows;
};

TEST_CASE("the board shows each handoff where it stands") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const auto taken = house.send(HandoffType::delegate, "write it down");
  house.step(taken, "accepted");
  const auto open = house.send(HandoffType::escalate, "the pool is exhausted");
  const Seen board = browser.get(kBoard);
  CHECK(board.has("Overdue (0)"));
  CHECK(board.has("nobody has acknowledged (1)"));
  CHECK(board.has("somebody works on it (1)"));
  CHECK(board.has("<a href=\"" + kBoard + "/" + open.id + "\">the pool is exhausted</a>"));
  CHECK(board.has("on-call (human)"));
  house.clock.advance_ms(limits::kAckNormal.count());
  browser.log_in();
  CHECK(browser.get(kBoard).has("Overdue (1)"));
  house.step(taken, "in_progress");
  house.step(taken, "completed");
  CHECK(house.rows->fire_due().value().size() == 1);
  CHECK(browser.get(kBoard).has("somebody works on it (0)"));
  const Seen done = browser.get(kBoard + "/done"), dead = browser.get(kBoard + "/dead");
  CHECK(done.has("write it down"));
  CHECK(!done.has("the pool is exhausted"));
  CHECK(dead.has("the pool is exhausted"));
  CHECK(!dead.has("write it down"));
}

TEST_CASE("a long board comes in pages") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  for (std::size_t i = 0; i <= limits::kConsoleHandoffs; ++i)
    house.send(HandoffType::consult, "question " + std::to_string(1000 + i));
  const Seen newest = browser.get(kBoard);
  CHECK(newest.has("question 1200"));
  CHECK(!newest.has("question 1000<"));
  const auto link = newest.body.find(kBoard + "?before=");
  REQUIRE(link != std::string::npos);
  const std::string older = newest.body.substr(link, newest.body.find('"', link) - link);
  const Seen oldest = browser.get(older);
  CHECK(oldest.has("question 1000<"));
  CHECK(!oldest.has("question 1200"));
  CHECK(!oldest.has("Older handoffs"));
}

TEST_CASE("one handoff has its record, evidence and history, and nothing in it is markup") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const auto one =
      house.send(HandoffType::consult, "<img src=x onerror=alert(1)>\\u0001\\u202e yes?");
  const Seen page = browser.get(kBoard + "/" + one.id);
  CHECK(page.status == 200);
  CHECK(page.has("<h1>&lt;img src=x onerror=alert(1)&gt;\\u{0001}\\u{202E} yes?</h1>"));
  CHECK(!page.has("<img"));
  for (const char* part : {"agent-0 (uid:7)", "agent.md:4:2", "inst_1", "remit://result/CALL1",
                           "human on-call", "<h2>History</h2>", "<h2>Evidence</h2>"})
    CHECK_MESSAGE(page.has(part), part);
  CHECK(page.has(one.etag));
  CHECK(browser.get(kBoard + "/00000000000000000000000000").status == 404);
  CHECK(browser.get(kBoard + "/x").status == 404);
}

TEST_CASE("a person answers for a human target with the form and the PIN") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const auto one = house.send(HandoffType::consult, "shall I restart it?");
  const std::string here = kBoard + "/" + one.id, to = here + "/answer";
  const Fields words{{"act", "answer"}, {"text", "yes,\r\nat night"}};
  CHECK(browser.submit(here, to, words).status == 403);
  Fields form = words;
  form.emplace_back("pin", "0000");
  CHECK(browser.submit(here, to, form).has("nothing was done"));
  CHECK(house.state_of(one) == "open");
  form.back().second = kPin;
  CHECK(browser.post(to, form).status == 403);  // without the form's token
  Fields empty{{"act", "answer"}, {"text", " "}, {"pin", kPin}};
  CHECK(browser.submit(here, to, empty).status == 400);
  const Seen done = browser.submit(here, to, form);
  CHECK_MESSAGE(done.status == 303, done.body);
  CHECK(house.state_of(one) == "answered");
  const Seen page = browser.get(here);
  CHECK(page.has("It is answered now."));
  CHECK(page.has("yes,\nat night"));
  CHECK(!page.has(to));
  const std::string record = house.ledger_text();
  CHECK(record.find("\"rule\":\"handoffs.act\"") != std::string::npos);
  CHECK(record.find("\"channel\":\"console\"") != std::string::npos);
  CHECK(memory::slurp(house.root + "/_communication/inbox/agent-0/consultation_response_" + one.id +
                      ".yaml")
            .find("answered") != std::string::npos);
}

TEST_CASE("what is answered is what was shown, once") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const auto one = house.send(HandoffType::delegate, "restart it");
  const std::string here = kBoard + "/" + one.id, to = here + "/answer";
  Fields form{{"act", "accept"}, {"pin", kPin}, {"token", Browser::token(browser.get(here), to)}};
  house.step(one, "accepted");
  CHECK(browser.post(to, form).status == 403);
  CHECK(house.state_of(one) == "accepted");
  CHECK(browser.post(here + "/withdraw", form).status == 403);
  CHECK(browser.submit(here, to, {{"act", "dance"}, {"pin", kPin}}).status == 400);
  const std::string too_long(limits::kHandoffTextChars + 1, 'x');
  CHECK(browser.submit(here, to, {{"act", "progress"}, {"text", too_long}, {"pin", kPin}}).status ==
        413);
  CHECK(house.state_of(one) == "accepted");
  // The longest that the record takes is taken here, however long its characters are in a form.
  std::string longest;
  for (std::size_t i = 0; i < limits::kHandoffTextChars; ++i) longest += "\xf0\x9f\x94\x91";
  CHECK(browser.submit(here, to, {{"act", "progress"}, {"text", longest}, {"pin", kPin}}).status ==
        303);
  CHECK(house.state_of(one) == "in_progress");
}

TEST_CASE("a handoff is taken back with the PIN, until somebody works on it") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const auto one = house.send(HandoffType::escalate, "by mistake"),
             other = house.send(HandoffType::escalate, "in earnest");
  const std::string here = kBoard + "/" + one.id, to = here + "/withdraw";
  CHECK(browser.submit(here, to, {{"pin", "0000"}}).status == 403);
  CHECK(house.state_of(one) == "raised");
  CHECK(browser.submit(here, to, {{"pin", kPin}}).status == 303);
  CHECK(house.state_of(one) == "withdrawn");
  house.step(other, "acknowledged");
  CHECK(!browser.get(kBoard + "/" + other.id).has("/withdraw\""));
}

TEST_CASE("a file that was given up is listed, and delivered at a person's word") {
  HandoffHouse house;
  Browser browser(house);
  browser.log_in();
  const std::string blocked = house.scratch.at("drops/on-call");
  memory::spew(blocked, "a file where the folder should be");
  const auto one = house.send(HandoffType::delegate, "for the queue", memory::TargetKind::queue);
  memory::HandoffDelivery delivery(*house.state, *house.store,
                                   fs::open_root(house.scratch.at("drops")).value());
  CHECK(!delivery.run_for(one.id));
  house.clock.advance_ms(limits::kRetryFor.count());
  REQUIRE(delivery.run());
  REQUIRE(delivery.dead().value().size() == 1);
  browser.log_in();  // a day later
  CHECK(browser.get(kBoard + "/dead").has("Files that could not be delivered"));
  std::filesystem::remove(blocked);
  const std::string here = kBoard + "/" + one.id, to = here + "/retry";
  CHECK(browser.get(here).has("Files that could not be delivered"));
  CHECK(browser.submit(here, to, {}).status == 403);
  CHECK(delivery.dead().value().size() == 1);
  CHECK(browser.submit(here, to, {{"pin", kPin}}).status == 303);
  CHECK(browser.get(here).has("Files delivered: "));
  CHECK(delivery.dead().value().empty());
  CHECK(house.ledger_text().find("handoffs.retry") != std::string::npos);
}

}  // namespace
}  // namespace remit::console
