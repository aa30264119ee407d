#include "memory/handoff_rows.h"

#include <set>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"
#include "tests/memory/handoff_house.h"

namespace remit::memory {
namespace {

TEST_CASE("the table of transitions, cell by cell") {
  const std::set<std::string> states[] = {
      {"open", "delivered", "answered", "declined", "expired", "withdrawn"},
      {"offered", "accepted", "in_progress", "input_required", "completed", "failed", "rejected",
       "expired", "canceled"},
      {"raised", "notified", "acknowledged", "in_progress", "resolved", "rejected", "exhausted",
       "withdrawn"}};
  // from>to:role, one line per kind, as personas-memory-handoffs.md 4.1 has them.
  const std::set<std::string> allowed[] = {
      {"open>delivered:v", "open>answered:t", "open>declined:t", "open>expired:v",
       "open>withdrawn:s", "delivered>answered:t", "delivered>declined:t", "delivered>expired:v",
       "delivered>withdrawn:s"},
      {"offered>accepted:t", "offered>rejected:t", "offered>expired:v", "offered>canceled:s",
       "accepted>in_progress:t", "accepted>canceled:s", "in_progress>in_progress:t",
       "in_progress>input_required:t", "in_progress>completed:t", "in_progress>failed:t",
       "in_progress>canceled:s", "input_required>in_progress:s", "input_required>completed:t",
       "input_required>failed:t", "input_required>canceled:s"},
      {"raised>notified:v", "raised>acknowledged:t", "raised>exhausted:v", "raised>withdrawn:s",
       "notified>notified:v", "notified>acknowledged:t", "notified>exhausted:v",
       "notified>withdrawn:s", "acknowledged>in_progress:t", "acknowledged>rejected:t",
       "in_progress>in_progress:t", "in_progress>resolved:t", "in_progress>rejected:t"}};
  const HandoffType types[] = {HandoffType::consult, HandoffType::delegate, HandoffType::escalate};
  const std::pair<HandoffRole, const char*> roles[] = {
      {HandoffRole::target, ":t"}, {HandoffRole::sender, ":s"}, {HandoffRole::server, ":v"}};
  for (std::size_t kind = 0; kind < 3; ++kind) {
    for (const std::string& from : states[kind]) {
      for (const std::string& to : states[kind]) {
        for (const auto& [role, word] : roles) {
          CAPTURE(from);
          CAPTURE(to);
          CAPTURE(word);
          CHECK(may_step(types[kind], from, to, role) ==
                allowed[kind].contains(from + ">" + to + word));
        }
      }
    }
  }
  for (const char* end : {"answered", "declined", "expired", "withdrawn"}) {
    CHECK(is_terminal(HandoffType::consult, end));
  }
  CHECK(!is_terminal(HandoffType::delegate, "input_required"));
  CHECK(is_terminal(HandoffType::escalate, "exhausted"));
}

TEST_CASE("a consult is delivered, answered once, and its answer reaches the sender") {
  House house;
  const Handoff sent = house.send(
      draft(HandoffType::consult, "qa-lead", R"({"question":"Is 2: no # safe?","blocking":true})"));
  CHECK(sent.state == "open");
  CHECK(sent.thread_id == sent.id);
  CHECK(house.delivery->run().value() == 2);  // the file, and again with the new state
  CHECK(house.rows->get(sent.id).value().state == "delivered");
  CHECK(house.delivery->run().value() == 0);
  const yaml::Parsed file = yaml::parse(house.inbox("qa-lead", "consultation", sent));
  REQUIRE(file.ok());
  CHECK(field(file, "type") == "consultation");
  CHECK(field(file, "from") == kTse);
  CHECK(field(file, "question") == "Is 2: no # safe?");
  CHECK(field(file, "status") == "delivered");
  CHECK(field(file, "handoff_id") == sent.id);
  CHECK(field(file, "instruction_id") == "inst_1");

  CHECK(house.rows->step(sent.id, as("stranger", "answered")).error().kind == ErrorKind::not_found);
  CHECK(house.rows->step(sent.id, as(kTse, "answered")).error().code == "bad_state");
  CHECK(house.rows->step(sent.id, as("qa-lead", "completed")).error().code == "bad_state");
  REQUIRE(house.rows->step(sent.id, as("qa-lead", "answered", R"({"answer":"yes"})")));
  CHECK(house.rows->step(sent.id, as("qa-lead", "answered", "{}")).error().code ==
        "already_closed");
  CHECK(house.rows->step(sent.id, as(kTse, "withdrawn")).error().code == "already_closed");
  REQUIRE(house.delivery->run());
  const yaml::Parsed reply = yaml::parse(house.inbox(kTse, "consultation_response", sent));
  REQUIRE(reply.ok());
  CHECK(field(reply, "from") == "qa-lead");
  CHECK(reply.root.find("answer")->find("answer")->text == "yes");
  const auto events = house.rows->events(sent.id).value();
  REQUIRE(events.size() == 3);
  CHECK(events[2].to_state == "answered");
  CHECK(events[2].persona == "qa-lead");
  Ledger ledger(*house.state);
  CHECK(ledger.verify(std::nullopt).value().ok);
  CHECK(ledger.rows(0, 100).value().at(0).record.origin == "technical-support-engineer.md:414:64");
}

TEST_CASE("a consult expires into the sender's default, or into nothing") {
  House house;
  NewHandoff with = draft(HandoffType::consult, "qa-lead",
                          R"({"question":"Ship it?","default_if_no_response":"no"})");
  with.deadline_ms = house.clock.unix_ms() + 60'000;
  NewHandoff without = draft(HandoffType::consult, "qa-lead", R"({"question":"Or not?"})");
  const Handoff a = house.send(with), b = house.send(without);
  REQUIRE(house.delivery->run());
  CHECK(house.rows->next_due_ms().value() == with.deadline_ms);
  house.clock.advance_ms(59'999);
  CHECK(house.rows->fire_due().value().empty());
  house.clock.advance_ms(1);
  const auto fired = house.rows->fire_due().value();
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].state == "expired");
  CHECK(fired[0].assumed);
  CHECK(fired[0].answer_json == R"({"answer":"no"})");
  house.clock.advance_ms(60 * 60'000);
  REQUIRE(house.rows->fire_due().value().size() == 1);
  CHECK(!house.rows->get(b.id).value().assumed);
  CHECK(house.rows->get(b.id).value().answer_json.empty());
  CHECK(house.rows->fire_due().value().empty());
  REQUIRE(house.delivery->run());
  CHECK(field(yaml::parse(house.inbox(kTse, "consultation_response", a)), "assumed") == "true");
}

TEST_CASE("delegation: work, a question back, input, completion") {
  House house;
  const Handoff sent = house.send(
      draft(HandoffType::delegate, "qa-lead",
            R"({"title":"t","scope":"s","success_criteria":["a: b","no"],"constraints":[]})"));
  REQUIRE(house.delivery->run());
  const yaml::Parsed file = yaml::parse(house.inbox("qa-lead", "delegation", sent));
  REQUIRE(file.ok());
  CHECK(file.root.find("delegation")->find("success_criteria")->items.at(0).text == "a: b");
  CHECK(!file.root.find("delegation")->find("success_criteria")->items.at(1).plain);
  CHECK(field(file, "response_deadline") != "(missing)");
  for (const char* state : {"accepted", "in_progress", "input_required"}) {
    REQUIRE(house.rows->step(sent.id, as("qa-lead", state)));
  }
  CHECK(house.rows->step(sent.id, as("qa-lead", "in_progress")).error().code == "bad_state");
  const Handoff now = house.rows->step(sent.id, as(kTse, "in_progress")).value();
  HandoffStep stale = as("qa-lead", "completed");
  stale.if_match = sent.etag;
  CHECK(house.rows->step(sent.id, stale).error().code == "conflict");
  stale.if_match = now.etag;
  CHECK(house.rows->step(sent.id, stale).value().state == "completed");
  // An offer that nobody takes is a dead letter.
  const Handoff offer = house.send(draft(HandoffType::delegate, "ux-designer", R"({"title":"u"})"));
  house.clock.advance_ms(limits::kAckNormal.count());
  REQUIRE(house.rows->fire_due().value().size() == 1);
  REQUIRE(house.delivery->run());
  CHECK(std::filesystem::exists(house.root + "/" + dead_letter_path(offer)));
  CHECK(house.rows->get(offer.id).value().state == "expired");
}

TEST_CASE("an escalation climbs its ladder until somebody acknowledges") {
  House house;
  NewHandoff d = draft(HandoffType::escalate, "engineering-team", R"({"issue":"i"})");
  d.to_kind = TargetKind::queue;
  d.priority = "critical";
  d.severity = "critical";
  d.title = "Login fails";
  d.ladder = {{"on-call", TargetKind::human, 900'000},
              {"vp-customer-support", TargetKind::agent, 0}};
  const Handoff sent = house.send(d);
  REQUIRE(house.delivery->run_for(sent.id));
  CHECK(house.rows->get(sent.id).value().state == "notified");
  CHECK(std::filesystem::exists(house.drops + "/engineering-team/escalation_" + sent.id + ".yaml"));
  d.title = "  LOGIN   fails ";
  CHECK(house.send(d).duplicate);
  CHECK(house.send(d).id == sent.id);
  house.clock.advance_ms(limits::kAckCritical.count());
  CHECK(house.rows->fire_due().value().at(0).to == "on-call");
  CHECK(house.rows->fire_due().value().empty());
  house.clock.advance_ms(900'000);
  CHECK(house.rows->fire_due().value().at(0).to == "vp-customer-support");
  REQUIRE(house.delivery->run());
  CHECK(field(yaml::parse(house.inbox("vp-customer-support", "escalation", sent)), "level") == "3");
  SUBCASE("acknowledged") {
    CHECK(house.rows->step(sent.id, as("engineering-team", "acknowledged")).error().kind ==
          ErrorKind::not_found);
    REQUIRE(house.rows->step(sent.id, as("vp-customer-support", "acknowledged")));
    CHECK(!house.rows->next_due_ms().value());
    CHECK(house.rows->step(sent.id, as(kTse, "withdrawn")).error().code == "bad_state");
    REQUIRE(house.rows->step(sent.id, as("vp-customer-support", "in_progress")));
    REQUIRE(house.rows->step(sent.id, as("vp-customer-support", "resolved")));
    d.title = "Login fails";
    CHECK(!house.send(d).duplicate);
  }
  SUBCASE("exhausted") {
    house.clock.advance_ms(limits::kAckCritical.count());
    CHECK(house.rows->fire_due().value().at(0).state == "exhausted");
    REQUIRE(house.delivery->run());
    CHECK(std::filesystem::exists(house.root + "/" + dead_letter_path(sent)));
  }
}

TEST_CASE("nobody answers their own handoff") {
  House house;
  NewHandoff d = draft(HandoffType::consult, "qa-lead");
  d.from_principal = "uid:1";
  const Handoff sent = house.send(d);
  HandoffStep same = as("qa-lead", "answered");
  same.principal = "uid:1";
  CHECK(house.rows->step(sent.id, same).error().code == "own_handoff");
  same.same_principal_allowed = true;
  CHECK(house.rows->step(sent.id, same));
  const Handoff other = house.send(d);
  HandoffStep operated = as("operator", "answered");
  operated.is_operator = true;
  CHECK(house.rows->step(other.id, operated));
}

TEST_CASE("threads are bounded: hops, circles, ping-pong, number, rate") {
  House house;
  const auto on = [&](const Handoff& parent, const std::string& to, HandoffType type,
                      const std::string& severity = "") {
    NewHandoff d = draft(type, to);
    d.from_persona = parent.to;
    d.from_principal = "uid:1/" + parent.to;
    d.parent_id = parent.id;
    d.severity = severity;
    return house.rows->send(d);
  };
  Handoff last = house.send(draft(HandoffType::delegate, "b"));
  CHECK(on(last, kTse, HandoffType::delegate).error().code == "loop");
  for (const char* to : {"c", "d", "e"}) last = on(last, to, HandoffType::delegate).value();
  CHECK(last.hop == limits::kHops);
  CHECK(last.path == std::vector<std::string>{kTse, "b", "c", "d"});
  CHECK(on(last, "f", HandoffType::delegate).error().code == "loop");
  // A parent that is not the sender's.
  NewHandoff foreign = draft(HandoffType::delegate, "x");
  foreign.parent_id = last.id;
  CHECK(house.rows->send(foreign).error().kind == ErrorKind::not_found);
  foreign.parent_id.clear();
  foreign.thread_id = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  CHECK(house.rows->send(foreign).error().kind == ErrorKind::not_found);

  NewHandoff up = draft(HandoffType::escalate, "b");
  up.severity = "high";
  const Handoff raised = house.send(up);
  CHECK(on(raised, kTse, HandoffType::escalate, "high").error().code == "loop");
  CHECK(on(raised, kTse, HandoffType::escalate, "critical"));

  // The same two in one thread: there and back twice.
  Handoff ball = house.send(draft(HandoffType::consult, "b"));
  for (int n = 0; n < 3; ++n)
    ball = on(ball, n % 2 == 0 ? kTse : "b", HandoffType::consult).value();
  NewHandoff again = draft(HandoffType::consult, "b");
  again.thread_id = ball.thread_id;
  const auto third = house.rows->send(again);
  CHECK(third);
  NewHandoff back = draft(HandoffType::consult, kTse);
  back.from_persona = "b";
  back.from_principal = "uid:1/b";
  back.thread_id = ball.thread_id;
  CHECK(house.rows->send(back).error().code == "loop");
}

TEST_CASE("twenty an hour from one persona, thirty-two in a thread") {
  House house;
  for (int n = 0; n < limits::kHandoffsPerHour; ++n) {
    REQUIRE(house.rows->send(draft(HandoffType::consult, "p" + std::to_string(n))));
  }
  CHECK(house.rows->send(draft(HandoffType::consult, "one-more")).error().code == "rate");
  house.clock.advance_ms(3'600'001);
  const Handoff first = house.send(draft(HandoffType::consult, "one-more"));
  for (int n = 1; n < limits::kThreadHandoffs; ++n) {
    if (n % 15 == 0) house.clock.advance_ms(3'600'001);
    NewHandoff d = draft(HandoffType::consult, "q" + std::to_string(n));
    d.thread_id = first.thread_id;
    REQUIRE(house.rows->send(d));
  }
  house.clock.advance_ms(3'600'001);
  NewHandoff d = draft(HandoffType::consult, "last");
  d.thread_id = first.thread_id;
  CHECK(house.rows->send(d).error().code == "thread_full");
}

TEST_CASE("an idempotency key makes one handoff; names and sizes are bounded") {
  House house;
  NewHandoff d = draft(HandoffType::consult, "qa-lead", R"({"question":"q"})");
  d.idempotency_key = "k";
  const Handoff first = house.send(d);
  CHECK(!first.duplicate);
  CHECK(house.send(d).duplicate);
  CHECK(house.send(d).id == first.id);
  d.fields_json = R"({"question":"other"})";
  CHECK(house.rows->send(d).error().kind == ErrorKind::conflict);
  CHECK(house.rows->list({}).value().size() == 1);
  for (const char* name : {"", "../x", "a/b", "a b", ".hidden"}) {
    CHECK(house.rows->send(draft(HandoffType::consult, name)).error().code == "unresolved_target");
  }
  const std::string big(limits::kHandoffBytes, 'x');
  CHECK(
      house.rows->send(draft(HandoffType::consult, "a", "{\"q\":\"" + big + "\"}")).error().kind ==
      ErrorKind::too_large);
  CHECK(!house.rows->send(draft(HandoffType::consult, "a", "{not json")));
}

TEST_CASE("what a killed process did not deliver, the next start does, once") {
  House house;
  const Handoff sent = house.send(draft(HandoffType::consult, "qa-lead"));
  // Taken by a process that was killed: its lease runs out.
  {
    auto t = house.state->database().write();
    REQUIRE(t->sql("update outbox set lease_ms = ?")
                .bind(house.clock.unix_ms() + limits::kDeliveryLease.count())
                .run());
    REQUIRE(t->commit(Sync::cached));
  }
  house.open();
  CHECK(house.delivery->run().value() == 0);
  house.clock.advance_ms(limits::kDeliveryLease.count());
  CHECK(house.delivery->run().value() == 2);
  CHECK(house.rows->get(sent.id).value().state == "delivered");
  CHECK(house.rows->events(sent.id).value().size() == 2);
}

TEST_CASE("a file that cannot be written is tried again and then a dead letter") {
  House house;
  spew(house.drops + "/engineering-team", "a file where the folder should be");
  NewHandoff d = draft(HandoffType::escalate, "engineering-team");
  d.to_kind = TargetKind::queue;
  d.severity = "low";
  d.priority = "low";
  const Handoff sent = house.send(d);
  CHECK(!house.delivery->run_for(sent.id));
  CHECK(house.delivery->run().value() == 0);  // not before its pause is over
  CHECK(house.rows->get(sent.id).value().state == "raised");
  house.clock.advance_ms(limits::kRetryFor.count());
  CHECK(house.delivery->run().value() == 1);  // the dead letter
  REQUIRE(house.delivery->dead().value().size() == 1);
  CHECK(std::filesystem::exists(house.root + "/" + dead_letter_path(sent)));
  std::filesystem::remove(house.drops + "/engineering-team");
  CHECK(house.delivery->run_for(sent.id).value() >= 1);  // remit handoffs retry
  CHECK(house.delivery->dead().value().empty());
  CHECK(std::filesystem::exists(house.drops + "/engineering-team/escalation_" + sent.id + ".yaml"));
}

TEST_CASE("only a delegation may go without an acknowledgement") {
  for (const HandoffType type :
       {HandoffType::consult, HandoffType::escalate, HandoffType::delegate}) {
    CAPTURE(to_string(type));
    House house;
    NewHandoff one = draft(type, "qa-lead");
    one.needs_ack = false;
    const Handoff sent = house.send(one);
    CHECK((sent.ack_deadline_ms != 0) == (type != HandoffType::delegate));
    CHECK(house.rows->next_due_ms().value().has_value() == (type != HandoffType::delegate));
  }
}

TEST_CASE("a page of the sender's own is not filled by another user's") {
  House house;
  const Handoff mine = house.send(draft(HandoffType::consult, "qa-lead"));
  NewHandoff another = draft(HandoffType::consult, "other");
  another.from_principal = "uid:4711";
  for (int n = 0; n < 3; ++n) {
    house.clock.advance_ms(1);
    house.send(another);
  }
  HandoffFilter filter;
  filter.part = kTse;
  filter.principal = mine.from_principal;
  filter.limit = 2;
  const auto page = house.rows->list(filter).value();
  REQUIRE(page.size() == 1);
  CHECK(page[0].id == mine.id);
}

TEST_CASE("lists by inbox, sender, thread and openness") {
  House house;
  const Handoff a = house.send(draft(HandoffType::consult, "qa-lead"));
  house.clock.advance_ms(1);
  const Handoff b = house.send(draft(HandoffType::delegate, "qa-lead"));
  house.clock.advance_ms(1);
  house.send(draft(HandoffType::consult, "other"));
  HandoffFilter filter;
  filter.to = "qa-lead";
  const auto inbox = house.rows->list(filter).value();
  REQUIRE(inbox.size() == 2);
  CHECK(inbox[0].id == b.id);
  REQUIRE(house.rows->step(a.id, as("qa-lead", "declined")));
  filter.only_open = true;
  CHECK(house.rows->list(filter).value().size() == 1);
  CHECK(house.rows
            ->list({.to = "",
                    .from = kTse,
                    .thread_id = a.id,
                    .instruction = "",
                    .only_open = false,
                    .limit = 10})
            .value()
            .size() == 1);
}

}  // namespace
}  // namespace remit::memory
