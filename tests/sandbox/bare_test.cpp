// Slots without namespaces (tier t2): what holds there, and what is weaker, by the same starter.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"

namespace remit::sandbox::test {

namespace {

// Whether a command's outcome says that it did not get what it was after.
std::string tried(World& world, const policy::SpawnPlan& plan) {
  const Ran ran = world.run(plan);
  return ran.out.find("GOT") == std::string::npos ? "no" : ran.out;
}

// Whether the command gets it without a slot, in `folder`. Else being refused in one says nothing:
// a program that is missing is refused everywhere.
bool gets_it_outside(const std::string& folder, const std::string& command) {
  const std::string out = folder + ".out";
  const std::string quoted = "cd '" + folder + "' && exec >'" + out + "' 2>&1 && " + command;
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/bash", "bash", "-c", quoted.c_str(), nullptr);
    _exit(127);
  }
  waitpid(pid, nullptr, 0);
  std::ifstream in(out);
  std::stringstream text;
  text << in.rdbuf();
  std::filesystem::remove(out);
  return text.str().find("GOT") != std::string::npos;
}

// The programs that a slot does not have, of those named.
std::string missing(World& world, const std::string& programs) {
  return world.run("for p in " + programs + "; do command -v $p >/dev/null || echo $p; done").out;
}

}  // namespace

TEST_CASE("the tier without namespaces proves itself and runs what only reads") {
  BareWorld world;
  const policy::SandboxReport& report = world.spawner().report();
  std::string failed;
  for (const policy::CanaryPoint& point : report.canary)
    if (!point.ok) failed += point.name + ": " + point.detail + "\n";
  CAPTURE(failed);
  REQUIRE(report.tier == policy::Tier::t2);
  world.write("work space/sub/a.log", "one\ntwo\n");
  world.write("logs/b.log", "three\n");
  policy::SpawnPlan plan = world.plan("grep -c . sub/a.log; cat '" + world.logs + "/b.log'; ls");
  plan.view.read_only_roots = {world.logs};
  const Ran ran = world.run(plan);
  CHECK(ran.out == "2\nthree\nAgent_Memory\nsub\n");
  CHECK(ran.outcome.exit_code == 0);
  CHECK(ran.outcome.changes.empty());
  CHECK(ran.outcome.cwd == world.workspace);
}

TEST_CASE("nothing is written but in the private folder, which goes with the command") {
  for (const int abi : {1, 1000}) {
    CAPTURE(abi);
    BareWorld world(abi);
    world.write("work space/kept", "k\n");
    chmod((world.workspace + "/kept").c_str(), 0666);
    chmod(world.workspace.c_str(), 0777);
    const std::string before = world.tree_hash();
    const std::string mark = "remit-outside-" + std::to_string(getpid());
    for (const std::string& command : std::vector<std::string>{
             "echo x > new && echo GOT", "echo x >> kept && echo GOT", ": > kept && echo GOT",
             "truncate -s 0 kept && echo GOT", "rm -f kept && [ ! -e kept ] && echo GOT",
             "mv kept moved && echo GOT", "mkdir d && echo GOT", "ln kept hard && echo GOT",
             "ln -s kept soft && echo GOT", "mkfifo p && echo GOT", "chmod 777 kept && echo GOT",
             "touch kept && echo GOT",
             "perl -MFcntl -e 'sysopen(F, qq(kept), O_RDONLY | O_TRUNC) and print qq(GOT)'",
             "echo x > /tmp/" + mark + " && echo GOT",
             "echo x > /dev/shm/" + mark + " && echo GOT"}) {
      CAPTURE(command);
      const std::string copy = world.state + "/outside";
      std::filesystem::create_directory(copy);
      std::ofstream(copy + "/kept") << "k\n";
      CHECK(gets_it_outside(copy, command));
      std::filesystem::remove_all(copy);
      for (const char* folder : {"/tmp/", "/dev/shm/"}) std::filesystem::remove(folder + mark);
      CHECK(tried(world, world.plan(command)) == "no");
    }
    CHECK(world.tree_hash() == before);
    const Ran ran = world.run("echo mine > \"$TMPDIR/x\"; cat ~/x; echo \"$HOME\"");
    CHECK(ran.out.substr(0, 5) == "mine\n");
    CHECK_FALSE(std::filesystem::exists(ran.out.substr(5, ran.out.size() - 6)));
  }
}

TEST_CASE("what the view would not have shown cannot be read") {
  BareWorld world;
  world.write("work space/.env", "SECRET\n");
  world.write("work space/sub/.env", "SECRET\n");
  world.write("work space/sub/open", "open\n");
  world.write("work space/Agent_Memory/mine.yaml", "mine: 1\n");
  world.write("work space/Agent_Memory/others.yaml", "SECRET\n");
  world.write("beside", "SECRET\n");
  std::filesystem::create_symlink(world.root + "/beside", world.workspace + "/link");
  policy::SpawnPlan plan = world.plan("");
  plan.view.masks = {".env", "sub/.env"};
  plan.view.memory = world.memory;
  plan.view.memory_documents = {"mine.yaml"};
  const auto reads = [](const std::string& path) {
    return "cat " + path + " && echo GOT; cat < " + path + " && echo GOT";
  };
  for (const char* path : {".env", "sub/.env", "Agent_Memory/others.yaml", "../beside", "link",
                           "/etc/passwd", "/proc/self/environ", "/proc/1/status"}) {
    CAPTURE(path);
    CHECK(gets_it_outside(world.workspace, reads(path)));
    plan.command = reads(path);
    CHECK(tried(world, plan) == "no");
  }
  // What not every machine has, or not for every user.
  for (const char* path : {"/etc/shadow", "/dev/mem", "/root/.bashrc", "/var/log/dpkg.log"}) {
    CAPTURE(path);
    plan.command = reads(path);
    CHECK(tried(world, plan) == "no");
  }
  plan.command = "ls ../state && echo GOT";
  CHECK(tried(world, plan) == "no");
  plan.command = "cat sub/open Agent_Memory/mine.yaml";
  CHECK(world.run(plan).out == "open\nmine: 1\n");
}

TEST_CASE("a file made after the rules is read only where the folder itself is a rule") {
  BareWorld world;
  world.write("work space/sub/.env", "SECRET\n");
  for (const bool beside_a_mask : {false, true}) {
    CAPTURE(beside_a_mask);
    policy::SpawnPlan plan = world.plan(
        "echo started; until [ -e sub/late ]; do sleep 0.02; done; cat sub/late && echo GOT; echo "
        "tried");
    if (beside_a_mask)
      plan.view.masks = {"sub/.env"};  // the folder's entries are rules, not the folder
    std::string said;
    const auto made_meanwhile = [&](policy::Stream, std::string_view bytes) {
      said += bytes;
      if (said.find("started") != std::string::npos) world.write("work space/sub/late", "late\n");
    };
    REQUIRE(world.spawner().run(plan, made_meanwhile, {}));
    CHECK(said.find("tried") != std::string::npos);
    CHECK((said.find("GOT") == std::string::npos) == beside_a_mask);
    std::filesystem::remove(world.workspace + "/sub/late");
  }
}

TEST_CASE("no network, no signals to strangers, no IPC of the host") {
  for (const int abi : {1, 1000}) {
    CAPTURE(abi);
    BareWorld world(abi);
    CHECK(missing(world, "grep kill renice prlimit ipcmk unshare flock true") == "");
    const pid_t stranger = fork();
    if (stranger == 0) {
      // Of the same user as the command, when that is an ordinary one.
      pause();
      _exit(0);
    }
    const std::string pid = std::to_string(stranger);
    for (const std::string& command :
         {std::string("(exec 3<>/dev/tcp/127.0.0.1/1) 2>&1 | grep -q refused && echo GOT"),
          "kill -0 " + pid + " && echo GOT", "kill -9 " + pid + " && echo GOT",
          "renice 19 -p " + pid + " && echo GOT",
          "prlimit --pid " + pid + " --nofile=1 && echo GOT",
          std::string("ipcmk -M 100 && echo GOT"), std::string("unshare -r true && echo GOT"),
          std::string("flock -n . true && echo GOT")}) {
      CAPTURE(command);
      CHECK(tried(world, world.plan(command)) == "no");
    }
    CHECK(kill(stranger, 0) == 0);
    kill(stranger, SIGKILL);
    waitpid(stranger, nullptr, 0);
  }
}

TEST_CASE("daemons of a bare slot die with their command, and on a kill") {
  BareWorld world;
  const std::string mark = unique_sleep(), sleep = "sleep " + mark;
  const Ran ran =
      world.run("setsid " + sleep + " >/dev/null 2>&1 & (trap '' HUP TERM; setsid bash -c '" +
                sleep + " & " + sleep + "' >/dev/null 2>&1 &) ; echo started");
  CHECK(ran.out == "started\n");
  CHECK(count_processes(mark) == 0);
  policy::SpawnPlan plan = world.plan("for i in 1 2 3; do setsid " + sleep + " & done; " + sleep);
  plan.limits.wall = std::chrono::milliseconds(300);
  CHECK(world.run(plan).outcome.timed_out);
  CHECK(count_processes(mark) == 0);
}

TEST_CASE("a workspace of too many entries beside something hidden is refused by name") {
  BareWorld world;
  for (std::size_t i = 0; i <= kBareEntries; ++i)
    world.write("work space/many/" + std::to_string(i), "");
  world.write("work space/many/.env", "SECRET\n");
  policy::SpawnPlan plan = world.plan("echo ran");
  plan.view.masks = {"many/.env"};
  const auto refused = world.try_run(plan);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("entries lie beside something hidden") != std::string::npos);
  // Without anything hidden below it, a folder is one rule.
  plan.view.masks.clear();
  CHECK(world.run(plan).out == "ran\n");
}

}  // namespace remit::sandbox::test
