// The product from outside, locked in: every tool works under the lock, the process carries it, a
// changed persona changes nothing, a high risk needs the PIN, and nothing survives its end.
#include <doctest/doctest.h>

#include "tests/e2e/served.h"

namespace remit::e2e {

TEST_CASE("every tool works in a process that is locked in") {
  const House house;
  set_pin(house);
  int code = 0;
  Client client(house);
  const std::string status = slurp("/proc/" + std::to_string(client.pid) + "/status");
  CHECK(field_of(status, "NoNewPrivs") == "1");
  CHECK(field_of(status, "Seccomp") == "2");
  CHECK(!has(client.errors(), "not locked in"));
  if (geteuid() == 0)
    CHECK(std::strtoull(field_of(status, "CapEff").c_str(), nullptr, 16) == 0x2bULL);

  CHECK(has(client.works("Read", {{"file_path", "notes.txt"}}), "second line"));
  CHECK(has(client.works("Grep", {{"pattern", "exhausted"}, {"output_mode", "content"}}),
            "logs/api.log"));
  CHECK(has(client.works("Glob", {{"pattern", "**/*.txt"}}), "notes.txt"));
  client.works("Write", {{"file_path", "made.txt"}, {"content", "made\n"}});
  CHECK(slurp(house.workspace + "/made.txt") == "made\n");
  CHECK(client.call("Read", {{"file_path", "/etc/passwd"}}).starts_with("ERROR"));
  CHECK(client.call("Read", {{"file_path", house.path + "/state/keys/approval"}})
            .starts_with("ERROR"));
  CHECK(client.call("Read", {{"file_path", ".env"}}).starts_with("ERROR"));
  client.works("memory_list", {{"prefix", ""}});
  const std::string patterns = client.works("log_patterns", {{"source", {"logs/api.log"}}});
  CHECK(has(patterns, "exhausted"));
  client.works("memory_write",
               {{"path", "inst_20260110_001/tasks/completed/technical_resolution.yaml"},
                {"op", "create"},
                {"content", "resolution: restarted\n"}});

  // Bash: what policy allows runs at once, sees neither secrets nor others' memory nor the server's
  // world.
  const std::string see = client.works("Bash", {{"command", "ls Agent_Memory; echo ok"}});
  CHECK(!has(see, "known_issues"));
  CHECK(has(see, "ok"));
  const std::string far = client.works("Bash", {{"command", "seq 1 20000"}});
  const std::size_t uri = far.find("remit://bash/");
  REQUIRE_MESSAGE(uri != std::string::npos, far);
  const std::string name = far.substr(uri, far.find_first_of(" \n,;)]\"", uri) - uri);
  CHECK(has(client.works("Read", {{"file_path", name}, {"offset", 19990}, {"limit", 5}}), "19991"));
  CHECK(has(
      client.works("Grep", {{"pattern", "^1999[12]$"}, {"path", name}, {"output_mode", "content"}}),
      "19992"));
  client.works("Bash", {{"command", "cd sub/deep"}});
  CHECK(has(client.works("Bash", {{"command", "pwd"}}), "/sub/deep"));

  // High risk: the PIN, then its changes are applied and its deletion is held.
  const std::string command =
      "cd " + house.workspace +
      " && perl -e 1; cat .env sub/deep/.env.local; rm notes.txt; printf hi > new.txt";
  const int waiting = client.start("Bash", {{"command", command}});
  const Json question = pending(house);
  CHECK(question["risk"] == "high");
  const std::string yes = "approve " + question["id"].get<std::string>() + " --digest " +
                          question["sha256"].get<std::string>();
  CHECK(shell("'" + variable("REMIT_BINARY") + "' " + yes + " --state '" + house.path +
              "/state' </dev/null >/dev/null 2>&1") != 0);
  pty(house, "--expect PIN: --secret 0000", yes, &code);
  CHECK(code != 0);
  const std::string said = pty(house, "--expect PIN: --secret 4917", yes, &code);
  CHECK_MESSAGE(code == 0, said);
  CHECK(has(said, "printf hi"));
  const std::string ran = client.text_of(client.take(waiting));
  CHECK_MESSAGE(!ran.starts_with("ERROR"), ran);
  CHECK(slurp(house.workspace + "/new.txt") == "hi");
  CHECK(files::exists(house.workspace + "/notes.txt"));
  CHECK(has(ran, "held"));
  CHECK(!has(ran, "SECRET"));

  // Background: started, read, ended with its server.
  const std::string started = client.works(
      "Bash", {{"command", "seq 1 99999999999 >/dev/null"}, {"run_in_background", true}});
  CHECK(has(started, "background"));

  // The files that made this server change: nothing is read again.
  std::ofstream(house.persona, std::ios::trunc) << "---\nname: other\ntools: Read\n---\n";
  std::ofstream(house.path + "/technical-support-engineer.manifest.yaml", std::ios::trunc)
      << "version: 1\nlog_roots: [/]\n";
  client.works("Write", {{"file_path", "after.txt"}, {"content", "still\n"}});
  CHECK(client.call("Read", {{"file_path", "/etc/hostname"}}).starts_with("ERROR"));

  const auto asked = Steady::now();
  kill(client.pid, SIGTERM);
  client.end();
  MESSAGE("ended after " << std::chrono::duration<double, std::milli>(Steady::now() - asked).count()
                         << " ms");
  CHECK(shell("'" + variable("REMIT_BINARY") + "' ledger verify --state '" + house.path +
              "/state' >/dev/null") == 0);
}

TEST_CASE("a server that is killed leaves no process, and its questions end") {
  const House house;
  set_pin(house);
  int code = 0;
  const std::string mark = "99" + std::to_string(getpid()) + "0000000";
  Client client(house);
  client.works("Bash", {{"command", "seq 1 " + mark + " >/dev/null"}, {"run_in_background", true}});
  CHECK(within(kPatience, [&] { return alive(mark) > 0; }));
  client.start("Bash", {{"command", "perl -e 'print 1'"}});
  const Json question = pending(house);
  kill(client.pid, SIGKILL);
  client.end();
  CHECK(within(kPatience, [&] { return alive(mark) == 0; }));
  const std::string said = pty(house, "--expect PIN: --secret 4917",
                               "approve " + question["id"].get<std::string>() + " --digest " +
                                   question["sha256"].get<std::string>(),
                               &code);
  CHECK_MESSAGE(code != 0, said);
  Client again(house);
  CHECK(has(again.works("Bash", {{"command", "echo back"}}), "back"));
}

}  // namespace remit::e2e
