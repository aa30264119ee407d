// The operator's side from outside: what a yes needs, what locks, what a watcher sees, and how a
// running command is cancelled over the wire.
#include <doctest/doctest.h>

#include "tests/e2e/served.h"

namespace remit::e2e {
namespace {

constexpr const char* kAsks = "perl -e 'print 6*7'";  // an interpreter: high risk

struct Desk : House {
  Desk() { set_pin(*this); }
  // An operator's command with its state directory; what it says on both streams.
  std::string run(const std::string& command, int* code) const {
    const std::string out = path + "/run";
    *code = shell("cd '" + workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                  " --state '" + path + "/state' > '" + out + "' 2>&1 </dev/null");
    return slurp(out);
  }
  std::string approve(const Json& question, const std::string& pin, const std::string& digest,
                      int* code) const {
    return pty(*this, pin.empty() ? "" : "--expect PIN: --secret " + pin,
               "approve " + question["id"].get<std::string>() + " --digest " + digest, code);
  }
  Json waiting() const {
    int code = 0;
    const auto all = parse_json(run("approvals --json", &code));
    REQUIRE(all);
    return (*all)["pending"];
  }
};

// A desk whose agent has asked for a command that needs a person.
struct Asked : Desk {
  Client client{*this};
  const int call = client.start("Bash", {{"command", kAsks}});
  const Json question = pending(*this);
  const std::string sha = question["sha256"];
};

// A program that runs beside the test until this goes.
struct Beside {
  explicit Beside(const std::string& command) {
    pid = fork();
    if (pid != 0) return;
    setpgid(0, 0);
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  ~Beside() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  pid_t pid = 0;
};

TEST_CASE("--digest takes the whole digest and no other") {
  const Asked desk;
  int code = 0;
  for (const std::string& digest :
       {desk.sha.substr(0, 6), desk.sha.substr(0, 63), desk.sha + "0"}) {
    const std::string said = desk.approve(desk.question, "", digest, &code);
    CHECK(code == 2);
    CHECK_MESSAGE(has(said, "all 64 digits"), said);
  }
  const std::string said = desk.approve(desk.question, "", std::string(64, '0'), &code);
  CHECK(code != 0);
  CHECK_MESSAGE(has(said, "not the digest"), said);
  CHECK(desk.waiting().size() == 1);
  desk.approve(desk.question, kPin, desk.sha, &code);
  CHECK(code == 0);
  CHECK(desk.waiting().empty());
}

TEST_CASE("explain decides a command for the sandbox of this machine and names its tier") {
  const Desk desk;
  int code = 0;
  const auto machine = parse_json(desk.run("doctor --json", &code));
  REQUIRE(machine);
  const auto explained = parse_json(desk.run(
      R"(explain technical-support-engineer Bash '{"command":"perl -e 1"}' --json)", &code));
  REQUIRE(explained);
  CHECK((*explained)["tier"] == (*machine)["tier"]);
  CHECK((*explained)["decision"] == ((*machine)["tier"] == "t3" ? "deny" : "ask"));
  const auto other = parse_json(
      desk.run(R"(explain technical-support-engineer Read '{"file_path":"x"}' --json)", &code));
  REQUIRE(other);
  CHECK_FALSE(other->contains("tier"));
}

TEST_CASE("explain answers for what memory_history and rename do, not for their first step") {
  const Desk desk;
  int code = 0;
  const auto decision = [&](const std::string& call) {
    const auto said =
        parse_json(desk.run("explain technical-support-engineer " + call + " --json", &code));
    REQUIRE(said);
    return (*said)["decision"].get<std::string>();
  };
  // Write-only: read back is what it wrote itself.
  const std::string issues = R"('{"path":"_knowledge/semantic/known_issues.yaml"}')";
  CHECK(decision("memory_read " + issues) == "deny");
  CHECK(decision("memory_history " + issues) == "allow");
  CHECK(decision(R"(memory_history '{"path":"inst_other/x.yaml"}')") == "deny");
  CHECK(decision(R"(memory_search '{"pattern":"x"}')") == "allow");
  CHECK(decision(R"(memory_write '{"path":"_knowledge/procedural/troubleshooting_runbooks.yaml",)"
                 R"("op":"rename","to":"inst_other/x.yaml"}')") == "deny");
}

TEST_CASE("five wrong PINs lock approving, also for the right one") {
  const Asked desk;
  int code = 0;
  for (int n = 0; n < 5; ++n) {
    const std::string said = desk.approve(desk.question, "0000", desk.sha, &code);
    CHECK(code != 0);
    CHECK_MESSAGE(has(said, "wrong PIN"), said);
  }
  const std::string said = desk.approve(desk.question, kPin, desk.sha, &code);
  CHECK(code != 0);
  CHECK_MESSAGE(has(said, "locked"), said);
  CHECK(desk.waiting().size() == 1);
}

TEST_CASE("call --yes runs its own command and answers nobody else's question") {
  Asked desk;
  int code = 0;
  const std::string said =
      desk.run("call '" + desk.persona +
                   "' Bash '{\"command\":\"perl -e '\\''print 6*7'\\''\"}' --yes --workspace '" +
                   desk.workspace + "' --instruction inst_20260110_001",
               &code);
  CHECK_MESSAGE(code == 0, said);
  CHECK_MESSAGE(has(said, "42"), said);
  const Json left = desk.waiting();
  REQUIRE(left.size() == 1);
  CHECK(left[0]["id"] == desk.question["id"]);
  // It is still the terminal's to answer, and the answer reaches the one who asked.
  desk.approve(desk.question, kPin, desk.sha, &code);
  CHECK(code == 0);
  CHECK(has(desk.client.text_of(desk.client.take(desk.call)), "42"));
}

TEST_CASE("approvals --watch prints a question when it is asked, and why it cannot watch") {
  const Desk desk;
  const std::string out = desk.path + "/watched";
  const std::string watch = "'" + variable("REMIT_BINARY") +
                            "' approvals --watch --json --state '" + desk.path + "/state' > '" +
                            out + "' 2>&1";
  {
    const Beside watcher(watch);
    REQUIRE(within(kPatience, [&] { return has(slurp(out), "\"pending\":[]"); }));
    Client client(desk);
    client.start("Bash", {{"command", kAsks}});
    const Json question = pending(desk);
    // By itself it would look again after 30 s.
    CHECK(within(kPatience / 2, [&] { return has(slurp(out), question["id"]); }));
    CHECK_MESSAGE(!has(slurp(out), "remit:"), slurp(out));
  }
  REQUIRE(chmod((desk.path + "/state/wake").c_str(), 0755) == 0);
  int code = 0;
  const std::string said = desk.run("approvals --watch", &code);
  CHECK(code != 0);
  CHECK_MESSAGE(has(said, "wake in the state directory is open to others; run chmod 700"), said);
  CHECK(std::count(said.begin(), said.end(), '\n') == 1);
}

TEST_CASE("a cancelled command is gone with its tree, is not answered, and its changes are held") {
  const Desk desk;
  const std::string pipe_name = "waits-" + std::to_string(getpid());
  REQUIRE(mkfifo((desk.workspace + "/" + pipe_name).c_str(), 0600) == 0);
  Client client(desk);
  const int id = client.start("Bash", {{"command", "printf half > half.txt; setsid cat " +
                                                       pipe_name + " & cat " + pipe_name}});
  const Json question = pending(desk);
  int code = 0;
  desk.approve(question, kPin, question["sha256"], &code);
  REQUIRE(code == 0);
  // bash and two cats.
  REQUIRE(within(kPatience, [&] { return alive(pipe_name) >= 3; }));
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
              std::to_string(id) + R"(,"reason":"no longer needed"}})");
  CHECK(within(kPatience, [&] { return alive(pipe_name) == 0; }));
  // What it had changed waits for a person and is not in the workspace.
  std::string sets;
  CHECK(within(kPatience, [&] {
    sets = desk.run("changes ls", &code);
    return has(sets, "half.txt");
  }));
  CHECK_MESSAGE(code == 0, sets);
  CHECK_FALSE(files::exists(desk.workspace + "/half.txt"));
  CHECK(has(client.works("Bash", {{"command", "echo back"}}), "back"));
  CHECK_MESSAGE(!client.was_answered(id), "a late reply");
  CHECK(desk.waiting().empty());
}

}  // namespace
}  // namespace remit::e2e
