// Background shells: their number, their output, their end. A spawner's part is played by an Access
// that prints what the command says and stays until it is stopped.
#include "tools/shells.h"

#include <condition_variable>
#include <mutex>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/memory/no_threads.h"
#include "tests/tools/fake_access.h"
#include "tests/within.h"
#include "tools/registry.h"

using namespace remit;
using namespace remit::tools;
using remit::test::FakeAccess;
using remit::test::NoThreads;
using remit::test::Scratch;

namespace {

// "stay TEXT" prints TEXT and runs until it is stopped; anything else is printed, and it ends.
class PrintingAccess : public FakeAccess {
 public:
  using FakeAccess::FakeAccess;
  Result<SpawnJudgement> judge_spawn(const policy::CallScope&,
                                     const policy::SpawnRequest&) override {
    SpawnJudgement judgement;
    judgement.decision.verdict = policy::Verdict::allow;
    return judgement;
  }
  Result<policy::SpawnOutcome> spawn(const policy::CallScope&, const policy::SpawnRequest& request,
                                     const policy::OutputSink& sink,
                                     std::stop_token stop) override {
    const bool stays = request.command.starts_with("stay ");
    const bool complains = request.command.starts_with("stderr ");
    sink(complains ? policy::Stream::err : policy::Stream::out,
         std::string_view(request.command).substr(stays ? 5 : 0));
    policy::SpawnOutcome outcome;
    outcome.exit_code = 0;
    if (!stays) return outcome;
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, stop, [] { return false; });
    outcome.exit_code.reset();
    outcome.signal = 9;
    outcome.cancelled = true;
    policy::Change change;
    change.path = cwd() + "/half.txt";
    change.content = "half";
    change.bytes = change.content.size();
    change.mode = 0644;
    outcome.changes.push_back(change);
    return outcome;
  }
};

struct NoAsker : Asker {
  bool available() const override { return false; }
  Result<Answer> ask(const policy::Question&, std::stop_token) override { return Answer{}; }
};
struct NoProgress : Progress {
  void report(double, std::optional<double>, std::string) override {}
};

struct Desk {
  Desk() {
    auto opened = memory::State::open({scratch.path() + "/state", {}}, clock);
    REQUIRE(opened);
    state = std::move(*opened);
    std::filesystem::create_directory(scratch.path() + "/work");
    auto sets = policy::ChangeSets::open(*state);
    REQUIRE(sets);
    tools.change_sets = std::make_shared<policy::ChangeSets>(std::move(*sets));
    tools.shells = std::make_shared<Shells>(*tools.change_sets);
    access = std::make_unique<PrintingAccess>(scratch.path() + "/work");
  }
  Result<Reply> run(Tool (*make)(const ToolState&), const Json& arguments) {
    const Tool tool = make(tools);
    Call one{{"01HZZZZZZZZZZZZZZZZZZZZZZZ", tool.name}, *access, asker, progress, {}, 10'000};
    return tool.run(arguments, one);
  }
  Result<std::string> start(const std::string& command) {
    policy::SpawnRequest request;
    request.command = command;
    return tools.shells->start(*access, {"01HZZZZZZZZZZZZZZZZZZZZZZZ", "Bash"}, request);
  }
  std::string started(const std::string& command) {
    auto id = start(command);
    REQUIRE_MESSAGE(id, id.error().message);
    return *id;
  }
  // The state once the shell has printed and, if it does not stay, ended.
  ShellState settled(const std::string& id, bool ended) {
    ShellState seen;
    REQUIRE(within(kPatience, [&] {
      const auto now = tools.shells->read(id, 0);
      REQUIRE(now);
      seen = *now;
      return !seen.output.empty() && seen.running != ended;
    }));
    return seen;
  }

  Scratch scratch;
  ManualClock clock;
  std::unique_ptr<memory::State> state;
  std::unique_ptr<PrintingAccess> access;
  NoAsker asker;
  NoProgress progress;
  ToolState tools;  // last: its shells end before what they use
};

}  // namespace

TEST_CASE("a system without threads is an answer, not the end of the process") {
  Desk desk;
  {
    const NoThreads none;
    for (std::size_t n = 0; n < 2 * limits::kBackgroundShells; ++n) {
      const auto refused = desk.start("stay x");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().kind == ErrorKind::unavailable);
      CHECK(refused.error().code == "busy");
      CHECK(refused.error().message.find("no thread") == 0);
    }
  }
  // None of them counts or stays.
  for (std::size_t n = 0; n < limits::kBackgroundShells; ++n) desk.started("stay x");
}

TEST_CASE("so many background shells and not one more") {
  Desk desk;
  std::vector<std::string> ids;
  for (std::size_t n = 0; n < limits::kBackgroundShells; ++n) ids.push_back(desk.started("stay x"));
  const auto refused = desk.start("stay x");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "busy");
  CHECK(refused.error().message.find("KillShell") != std::string::npos);
  REQUIRE(desk.run(make_kill_shell, {{"shell_id", ids[3]}}));
  CHECK(desk.start("stay x"));
  CHECK_FALSE(desk.start("stay x"));
}

TEST_CASE("ended shells stay readable until as many again were started; the oldest goes first") {
  Desk desk;
  std::vector<std::string> ids;
  for (std::size_t n = 0; n < 2 * limits::kBackgroundShells + 1; ++n) {
    ids.push_back(desk.started("done"));
    desk.settled(ids.back(), true);
  }
  CHECK(desk.tools.shells->read(ids[0], {}).error().code == "not_found");
  for (std::size_t n = 1; n < ids.size(); ++n) CHECK(desk.tools.shells->read(ids[n], {}));
}

TEST_CASE("BashOutput shows what is new, by cursor, and only the lines that a filter names") {
  Desk desk;
  const std::string id = desk.started("stay one\ntwo ERROR\nthree\nfour ERROR\n");
  desk.settled(id, false);
  auto reply = desk.run(make_bash_output, {{"bash_id", id}, {"cursor", 0}, {"filter", "ERROR$"}});
  REQUIRE(reply);
  CHECK((*reply->structured)["output"] == "two ERROR\nfour ERROR\n");
  CHECK((*reply->structured)["running"] == true);
  CHECK((*reply->structured)["cursor"] == 31);
  reply = desk.run(make_bash_output, {{"bash_id", id}});
  REQUIRE(reply);
  CHECK(reply->structured->value("output", "") == "");
  reply = desk.run(make_bash_output, {{"bash_id", id}, {"cursor", 20}});
  REQUIRE(reply);
  CHECK((*reply->structured)["output"] == "four ERROR\n");
  CHECK(desk.run(make_bash_output, {{"bash_id", id}, {"filter", "("}}).error().kind ==
        ErrorKind::invalid_argument);
  CHECK(desk.run(make_bash_output, {{"bash_id", "nobody"}}).error().code == "not_found");
}

TEST_CASE("a file that no slot can change is explained") {
  Desk desk;
  const std::string printed = "bash: line 1: theirs: Value too large for defined data type\n";
  const std::string id = desk.started(printed);
  desk.settled(id, true);
  const auto reply = desk.run(make_bash_output, {{"bash_id", id}, {"cursor", 0}});
  REQUIRE(reply);
  CHECK(reply->text.find("EOVERFLOW): a file whose owner is not the workspace's") !=
        std::string::npos);
  const auto foreground = desk.run(make_bash, {{"command", "stderr " + printed}});
  REQUIRE(foreground);
  CHECK((*foreground->structured)["notices"][0].get<std::string>().find("chown") !=
        std::string::npos);
  const auto usual = desk.run(make_bash, {{"command", "all is well"}});
  REQUIRE(usual);
  CHECK(usual->text.find("EOVERFLOW") == std::string::npos);
}

TEST_CASE("KillShell ends it once, tells its last output and holds what it changed") {
  Desk desk;
  const std::string id = desk.started("stay last words");
  desk.settled(id, false);
  const auto reply = desk.run(make_kill_shell, {{"shell_id", id}});
  REQUIRE(reply);
  CHECK((*reply->structured)["running"] == false);
  CHECK((*reply->structured)["ended"]["signal"] == 9);
  CHECK((*reply->structured)["ended"]["changes"][0]["outcome"] == "held");
  CHECK((*reply->structured)["ended"].contains("change_set"));
  CHECK_FALSE(desk.scratch.exists("work/half.txt"));
  CHECK(desk.run(make_kill_shell, {{"shell_id", id}}).error().code == "not_found");
  CHECK(desk.run(make_bash_output, {{"bash_id", id}}).error().code == "not_found");
}
