// What a yes is worth when rows, clocks and disks are not to be trusted.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include <doctest/doctest.h>

#include "memory/sqlite.h"
#include "tests/policy/spawn_house.h"

namespace remit::policy_test {
namespace {

constexpr const char* kHigh = "python3 -c 'print(1)'";
constexpr const char* kLow = "echo hi > made.txt";

TEST_CASE("a yes counts only with what no other process can make") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kLow);
  // What whoever can write state.db can put into a row, with or without a key.
  const auto forged = [&](const std::string& attestation, const std::string& key) {
    memory::Answer answer;
    answer.approve = true;
    answer.channel = "terminal";
    answer.attestation = attestation;
    answer.approval_key = key;
    REQUIRE(house.rows().decide(house.ask(request), answer));
    return house.approvals->take(house.question(request).grant_key, house.scope()).value();
  };
  for (const std::string attestation : {"pin", "passkey", "client", "operator", "session", ""}) {
    CAPTURE(attestation);
    CHECK_FALSE(forged(attestation, ""));
    CHECK_FALSE(forged(attestation, "not the key"));
  }
  CHECK(forged("pin", house.key));
  // This client's own answer needs no signature.
  REQUIRE(house.approvals->answer_by_client(house.ask(request), true, "elicitation"));
  CHECK(house.approvals->take(house.question(request).grant_key, house.scope()).value());
}

TEST_CASE("a yes that was used, or given to an earlier server, is not put back by a row") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const std::string id = house.ask(request);
  REQUIRE(house.approve(id));
  const std::string key = house.question(request).grant_key;
  REQUIRE(house.approvals->take(key, house.scope()).value());
  const auto put_back = [&] {
    auto write = house.state->database().write();
    REQUIRE(write);
    REQUIRE(write->sql("update approval set state = 'approved'").run());
    REQUIRE(write->commit(memory::Sync::cached));
  };
  put_back();
  CHECK_FALSE(house.approvals->take(key, house.scope()).value());
  house.clock.advance_ms(1);
  house.stop();
  house.start();
  put_back();
  CHECK_FALSE(house.approvals->take(key, house.scope()).value());
}

TEST_CASE("a yes given to one server is none for another that runs at the same time") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const policy::Question question = house.question(request);
  const auto beside = memory::ServerRegistration::make(*house.state, "tse", "inst_1",
                                                       policy::principal_text(house.principal))
                          .value();
  policy::ApprovalParts parts;
  parts.state = house.state.get();
  parts.wake = house.wake.get();
  parts.clock = &house.clock;
  parts.principal = policy::principal_text(house.principal);
  parts.persona_sha256 = "persona";
  parts.instruction = "inst_1";
  parts.server_id = beside->row().server_id;
  parts.public_key = house.state->public_key("approval").value();
  policy::Approvals other(parts);
  // Each asks for itself.
  const std::string id = house.ask(request),
                    of_other = other.request(question, house.scope()).value();
  CHECK(id != of_other);
  REQUIRE(house.approve(id));
  CHECK_FALSE(other.ready(question.grant_key).value());
  CHECK_FALSE(other.take(question.grant_key, house.scope()).value());
  // Nor one that was taken here and is put back there.
  REQUIRE(house.approvals->take(question.grant_key, house.scope()).value());
  auto write = house.state->database().write();
  REQUIRE(write);
  REQUIRE(write->sql("update approval set state = 'approved', server_id = ? where id = ?")
              .bind(parts.server_id)
              .bind(id)
              .run());
  REQUIRE(write->commit(memory::Sync::cached));
  CHECK_FALSE(other.ready(question.grant_key).value());
  CHECK_FALSE(other.take(question.grant_key, house.scope()).value());
}

TEST_CASE("what take() would not take is not ready either") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const std::string key = house.question(request).grant_key;
  memory::Answer forged;
  forged.approve = true;
  forged.channel = "terminal";
  forged.attestation = "pin";
  REQUIRE(house.rows().decide(house.ask(request), forged));
  CHECK_FALSE(house.approvals->ready(key).value());
  CHECK_FALSE(house.approvals->take(key, house.scope()).value());
  REQUIRE(house.approve(house.ask(request)));
  CHECK(house.approvals->ready(key).value());
}

TEST_CASE("a clock that jumps gives no yes a longer or a second life") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const std::int64_t hour = 3'600'000;
  house.clock.advance_ms(2 * hour);
  // Forwards: over, and over it stays.
  REQUIRE(house.approve(house.ask(request)));
  house.clock.advance_ms(hour);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  house.clock.advance_ms(-hour);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  // Backwards: how long ago it was given cannot be told.
  REQUIRE(house.approve(house.ask(request)));
  house.clock.advance_ms(-hour);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  CHECK(house.spawner->ran.empty());
  REQUIRE(house.approve(house.ask(request)));
  CHECK(house.spawn(request));
}

TEST_CASE("a disk that is full: what the ledger cannot tell does not run, and no yes is given") {
  SpawnHouse house;
  const auto allowed = SpawnHouse::command("echo ok");
  const auto asks = SpawnHouse::command(kHigh);
  REQUIRE(house.spawn(allowed));
  const std::string id = house.ask(asks);
  const policy::Question other = house.question(SpawnHouse::command("perl z.pl"));
  const std::size_t before = house.spawner->ran.size();
  // No file can grow or be written: to SQLite the same as a full disk.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const rlimit none{1, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  const auto ran = house.spawn(allowed);
  const auto yes = house.approve(id);
  const auto question = house.approvals->request(other, house.scope());
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK_FALSE(ran);
  CHECK_FALSE(yes);
  CHECK_FALSE(question);
  CHECK(house.spawner->ran.size() == before);
  // With room again all goes on, and the question still waits.
  CHECK(house.approve(id));
  CHECK(house.spawn(asks));
}

TEST_CASE("a weaker sandbox asks a person for what asks, none refuses Bash, and the rest goes on") {
  SpawnHouse house;
  house.remit.tools.push_back({"Write", {"tse.md", 4, 1}});
  const auto low = SpawnHouse::command(kLow), plain = SpawnHouse::command("echo ok");
  house.spawner->stand_at(policy::Tier::t2);
  CHECK(house.spawn(plain));
  CHECK(house.question(low).risk == policy::Risk::high);
  CHECK(house.approvals->answer_by_client(house.ask(low), true, "elicitation").error().code ==
        "high_risk");
  house.remit.bash.minimum_tier = policy::Tier::t1;
  CHECK(code_of(house.spawn(plain)) == "sandbox_unavailable");
  house.remit.bash.minimum_tier = policy::Tier::t2;
  house.spawner->stand_at(policy::Tier::t3);
  CHECK(code_of(house.spawn(plain)) == "sandbox_unavailable");
  CHECK(house.spawner->ran.size() == 1);
  policy::ReplaceRequest made;
  made.path = house.workspace + "/made.txt";
  made.bytes = "hi";
  CHECK(house.access->replace(house.scope(), made));
}

TEST_CASE("a change of a file that asks believes no row that nobody signed") {
  SpawnHouse house;
  house.remit.tools.push_back({"Write", {"tse.md", 4, 1}});
  house.put("kept.txt", "from before");
  policy::ReplaceRequest wanted;
  wanted.path = house.workspace + "/kept.txt";
  wanted.op = policy::ReplaceOp::remove;
  const auto ask = [&] {
    const auto question = house.access->judge_replace(house.scope(), wanted).value();
    REQUIRE(question);
    return house.approvals->request(*question, house.scope()).value();
  };
  memory::Answer forged;
  forged.approve = true;
  forged.channel = "terminal";
  forged.attestation = "pin";
  forged.approval_key = "not the key";
  REQUIRE(house.rows().decide(ask(), forged));
  CHECK(house.access->replace(house.scope(), wanted).error().code == "needs_approval");
  CHECK(std::filesystem::exists(wanted.path));
  REQUIRE(house.approve(ask()));
  CHECK(house.access->replace(house.scope(), wanted));
  CHECK_FALSE(std::filesystem::exists(wanted.path));
}

}  // namespace
}  // namespace remit::policy_test
