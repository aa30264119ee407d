#include "policy/approvals.h"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/policy/spawn_house.h"

namespace remit::policy_test {
namespace {

using memory::ApprovalScope;
using policy::ApprovalStatus;
constexpr const char* kHigh = "python3 -c 'print(1)'";
constexpr const char* kLow = "echo hi > made.txt";

TEST_CASE("nothing runs before its yes, and once after it") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  const std::string id = house.ask(request);
  CHECK(house.ask(request) == id);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  CHECK(house.spawner->plans.empty());
  REQUIRE(house.approve(id));
  CHECK(house.approvals->ready(house.question(request).grant_key).value());
  CHECK(house.spawn(request));
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  CHECK(house.spawner->ran.size() == 1);
}

TEST_CASE("foreground and background commands have the key that the gate computes") {
  SpawnHouse house;
  for (const char* text : {kHigh, kLow}) {
    for (const bool background : {false, true}) {
      auto request = SpawnHouse::command(text);
      request.background = background;
      REQUIRE(house.approve(house.ask(request)));
      CHECK(house.spawn(request));
    }
  }
  CHECK(house.spawner->ran.size() == 4);
}

TEST_CASE("other bytes, directory, time limit or way of running are another question") {
  SpawnHouse house;
  auto request = SpawnHouse::command(kHigh);
  REQUIRE(house.approve(house.ask(request)));
  const auto refused = [&](policy::SpawnRequest other) {
    CHECK(code_of(house.spawn(other)) == "needs_approval");
  };
  auto other = request;
  other.command += " ";
  refused(other);
  other = request;
  other.cwd = house.workspace + "/sub";
  refused(other);
  other = request;
  other.wall = std::chrono::seconds(7);
  refused(other);
  other = request;
  other.background = true;
  refused(other);
  house.remit.persona_sha256 = "edited";
  refused(request);
  house.remit.persona_sha256 = "persona";
  CHECK(house.spawn(request));
}

TEST_CASE("a script that changed after the yes is asked again") {
  SpawnHouse house;
  for (const std::string text :
       {"./run.sh", "bash run.sh", "bash -x run.sh", "cd sub && ./run.sh", "python3.11 -u run.sh",
        "node -r ./run.sh x.js", "timeout 5 ./run.sh", "bash -c '. ./run.sh'"}) {
    CAPTURE(text);
    house.put("run.sh", "echo one\n");
    house.put("sub/run.sh", "echo one\n");
    const auto request = SpawnHouse::command(text);
    REQUIRE(house.approve(house.ask(request)));
    house.put("run.sh", "echo two\n");
    house.put("sub/run.sh", "echo two\n");
    CHECK(code_of(house.spawn(request)) == "needs_approval");
    house.put("run.sh", "echo one\n");
    house.put("sub/run.sh", "echo one\n");
    CHECK(house.spawn(request));
  }
  // One that was not there when the person looked.
  const auto request = SpawnHouse::command("bash later.sh");
  REQUIRE(house.approve(house.ask(request)));
  house.put("later.sh", "echo surprise\n");
  CHECK(code_of(house.spawn(request)) == "needs_approval");
}

TEST_CASE("a client's yes never counts for high risk, and only once for low") {
  SpawnHouse house;
  const std::string high = house.ask(SpawnHouse::command(kHigh));
  CHECK(house.approvals->answer_by_client(high, true, "elicitation").error().code == "high_risk");
  CHECK(house.rows().get(high).value().state == ApprovalStatus::pending);
  const auto low = SpawnHouse::command(kLow);
  REQUIRE(house.question(low).risk == policy::Risk::low);
  REQUIRE(house.approvals->answer_by_client(house.ask(low), true, "elicitation"));
  CHECK(house.spawn(low));
  CHECK(code_of(house.spawn(low)) == "needs_approval");
}

TEST_CASE("the site's time for an answer is the question's life") {
  SpawnHouse house;
  house.stop();
  house.life = std::chrono::seconds(20);
  house.start();
  const std::string id = house.ask(SpawnHouse::command(kHigh));
  const auto row = house.rows().get(id).value();
  CHECK(row.expires_ms - row.created_ms == 20'000);
  house.clock.advance_ms(20'001);
  CHECK(house.approvals->wait(id, std::chrono::seconds(1), {}).value() == ApprovalStatus::expired);
  CHECK(house.approve(id).error().code != "");
}

TEST_CASE("a yes ends with its time and with its server") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  REQUIRE(house.approve(house.ask(request)));
  house.clock.advance_ms(std::chrono::milliseconds(limits::kApprovalLife).count() + 1);
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  REQUIRE(house.approve(house.ask(request)));
  const std::string waiting = house.ask(SpawnHouse::command("perl x.pl"));
  house.stop();
  house.start();
  CHECK(code_of(house.spawn(request)) == "needs_approval");
  CHECK(house.rows().get(waiting).value().state == ApprovalStatus::cancelled);
  CHECK(house.approve(waiting).error().code == "already_decided");
  CHECK(house.spawner->ran.empty());
}

TEST_CASE("a withdrawn question cannot be answered; a given yes is not taken back by it") {
  SpawnHouse house;
  const auto request = SpawnHouse::command(kHigh);
  const std::string id = house.ask(request);
  REQUIRE(house.approvals->withdraw(id, "nobody can be asked"));
  CHECK(house.approve(id).error().code == "already_decided");
  const std::string again = house.ask(request);
  REQUIRE(house.approve(again));
  CHECK(house.approvals->withdraw(again, "late"));
  CHECK(house.spawn(request));
}

TEST_CASE("an answer is for the question that was read, not for one put in its place") {
  SpawnHouse house;
  const std::string id = house.ask(SpawnHouse::command(kHigh));
  memory::Answer answer;
  answer.approve = true;
  answer.attestation = "pin";
  answer.approval_key = house.key;
  auto read = house.rows().get(id).value();
  read.command = "ls";
  answer.seen = memory::shown_digest(read);
  CHECK(house.rows().decide(id, answer).error().code == "question_changed");
  CHECK(house.rows().get(id).value().state == ApprovalStatus::pending);
}

TEST_CASE("call --yes answers its own question and takes its own yes alone") {
  SpawnHouse server;
  const auto request = SpawnHouse::command(kHigh);
  const std::string pending = server.ask(request);
  const policy::Question question = server.question(request);
  policy::ApprovalParts parts;
  parts.state = server.state.get();
  parts.wake = server.wake.get();
  parts.clock = &server.clock;
  parts.principal = policy::principal_text(server.principal);
  parts.persona_sha256 = "persona";
  parts.instruction = "inst_1";
  parts.server_id = "01OPERATOR0000000000000000";
  parts.own_only = true;
  policy::Approvals operators(parts);
  const std::string own = operators.request(question, server.scope()).value();
  CHECK(own != pending);
  REQUIRE(operators.answer_by_operator(own));
  CHECK(server.rows().get(pending).value().state == ApprovalStatus::pending);
  // The server cannot take the operator's yes, nor the operator's command the server's.
  CHECK(code_of(server.spawn(request)) == "needs_approval");
  REQUIRE(operators.take(question.grant_key, server.scope()).value());
  REQUIRE(server.approve(pending));
  CHECK(!operators.take(question.grant_key, server.scope()).value());
  CHECK(server.spawn(request));
}

TEST_CASE("at most sixteen questions wait; a denied one runs nothing") {
  SpawnHouse house;
  for (std::size_t n = 0; n < limits::kPendingApprovals; ++n) {
    house.ask(SpawnHouse::command("python3 " + std::to_string(n)));
  }
  const auto question = house.question(SpawnHouse::command("python3 more"));
  CHECK(house.approvals->request(question, house.scope()).error().code == "busy");
}

TEST_CASE("a form shows a question whole or not at all") {
  SpawnHouse house;
  CHECK(house.question(SpawnHouse::command(kLow)).lines.size() == 3);
  CHECK(house.question(SpawnHouse::command("echo hi > " + std::string(95, 'a'))).lines.empty());
  auto deep = SpawnHouse::command(kLow);
  deep.cwd = house.workspace + "/" + std::string(120, 'd');
  CHECK(house.question(deep).lines.empty());
  const auto hidden = house.question(SpawnHouse::command("touch a\x1b[2K\xe2\x80\xae b"));
  CHECK(hidden.risk == policy::Risk::high);
  CHECK(hidden.text.find("\\x1b[2K") != std::string::npos);
  for (const char c : hidden.text) CHECK(((c >= 0x20 && c < 0x7f) || c == '\n'));
}

TEST_CASE("NUL and more than 64 KiB are refused, not asked") {
  SpawnHouse house;
  for (const std::string& text :
       {std::string("ls\0-l", 5), "true " + std::string(limits::kCommandBytes, 'a')}) {
    const auto judged = house.access->judge_spawn(house.scope(), SpawnHouse::command(text));
    CHECK((!judged || judged->decision.verdict == policy::Verdict::deny));
    CHECK(code_of(house.spawn(SpawnHouse::command(text))) != "needs_approval");
  }
  CHECK(house.spawner->ran.empty());
}

TEST_CASE("the shell's directory is kept, also one it made, and reset when it vanishes") {
  SpawnHouse house;
  house.spawner->ends_in = house.workspace + "/sub";
  CHECK(house.spawn(SpawnHouse::command("echo 1")));
  CHECK(house.access->cwd() == house.workspace + "/sub");
  house.spawner->ends_in = house.workspace + "/sub/new";
  policy::Change made;
  made.path = house.workspace + "/sub/new";
  made.kind = policy::ChangeKind::mkdir;
  house.spawner->changes = {made};
  CHECK(house.spawn(SpawnHouse::command("echo 2")));
  std::filesystem::create_directory(made.path);  // applied
  house.spawner->ends_in.clear();
  house.spawner->changes.clear();
  auto third = house.spawn(SpawnHouse::command("echo 3"));
  CHECK(house.spawner->ran.back().cwd == made.path);
  CHECK(!third->cwd_reset);
  std::filesystem::remove(made.path);
  auto fourth = house.spawn(SpawnHouse::command("echo 4"));
  CHECK(house.spawner->ran.back().cwd == house.workspace);
  CHECK(fourth->cwd_reset);
  house.spawner->ends_in = "/etc";
  CHECK(house.spawn(SpawnHouse::command("echo 5")));
  CHECK(house.access->cwd() == house.workspace);
}

// What the people in the test said, kept apart from the rows: the judge of the runs below.
struct Said {
  std::string command;
  std::int64_t until = 0;
  bool taken = false, void_ = false;
};

TEST_CASE(
    "whatever the order of questions, answers, ends and calls, only approved bytes reach the "
    "spawner") {
  // What 5 s of CPU allow (30 s where others work, too), at least 300; 10,000 with REMIT_FULL; as
  // many as REMIT_INTERLEAVINGS says.
  const char* wanted = std::getenv("REMIT_INTERLEAVINGS");
  const bool budget = wanted == nullptr && std::getenv("REMIT_FULL") == nullptr;
  const int runs = wanted != nullptr ? std::atoi(wanted) : 10'000;
  const std::clock_t cpu_end = std::clock() + 5 * CLOCKS_PER_SEC;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto spent = [&] {
    return std::clock() > cpu_end || std::chrono::steady_clock::now() > end;
  };
  const std::vector<std::string> commands{kHigh, kLow, "perl a.pl", "echo hi > other.txt",
                                          "bash run.sh"};
  SpawnHouse house;
  std::size_t ran = 0;
  int seed = 0;
  for (; seed < runs && !(budget && seed >= 300 && spent()); ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    std::map<std::string, Said> said;  // by approval id
    std::vector<std::string> asked;
    std::map<std::string, std::string> command_of;
    for (int step = 0; step < 12; ++step) {
      const std::string& text = commands[pick(commands.size())];
      switch (pick(8)) {
        case 0:
        case 1: {
          const auto made =
              house.approvals->request(house.question(SpawnHouse::command(text)), house.scope());
          if (made) {
            asked.push_back(*made);
            command_of[*made] = text;
          }
          break;
        }
        case 2:
          if (!asked.empty()) {
            const std::string id = asked[pick(asked.size())];
            const auto done = house.approve(id);
            if (done) said[id] = {command_of[id], done->expires_ms};
          }
          break;
        case 3:
          if (!asked.empty()) {
            const std::string id = asked[pick(asked.size())];
            const bool yes = pick(2) == 0;
            const auto done = house.approvals->answer_by_client(id, yes, "elicitation");
            if (done && yes) said[id] = {command_of[id], house.rows().get(id).value().expires_ms};
            if (done && yes) CHECK(house.rows().get(id).value().risk == "low");
          }
          break;
        case 4:
          house.clock.advance_ms(static_cast<std::int64_t>(pick(200'000)));
          break;
        case 5:
          if (!asked.empty()) {
            const std::string id = asked[pick(asked.size())];
            if (house.rows().cancel(id, "cancelled") && said.contains(id)) said[id].void_ = true;
          }
          break;
        case 6:
          if (pick(3) != 0) break;
          house.stop();
          house.start();
          for (auto& [id, one] : said) one.void_ = true;
          house.clock.advance_ms(1);
          break;
        default:
          break;
      }
      house.spawner->ran.clear();
      static_cast<void>(house.spawn(SpawnHouse::command(text)));
      if (house.spawner->ran.empty()) continue;
      ++ran;
      const policy::SpawnPlan& plan = house.spawner->ran.front();
      CAPTURE(seed);
      CAPTURE(step);
      REQUIRE(said.contains(plan.authority.approval_id));
      Said& yes = said[plan.authority.approval_id];
      REQUIRE(yes.command == plan.command);
      REQUIRE(!yes.taken);
      REQUIRE(!yes.void_);
      REQUIRE(house.clock.unix_ms() < yes.until);
      yes.taken = true;
    }
    // The next run begins with nobody's yes.
    for (const std::string& id : asked)
      static_cast<void>(house.rows().cancel(id, "end of the run"));
  }
  CHECK(ran > static_cast<std::size_t>(seed) / 10);  // the test must see yeses used, too
  CHECK(house.ledger->verify(std::nullopt).value().ok);
}

}  // namespace
}  // namespace remit::policy_test
