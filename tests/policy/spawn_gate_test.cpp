#include "policy/spawn_gate.h"

#include <functional>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "tests/policy/spawn_house.h"

namespace remit::policy_test {
namespace {

using memory::ApprovalScope;
constexpr const char* kHigh = "python3 -c 'print(1)'";
constexpr const char* kLow = "echo hi > made.txt";
const std::string kProfile(64, 'a');

// The plan that a good worker would send for an approved command.
policy::SpawnPlan approved_plan(SpawnHouse& house, const std::string& text,
                                ApprovalScope scope = ApprovalScope::once) {
  const auto request = SpawnHouse::command(text);
  REQUIRE(house.approve(house.ask(request), scope));
  const policy::SpawnGate real = std::exchange(
      house.spawner->gate,
      [](const policy::SpawnPlan&, const policy::SpawnPlace&) { return Result<void>(); });
  REQUIRE(house.spawn(request));
  house.spawner->gate = real;
  return house.spawner->plans.back();
}

std::string verdict(SpawnHouse& house, const policy::SpawnPlan& plan,
                    const std::string& profile = kProfile) {
  const auto done = house.spawner->gate(plan, {policy::Tier::t1, profile});
  return done ? "ok" : done.error().code;
}

TEST_CASE("the gate passes what policy allows and what a person signed, once") {
  SpawnHouse house;
  CHECK(house.spawn(SpawnHouse::command("echo ok")));
  const policy::SpawnPlan plan = approved_plan(house, kHigh);
  CHECK(verdict(house, plan) == "ok");
  CHECK(verdict(house, plan) == "starter_refused");  // used
}

TEST_CASE("a worker cannot make a yes: each forged field is refused") {
  SpawnHouse house;
  const policy::SpawnPlan good = approved_plan(house, kHigh);
  const auto forged = [&](const char* what, const std::function<void(policy::SpawnPlan&)>& alter) {
    CAPTURE(what);
    policy::SpawnPlan plan = good;
    alter(plan);
    CHECK(verdict(house, plan) == "starter_refused");
  };
  forged("nobody's", [](auto& p) { p.authority = {}; });
  forged("policy's", [](auto& p) { p.authority.decision = "allow"; });
  forged("other bytes", [](auto& p) { p.command += "; id"; });
  forged("other directory", [](auto& p) { p.cwd += "/sub"; });
  forged("other time", [](auto& p) { p.limits.wall += std::chrono::seconds(1); });
  forged("scripts besides",
         [](auto& p) { p.executed.push_back({p.view.workspace + "/run.sh", "id\n", ""}); });
  forged("other id", [](auto& p) { p.authority.approval_id = std::string(32, '0'); });
  forged("other server", [](auto& p) { p.authority.server_id = "X"; });
  forged("longer", [](auto& p) { p.authority.expires_unix_ms += 1; });
  forged("wider", [](auto& p) { p.authority.scope = "session"; });
  forged("no scope", [](auto& p) { p.authority.scope = "always"; });
  forged("no signature", [](auto& p) { p.authority.signature.clear(); });
  forged("own signature", [](auto& p) { p.authority.signature = std::string(64, '0'); });
  forged("as client", [](auto& p) { p.authority.attestation = "client"; });
  forged("as operator", [](auto& p) { p.authority.attestation = "operator"; });
  CHECK(verdict(house, good, std::string(64, 'b')) == "starter_refused");  // another profile
  house.clock.advance_ms(std::chrono::milliseconds(limits::kApprovalLife).count() + 1);
  CHECK(verdict(house, good) == "starter_refused");
}

TEST_CASE("the starter counts the bytes of the scripts itself") {
  SpawnHouse house;
  house.put("run.sh", "echo approved\n");
  const policy::SpawnPlan good = approved_plan(house, "bash run.sh");
  REQUIRE(good.executed.size() == 1);
  CHECK(good.executed[0].content == "echo approved\n");
  const auto refused = [&](const std::function<void(policy::SpawnPlan&)>& alter) {
    policy::SpawnPlan plan = good;
    alter(plan);
    CHECK(verdict(house, plan) == "starter_refused");
  };
  refused([](auto& p) { p.executed[0].content = "echo another\n"; });
  refused([](auto& p) { p.executed[0].path += "2"; });
  refused([](auto& p) { p.executed[0].path = "/usr/bin/id"; });
  refused([](auto& p) { p.executed[0].version = remit::sha256_hex("echo approved\n"); });
  refused([](auto& p) { p.executed.clear(); });
  CHECK(verdict(house, good) == "ok");
  policy::SpawnPlan allowed = good;
  allowed.command = "echo ok";  // needs no yes, so nobody saw these bytes
  CHECK(verdict(house, allowed) == "starter_refused");
}

TEST_CASE("a row that was written into the database without the approval key opens nothing") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const std::string id = house.ask(request);
  memory::Answer forged;  // what a process of the same user can write, key or not
  forged.approve = true;
  forged.channel = "terminal";
  forged.attestation = "pin";
  forged.approval_key = "not the key";
  REQUIRE(house.rows().decide(id, forged));
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  CHECK(house.spawner->ran.empty());
  // A worker that would believe it is refused by the starter, which proves the signature again.
  policy::SpawnPlan plan = approved_plan(house, kHigh);
  plan.authority.signature = house.rows().get(id).value().signature;
  CHECK(verdict(house, plan) == "starter_refused");
}

TEST_CASE("client and operator: low risk once; only in an operator's own process") {
  SpawnHouse house;
  policy::SpawnPlan low = approved_plan(house, kLow);
  low.authority.attestation = "client";
  low.authority.signature.clear();
  policy::SpawnPlan lasting = low;
  lasting.authority.scope = "session";
  CHECK(verdict(house, lasting) == "starter_refused");
  CHECK(verdict(house, low) == "ok");
  CHECK(verdict(house, low) == "starter_refused");
  SpawnHouse command(true);
  const auto request = SpawnHouse::command(kHigh);
  REQUIRE(command.approvals->answer_by_operator(command.ask(request)));
  CHECK(command.spawn(request));
  CHECK(code_of(command.spawn(request)) == "needs_approval");
}

TEST_CASE(
    "scopes: a session's yes repeats, a rule never covers high risk, nothing outlives its server") {
  SpawnHouse house;
  const policy::SpawnPlan session = approved_plan(house, kHigh, ApprovalScope::session);
  CHECK(verdict(house, session) == "ok");
  CHECK(verdict(house, session) == "ok");
  const policy::SpawnPlan high_rule = approved_plan(house, "perl x.pl", ApprovalScope::rule);
  CHECK(verdict(house, high_rule) == "starter_refused");
  const policy::SpawnPlan low_rule = approved_plan(house, kLow, ApprovalScope::rule);
  CHECK(verdict(house, low_rule) == "ok");
  const policy::SpawnPlan once = approved_plan(house, "perl y.pl");
  house.clock.advance_ms(10);
  house.stop();
  house.start();
  CHECK(verdict(house, session) == "starter_refused");
  CHECK(verdict(house, once) == "starter_refused");
  CHECK(verdict(house, low_rule) == "ok");
}

TEST_CASE("a worker cannot widen what even an allowed command sees or uses") {
  SpawnHouse house;
  REQUIRE(house.spawn(SpawnHouse::command("echo ok")));
  const policy::SpawnPlan good = house.spawner->plans.back();
  CHECK(verdict(house, good) == "ok");
  const auto wider = [&](const char* what, const std::function<void(policy::SpawnPlan&)>& alter) {
    CAPTURE(what);
    policy::SpawnPlan plan = good;
    alter(plan);
    CHECK(verdict(house, plan) == "starter_refused");
  };
  wider("workspace", [](auto& p) { p.view.workspace = "/etc"; });
  wider("root", [](auto& p) { p.view.read_only_roots.push_back("/root"); });
  wider("memory", [](auto& p) { p.view.memory = "/root"; });
  wider("document", [](auto& p) { p.view.memory_documents.push_back("other/secret.yaml"); });
  wider("preload", [](auto& p) { p.environment["LD_PRELOAD"] = "/srv/x.so"; });
  wider("start file", [](auto& p) { p.environment["BASH_ENV"] = "/srv/x.sh"; });
  wider("path", [](auto& p) { p.environment["PATH"] = "/srv"; });
  wider("memory limit", [](auto& p) { p.limits.memory_bytes *= 2; });
  wider("processes", [](auto& p) { p.limits.processes += 1; });
  wider("time", [](auto& p) { p.limits.wall = std::chrono::hours(2); });
}

}  // namespace
}  // namespace remit::policy_test
