#include "memory/approval_rows.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

NewApproval question(const std::string& key = "key1") {
  return {.grant_key = key,
          .principal = "uid:0/tse",
          .persona_sha256 = "p",
          .instruction = "inst_1",
          .server_id = "S1",
          .tool = "Bash",
          .command = std::string("printf a\0b", 10),
          .title = "Bash: printf",
          .text = "printf a\\x00b",
          .risk = "high"};
}

struct House {
  House() : state(open_state(scratch, clock)), rows(*state) {}
  std::vector<std::string> rules() {
    Ledger ledger(*state);
    REQUIRE(ledger.verify(std::nullopt).value().ok);
    std::vector<std::string> out;
    const auto all = ledger.rows(0, 1000).value();
    for (const LedgerRow& row : all) out.push_back(row.record.rule);
    return out;
  }
  Scratch scratch;
  ManualClock clock;
  std::unique_ptr<State> state;
  ApprovalRows rows;
};

constexpr std::int64_t kLifeMs = std::chrono::milliseconds(limits::kApprovalLife).count();

TEST_CASE("a question is asked, answered, and its grant taken once") {
  House house;
  const ApprovalRow asked = house.rows.create(question()).value();
  CHECK(asked.id.size() == 32);
  CHECK(asked.code4.size() == 4);
  CHECK(asked.expires_ms == asked.created_ms + kLifeMs);
  CHECK(house.rows.create(question()).value().id == asked.id);
  CHECK(house.rows.list_pending().value().size() == 1);
  CHECK(house.rows.consume(asked.id, "uid:0/tse", "key1").error().code == "pending");
  house.clock.advance_ms(5000);
  const ApprovalRow yes =
      house.rows.decide(asked.id, {true, ApprovalScope::once, 0, "terminal", "pin", "", "K"})
          .value();
  CHECK(yes.state == ApprovalState::approved);
  CHECK(signature_holds(yes, signing_public_key("K")));
  CHECK(house.rows.list_pending().value().empty());
  CHECK(house.rows.find_by_grant_key("uid:0/tse", "key1").value()->id == asked.id);
  CHECK(!house.rows.find_by_grant_key("uid:0/other", "key1").value());
  CHECK(house.rows.decide(asked.id, {}).error().code == "already_decided");
  CHECK(house.rows.consume(asked.id, "uid:0/other", "key1").error().kind == ErrorKind::not_found);
  CHECK(house.rows.consume(asked.id, "uid:0/tse", "key2").error().kind == ErrorKind::not_found);
  const ApprovalRow taken = house.rows.consume(asked.id, "uid:0/tse", "key1").value();
  CHECK(taken.command == question().command);
  CHECK(signature_holds(taken, signing_public_key("K")));
  CHECK(house.rows.consume(asked.id, "uid:0/tse", "key1").error().code == "consumed");
  CHECK(house.rows.decide("nothing", {}).error().kind == ErrorKind::not_found);
  CHECK(house.rules() ==
        std::vector<std::string>{"approval.pending", "approval.approved", "approval.consumed"});
}

TEST_CASE("a signature covers what the grant allows") {
  House house;
  const ApprovalRow asked = house.rows.create(question()).value();
  ApprovalRow row =
      house.rows.decide(asked.id, {true, ApprovalScope::once, 0, "terminal", "pin", "", "K"})
          .value();
  CHECK(!signature_holds(row, signing_public_key("other key")));
  const auto breaks = [&](auto&& alter) {
    ApprovalRow copy = row;
    alter(copy);
    CHECK(!signature_holds(copy, signing_public_key("K")));
  };
  breaks([](ApprovalRow& r) { r.command += " "; });
  breaks([](ApprovalRow& r) { r.grant_key = "x"; });
  breaks([](ApprovalRow& r) { r.principal = "x"; });
  breaks([](ApprovalRow& r) { r.scope = ApprovalScope::rule; });
  breaks([](ApprovalRow& r) { r.expires_ms += 1; });
  breaks([](ApprovalRow& r) { r.attestation = "client"; });
  breaks([](ApprovalRow& r) { r.signature.clear(); });
}

TEST_CASE("a session grant is taken again and ends with its server; a rule outlives it") {
  House house;
  const auto grant = [&](const std::string& key, ApprovalScope scope, std::int64_t life) {
    const ApprovalRow asked = house.rows.create(question(key)).value();
    return house.rows.decide(asked.id, {true, scope, life, "console", "pin", "", ""}).value();
  };
  const ApprovalRow session = grant("s", ApprovalScope::session, 0);
  const ApprovalRow rule = grant("r", ApprovalScope::rule, 365LL * 24 * 3600 * 1000);
  const ApprovalRow once = grant("o", ApprovalScope::once, 0);
  const ApprovalRow pending = house.rows.create(question("p")).value();
  CHECK(rule.expires_ms - rule.decided_ms ==
        std::chrono::milliseconds(limits::kRuleGrantMax).count());
  for (int n = 0; n < 3; ++n) CHECK(house.rows.consume(session.id, "uid:0/tse", "s"));
  CHECK(house.rows.cancel_of_server("other").value() == 0);
  CHECK(house.rows.cancel_of_server("S1").value() == 3);
  CHECK(house.rows.consume(session.id, "uid:0/tse", "s").error().code == "cancelled");
  CHECK(house.rows.get(once.id).value().state == ApprovalState::cancelled);
  CHECK(house.rows.get(pending.id).value().state == ApprovalState::cancelled);
  CHECK(house.rows.consume(rule.id, "uid:0/tse", "r"));
  CHECK(house.rows.list_rules().value().size() == 1);
  CHECK(house.rows.revoke(rule.id, "no longer").value().state == ApprovalState::expired);
  CHECK(house.rows.consume(rule.id, "uid:0/tse", "r").error().code == "expired");
  CHECK(house.rows.revoke(rule.id, "").error().code == "already_decided");
}

TEST_CASE("time ends questions and grants, at the millisecond") {
  House house;
  const ApprovalRow asked = house.rows.create(question()).value();
  house.clock.advance_ms(kLifeMs - 1);
  CHECK(house.rows.get(asked.id).value().state == ApprovalState::pending);
  CHECK(house.rows.expire_due().value() == 0);
  house.clock.advance_ms(1);
  CHECK(house.rows.get(asked.id).value().state == ApprovalState::expired);
  CHECK(house.rows.list_pending().value().empty());
  CHECK(house.rows.decide(asked.id, {true, ApprovalScope::once, 0, "t", "pin", "", ""})
            .error()
            .code == "approval_timeout");
  const ApprovalRow again = house.rows.create(question()).value();
  CHECK(again.id != asked.id);
  REQUIRE(house.rows.decide(again.id, {true, ApprovalScope::once, 0, "t", "pin", "", ""}));
  house.clock.advance_ms(kLifeMs);
  CHECK(house.rows.consume(again.id, "uid:0/tse", "key1").error().code == "expired");
  CHECK(house.rows.expire_due().value() == 1);
  CHECK(house.rows.expire_due().value() == 0);
  const ApprovalRow denied = house.rows.create(question()).value();
  REQUIRE(house.rows.decide(denied.id, {false, ApprovalScope::once, 0, "t", "pin", "why", ""}));
  CHECK(house.rows.consume(denied.id, "uid:0/tse", "key1").error().code == "denied");
  CHECK(house.rows.find_by_grant_key("uid:0/tse", "key1").value()->reason == "why");
}

TEST_CASE("sixteen questions wait at most") {
  House house;
  for (std::size_t n = 0; n < limits::kPendingApprovals; ++n) {
    REQUIRE(house.rows.create(question("k" + std::to_string(n))));
  }
  CHECK(house.rows.create(question("one more")).error().code == "busy");
  NewApproval other = question("one more");
  other.principal = "uid:0/other";
  CHECK(house.rows.create(other));
  CHECK(house.rows.create(question("k3")));
  house.clock.advance_ms(kLifeMs);
  CHECK(house.rows.create(question("one more")));
}

TEST_CASE("of many who take a grant at once, one gets it") {
  House house;
  auto second = open_state(house.scratch, house.clock);
  const ApprovalRow asked = house.rows.create(question()).value();
  REQUIRE(house.rows.decide(asked.id, {true, ApprovalScope::once, 0, "t", "pin", "", ""}));
  std::atomic<int> got = 0;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 8; ++n) {
      threads.emplace_back([&, n] {
        ApprovalRows rows(n % 2 == 0 ? *house.state : *second);
        if (rows.consume(asked.id, "uid:0/tse", "key1")) ++got;
      });
    }
  }
  CHECK(got == 1);
}

}  // namespace
}  // namespace remit::memory
