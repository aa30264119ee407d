// Handoffs as a whole: whose they are, how they are followed, and what random events make of them.
#include <cstdlib>
#include <map>

#include "base/json.h"
#include "base/limits.h"
#include "memory/ledger.h"
#include "memory/schema.h"
#include "memory/sqlite.h"
#include "tests/memory/handoff_house.h"

namespace remit::memory {
namespace {

TEST_CASE("a handoff belongs to one Agent_Memory: another sees, fires and delivers nothing of it") {
  House house;
  const std::string other_root = house.scratch.at("Other_Memory");
  REQUIRE(::mkdir(other_root.c_str(), 0755) == 0);
  auto other_store = open_file_store(*house.state, fs::open_root(other_root).value()).value();
  HandoffRows other(*house.state, other_store->root_id());
  HandoffDelivery other_delivery(*house.state, *other_store, fs::open_root(house.drops).value());
  const Handoff sent = house.send(draft(HandoffType::consult, "qa-lead"));
  CHECK(other.get(sent.id).error().kind == ErrorKind::not_found);
  CHECK(other.list({}).value().empty());
  CHECK(other.step(sent.id, as("qa-lead", "answered", R"({"answer":"x"})")).error().kind ==
        ErrorKind::not_found);
  CHECK(other_delivery.run().value() == 0);
  CHECK(!other_delivery.next_due_ms().value());
  CHECK(house.delivery->next_due_ms().value() == house.clock.unix_ms());
  NewHandoff child = draft(HandoffType::consult, "x");
  child.thread_id = sent.id;
  CHECK(other.send(child).error().kind == ErrorKind::not_found);
  house.clock.advance_ms(limits::kAckLow.count());
  CHECK(!other.next_due_ms().value());
  CHECK(other.fire_due().value().empty());
  CHECK(house.rows->fire_due().value().size() == 1);
}

TEST_CASE("an escalation that climbed is still the same one, and stands in nobody's way") {
  House house;
  NewHandoff d = draft(HandoffType::escalate, "engineering-team");
  d.to_kind = TargetKind::queue;
  d.severity = d.priority = "high";
  d.title = "Login fails";
  d.ladder = {{"vp-customer-support", TargetKind::agent, 0}};
  const Handoff sent = house.send(d);
  NewHandoff direct = d;
  direct.to = "vp-customer-support";
  direct.to_kind = TargetKind::agent;
  direct.ladder.clear();
  const Handoff straight = house.send(direct);
  CHECK(!straight.duplicate);
  REQUIRE(house.delivery->run());
  house.clock.advance_ms(limits::kAckHigh.count());
  CHECK(house.rows->fire_due().value().size() == 2);
  CHECK(house.rows->get(sent.id).value().to == "vp-customer-support");
  CHECK(house.send(d).id == sent.id);
  REQUIRE(house.delivery->run());
  // Who had it, who has it and who sent it can all see where it is.
  const yaml::Parsed left =
      yaml::parse(slurp(house.drops + "/engineering-team/escalation_" + sent.id + ".yaml"));
  CHECK(field(left, "to") == "vp-customer-support");
  CHECK(field(yaml::parse(house.inbox(kTse, "progress_report", sent)), "note") ==
        "engineering-team did not acknowledge in time");
}

TEST_CASE("leaving the parent out shortens no path") {
  House house;
  const Handoff first = house.send(draft(HandoffType::escalate, "b"));
  NewHandoff back = draft(HandoffType::delegate, kTse);
  back.from_persona = "b";
  back.from_principal = "uid:1/b";
  back.thread_id = first.thread_id;
  CHECK(house.rows->send(back).error().code == "loop");
  back.to = "c";
  const Handoff on = house.send(back);
  CHECK(on.parent_id == first.id);
  CHECK(on.hop == 2);
  back.to = kTse;
  back.thread_id.clear();
  CHECK(house.send(back).hop == 1);  // a new thread
  // A thread and a parent from another one.
  NewHandoff mixed = draft(HandoffType::consult, "c");
  mixed.from_persona = "b";
  mixed.parent_id = first.id;
  mixed.thread_id = house.send(draft(HandoffType::consult, "z")).id;
  CHECK(house.rows->send(mixed).error().kind == ErrorKind::not_found);
}

TEST_CASE("an idempotency key means the same for 24 hours") {
  House house;
  NewHandoff d = draft(HandoffType::consult, "qa-lead", R"({"question":"a"})");
  d.idempotency_key = "k";
  const Handoff sent = house.send(d);
  house.clock.advance_ms(24 * 3'600'000 - 1);
  CHECK(house.send(d).id == sent.id);
  d.fields_json = R"({"question":"b"})";
  CHECK(house.rows->send(d).error().code == "conflict");
  house.clock.advance_ms(1);
  CHECK(house.send(d).id != sent.id);
}

TEST_CASE("a step that is repeated word for word changes nothing") {
  House house;
  const Handoff sent = house.send(draft(HandoffType::delegate, "qa-lead"));
  HandoffStep accept = as("qa-lead", "accepted");
  REQUIRE(house.rows->step(sent.id, accept));
  CHECK(house.rows->step(sent.id, accept).value().duplicate);
  HandoffStep report = as("qa-lead", "in_progress", R"({"progress":"half"})");
  report.note = "half";
  REQUIRE(house.rows->step(sent.id, report));
  CHECK(house.rows->step(sent.id, report).value().duplicate);
  report.note = "most";
  CHECK(!house.rows->step(sent.id, report).value().duplicate);
  const HandoffStep done = as("qa-lead", "completed", R"({"result":"r"})");
  CHECK(!house.rows->step(sent.id, done).value().duplicate);
  CHECK(house.rows->step(sent.id, done).value().duplicate);
  CHECK(house.rows->step(sent.id, as("qa-lead", "completed", R"({"result":"s"})")).error().code ==
        "already_closed");
  CHECK(house.rows->events(sent.id).value().size() == 5);
}

TEST_CASE("the input that was asked for stands in the target's file") {
  House house;
  const Handoff sent = house.send(draft(HandoffType::delegate, "qa-lead", R"({"title":"t"})"));
  for (const char* state : {"accepted", "in_progress"}) {
    REQUIRE(house.rows->step(sent.id, as("qa-lead", state)));
  }
  HandoffStep ask = as("qa-lead", "input_required", R"({"question":"which one?"})");
  ask.note = "which one?";
  REQUIRE(house.rows->step(sent.id, ask));
  REQUIRE(house.delivery->run());
  CHECK(yaml::parse(house.inbox(kTse, "progress_report", sent))
            .root.find("answer")
            ->find("question")
            ->text == "which one?");
  HandoffStep input = as(kTse, "in_progress");
  input.note = "the second";
  CHECK(house.rows->step(sent.id, input).value().input == "the second");
  REQUIRE(house.delivery->run());
  const yaml::Parsed file = yaml::parse(house.inbox("qa-lead", "delegation", sent));
  CHECK(file.root.find("delegation")->find("input")->text == "the second");
}

TEST_CASE("one delegation at a time holds a task") {
  House house;
  NewHandoff d = draft(HandoffType::delegate, "qa-lead");
  d.task_id = "task_7";
  d.task_paths = {"inst_1/tasks/"};
  const Handoff a = house.send(d);
  d.to = "ux-designer";
  const Handoff b = house.send(d);
  CHECK(!house.rows->task_holder("inst_1", "task_7").value());
  REQUIRE(house.rows->step(a.id, as("qa-lead", "accepted")));
  const Handoff holder = house.rows->task_holder("inst_1", "task_7").value().value();
  CHECK(holder.id == a.id);
  CHECK(holder.task_paths == std::vector<std::string>{"inst_1/tasks/"});
  CHECK(!house.rows->task_holder("inst_2", "task_7").value());
  CHECK(house.rows->step(b.id, as("ux-designer", "accepted")).error().code == "task_taken");
  REQUIRE(house.rows->step(a.id, as("qa-lead", "in_progress")));
  REQUIRE(house.rows->step(a.id, as("qa-lead", "failed")));
  CHECK(!house.rows->task_holder("inst_1", "task_7").value());
  CHECK(house.rows->step(b.id, as("ux-designer", "accepted")));
}

TEST_CASE("an operator stands for either side, an agent never for a queue or a person") {
  House house;
  NewHandoff d = draft(HandoffType::consult, "on-call");
  d.to_kind = TargetKind::human;
  const Handoff sent = house.send(d);
  CHECK(house.rows->step(sent.id, as("on-call", "answered")).error().kind == ErrorKind::not_found);
  HandoffStep by = as("operator", "answered", R"({"answer":"yes"})");
  by.is_operator = true;
  CHECK(house.rows->step(sent.id, by));
  const Handoff other = house.send(draft(HandoffType::delegate, "qa-lead"));
  by = as("operator", "canceled");
  by.is_operator = true;
  REQUIRE(house.rows->step(other.id, by));
  REQUIRE(house.delivery->run());
  CHECK(field(yaml::parse(house.inbox(kTse, "progress_report", other)), "status") == "canceled");
}

TEST_CASE("handoffs from before Agent_Memory was told apart belong to the only one there was") {
  const Scratch scratch;
  const auto folder = fs::open_root(scratch.path()).value();
  const std::vector<Migration> before(schema().begin(), schema().begin() + 7);
  const auto open = [&](const std::vector<Migration>& steps) {
    return Database::open(scratch.path(), folder, "x.db", 77, steps).value();
  };
  const auto run = [](Database& database, const std::string& sql) {
    Transaction transaction = database.write().value();
    REQUIRE(transaction.sql(sql).run());
    REQUIRE(transaction.commit(Sync::cached));
  };
  {
    const auto database = open(before);
    run(*database, "insert into memory_root values(5, 1, 2)");
    run(*database,
        "insert into handoff values('H', 'escalate', 'a', 'uid:1', 'b', 'agent', 'H', '', 'i', 1, "
        "'[]', '', 'd', 1, "
        "'high', 'high', 0, 9, 9, 'f:1:1', '[]', '{}', 'login fails', '[]', 'raised', 1, 0, 'e', "
        "0, '')");
    run(*database, "insert into outbox values(1, 'H', 'memory', 'p', 'b', 0, 1, 0, 1, 0, '')");
  }
  const auto database = open(schema());
  Snapshot snapshot = database->read().value();
  Statement row = snapshot.sql(
      "select h.root, h.dedupe, h.task_paths, o.root from handoff h join outbox o on o.handoff = "
      "h.id");
  REQUIRE(row.step().value());
  CHECK(row.integer(0) == 5);
  CHECK(row.text(1) == "b\nlogin fails");
  CHECK(row.text(2) == "[]");
  CHECK(row.integer(3) == 5);
}

TEST_CASE("the words of either side, and what they mean for each kind") {
  using A = HandoffAct;
  const auto t = HandoffRole::target, f = HandoffRole::sender;
  CHECK(state_after(HandoffType::delegate, A::ack) == "accepted");
  CHECK(state_after(HandoffType::escalate, A::ack) == "acknowledged");
  CHECK(state_after(HandoffType::consult, A::ack).empty());
  CHECK(state_after(HandoffType::escalate, A::answer).empty());
  using Words = std::vector<std::string>;
  CHECK(possible_acts(HandoffType::consult, "delivered", t) == Words{"answer", "decline"});
  CHECK(possible_acts(HandoffType::consult, "delivered", f) == Words{"withdraw"});
  CHECK(possible_acts(HandoffType::delegate, "offered", t) == Words{"accept", "reject"});
  CHECK(possible_acts(HandoffType::delegate, "accepted", t) == Words{"progress"});
  CHECK(possible_acts(HandoffType::delegate, "in_progress", t) ==
        Words{"progress", "ask", "complete", "fail"});
  CHECK(possible_acts(HandoffType::delegate, "input_required", f) == Words{"input", "withdraw"});
  CHECK(possible_acts(HandoffType::escalate, "notified", t) == Words{"ack"});
  CHECK(possible_acts(HandoffType::escalate, "in_progress", t) ==
        Words{"progress", "resolve", "reject"});
  CHECK(possible_acts(HandoffType::escalate, "resolved", t).empty());
  CHECK(parse_handoff_act("resolve").value() == A::resolve);
  CHECK(parse_handoff_act("x").error().kind == ErrorKind::invalid_argument);
}

// A small generator of our own, so that a failing seed can be run again anywhere.
struct Dice {
  std::uint64_t state;
  std::size_t below(std::size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % n;
  }
};

// Random events on many handoffs: each ends only as the table allows, an end is an end, every event
// starts where the last one stopped, and what was answered is what the sender reads, in the record
// and in the file, however often it was tried and whoever tried.
TEST_CASE("random events reach no illegal state and lose no answer") {
  constexpr const char* kStates[] = {
      "open",      "delivered", "answered",     "declined",  "expired",        "withdrawn",
      "offered",   "accepted",  "in_progress",  "completed", "input_required", "failed",
      "rejected",  "canceled",  "raised",       "notified",  "acknowledged",   "resolved",
      "exhausted", "",          "no such state"};
  const std::uint64_t seeds = std::getenv("REMIT_FULL") != nullptr ? 200 : 6;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Dice dice{seed};
    House house;
    std::vector<Handoff> all;
    std::map<std::string, std::string> answers, ends;
    for (int n = 0; n < 6; ++n) {
      const auto type = static_cast<HandoffType>(dice.below(3));
      NewHandoff d = draft(type, dice.below(2) == 0 ? "b" : "c");
      d.title = "t" + std::to_string(n);
      d.severity = "high";
      d.priority = dice.below(2) == 0 ? "critical" : "low";
      if (dice.below(2) == 0) d.fields_json = R"({"default_if_no_response":"guess"})";
      if (type == HandoffType::escalate) d.ladder = {{"d", TargetKind::agent, 0}};
      if (type == HandoffType::delegate) d.task_id = "one";
      all.push_back(house.send(d));
    }
    for (int event = 0; event < 120; ++event) {
      const Handoff& one = all[dice.below(all.size())];
      if (dice.below(8) == 0)
        house.clock.advance_ms(static_cast<std::int64_t>(dice.below(400'000)));
      if (dice.below(8) == 0) REQUIRE(house.delivery->run());
      if (dice.below(8) == 0) REQUIRE(house.rows->fire_due());
      const Handoff before = house.rows->get(one.id).value();
      constexpr const char* kWho[] = {"b", "c", "d", kTse, "stranger"};
      HandoffStep step = as(kWho[dice.below(5)], kStates[dice.below(std::size(kStates))],
                            R"({"answer":")" + std::to_string(event) + R"("})");
      step.is_operator = dice.below(10) == 0;
      if (dice.below(6) == 0) step.if_match = dice.below(2) == 0 ? before.etag : one.etag;
      const auto done = house.rows->step(one.id, step);
      const Handoff after = house.rows->get(one.id).value();
      CHECK(after.state == (done ? step.to_state : before.state));
      if (!done) CHECK(after.answer_json == before.answer_json);
      if (done && after.answer_json != before.answer_json) answers[one.id] = step.answer_json;
      const auto end = ends.find(one.id);
      if (end != ends.end()) CHECK(after.state == end->second);
      if (is_terminal(after.type, after.state)) ends[one.id] = after.state;
    }
    int holders = 0;
    for (const Handoff& one : all) {
      const Handoff now = house.rows->get(one.id).value();
      if (now.type == HandoffType::delegate && holds_task(now.state)) ++holders;
      if (const auto said = answers.find(one.id); said != answers.end() && !now.assumed) {
        CHECK(now.answer_json == said->second);
      }
      CHECK((!now.assumed || now.answer_json == R"({"answer":"guess"})"));
      std::string at;
      const auto events = house.rows->events(one.id).value();
      for (const HandoffEvent& event : events) {
        CHECK(event.from_state == at);
        const bool legal = at.empty()
                               ? event.to_state == first_state(now.type)
                               : may_step(now.type, at, event.to_state, HandoffRole::target) ||
                                     may_step(now.type, at, event.to_state, HandoffRole::sender) ||
                                     may_step(now.type, at, event.to_state, HandoffRole::server);
        CHECK_MESSAGE(legal, at << " > " << event.to_state);
        at = event.to_state;
      }
      CHECK(at == now.state);
    }
    CHECK(holders <= 1);
    // The files say what the rows say, once everything is delivered.
    REQUIRE(house.delivery->run());
    REQUIRE(house.delivery->run());
    for (const Handoff& one : all) {
      const Handoff now = house.rows->get(one.id).value();
      CHECK(field(yaml::parse(house.inbox(now.to, std::string(type_word(now.type)), now)),
                  "status") == now.state);
      if (now.answer_json.empty()) continue;
      const yaml::Parsed reply =
          yaml::parse(house.inbox(kTse, std::string(reply_word(now.type)), now));
      REQUIRE(reply.ok());
      CHECK(reply.root.find("answer")->find("answer")->text ==
            parse_json(now.answer_json).value()["answer"].get<std::string>());
    }
    CHECK(Ledger(*house.state).verify(std::nullopt).value().ok);
  }
}

}  // namespace
}  // namespace remit::memory
