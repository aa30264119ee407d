// Slots that wait ready-made: used once, never for another world, gone with their starter.
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"
#include "tests/within.h"

namespace remit::sandbox::test {

namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// The parent of each process of this machine.
std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> all;
  for (const auto& entry : stdfs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream in(entry.path() / "stat");
    std::stringstream text;
    text << in.rdbuf();
    const std::string stat = text.str();
    const std::size_t end = stat.rfind(')');
    if (end == std::string::npos) continue;
    // pid (name) state ppid
    all[std::atoi(name.c_str())] = std::atoi(stat.c_str() + end + 4);
  }
  return all;
}

std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& [pid, its_parent] : parents())
    if (its_parent == parent) found.push_back(pid);
  return found;
}

// The supervisors that wait, each with its slot.
std::vector<pid_t> waiting() {
  std::vector<pid_t> supervisors;
  for (const pid_t starter : children(getpid()))
    for (const pid_t supervisor : children(starter))
      if (!children(supervisor).empty()) supervisors.push_back(supervisor);
  return supervisors;
}

bool full() {
  return waiting().size() == kWarmSlots;
}

}  // namespace

TEST_CASE("slots wait after the first command, and each serves one") {
  World world;
  world.write("work space/log", "one\n");
  world.start();
  CHECK(world.run("cat log; echo made > new").out == "one\n");
  REQUIRE(within(kPatience, full));
  const std::vector<pid_t> first = waiting();
  // What was written meanwhile is seen: the layer is mounted when the command comes.
  world.write("work space/log", "two\n");
  const Ran ran = world.run("cat log; ls; echo left behind > /tmp/x");
  CHECK(ran.out == "two\nAgent_Memory\nlog\n");
  CHECK(ran.outcome.cwd == world.workspace);
  CHECK(within(kPatience, [&] { return full() && waiting() != first; }));
  CHECK(world.run("ls -A /tmp").out.empty());
}

TEST_CASE("a slot is not used for another world") {
  World world;
  world.write("work space/who", "old\n");
  world.write("other/who", "other\n");
  world.start();
  CHECK(world.run("cat who").out == "old\n");
  REQUIRE(within(kPatience, full));
  policy::SpawnPlan plan = world.plan("cat who");
  plan.view.workspace = plan.cwd = world.root + "/other";
  CHECK(world.run(plan).out == "other\n");
  REQUIRE(within(kPatience, full));
  CHECK(world.run("cat who").out == "old\n");

  // The same path, another folder.
  REQUIRE(within(kPatience, full));
  stdfs::rename(world.workspace, world.root + "/moved");
  world.write("work space/who", "new\n");
  CHECK(world.run("cat who").out == "new\n");

  // A log folder that was rotated away and made again.
  plan = world.plan("cat " + world.logs + "/a.log");
  plan.view.read_only_roots = {world.logs};
  world.write("logs/a.log", "first\n");
  CHECK(world.run(plan).out == "first\n");
  REQUIRE(within(kPatience, full));
  stdfs::rename(world.logs, world.root + "/logs.1");
  world.write("logs/a.log", "second\n");
  CHECK(world.run(plan).out == "second\n");

  // Other limits of the control group.
  REQUIRE(within(kPatience, full));
  plan.command += "; for i in $(seq 40); do sleep 1 & done; wait";
  CHECK(world.run(plan).outcome.limit.empty());
  REQUIRE(within(kPatience, full));
  plan.limits.processes = 20;
  const Ran few = world.run(plan);
  CHECK(few.out == "second\n");
  if (!degraded(world, "no_cgroup")) CHECK(few.outcome.limit == "pids");
}

TEST_CASE("a slot does not outlive a change of the host's mounts") {
  if (geteuid() != 0) {
    MESSAGE("only root can mount here");
    return;
  }
  World world;
  world.write("work space/place/who", "below\n");
  world.start();
  CHECK(world.run("ls place").out == "who\n");
  REQUIRE(within(kPatience, full));
  const std::vector<pid_t> before = waiting();
  const std::string elsewhere = world.root + "/elsewhere";
  stdfs::create_directories(elsewhere);
  REQUIRE(mount("tmpfs", elsewhere.c_str(), "tmpfs", 0, nullptr) == 0);
  const Ran ran = world.run("ls place");
  CHECK(umount2(elsewhere.c_str(), MNT_DETACH) == 0);
  CHECK(ran.out == "who\n");
  CHECK(within(kPatience, [&] {
    for (const pid_t old : before)
      if (kill(old, 0) == 0) return false;
    return true;
  }));
}

TEST_CASE("a waiting slot that died is not missed") {
  World world;
  world.start();
  CHECK(world.run("echo 1").out == "1\n");
  REQUIRE(within(kPatience, full));
  const std::vector<pid_t> supervisors = waiting();
  kill(supervisors[0], SIGKILL);
  for (const pid_t slot : children(supervisors[1])) kill(slot, SIGKILL);
  // To the last of their descriptors: a process that is ending has lost its name before.
  REQUIRE(within(kPatience, [&] {
    return std::ranges::none_of(supervisors, [](pid_t pid) { return kill(pid, 0) == 0; });
  }));
  for (int i = 0; i < 4; ++i) CHECK(world.run("echo 2").out == "2\n");
}

TEST_CASE("waiting slots die with their starter, and with their server") {
  World world;
  world.start();
  CHECK(world.run("echo 1").out == "1\n");
  REQUIRE(within(kPatience, full));
  std::vector<pid_t> all = waiting();
  for (const pid_t supervisor : waiting())
    for (const pid_t slot : children(supervisor)) all.push_back(slot);
  REQUIRE(all.size() == 2 * kWarmSlots);
  SUBCASE("an orderly end") {
    world.stop();
  }
  SUBCASE("kill -9") {
    const std::vector<pid_t> starter = children(getpid());
    REQUIRE(starter.size() == 1);
    kill(starter[0], SIGKILL);
  }
  CHECK(within(kPatience, [&] {
    for (const pid_t process : all)
      if (kill(process, 0) == 0) return false;
    return true;
  }));
  world.stop();
  CHECK(stdfs::is_empty(world.state));
}

TEST_CASE("without waiting slots every command gets a fresh one") {
  World world;
  StarterOptions options;
  options.warm_slots = 0;
  world.start(options);
  CHECK(world.run("echo 1").out == "1\n");
  std::this_thread::sleep_for(5 * kRefillPause);
  CHECK(waiting().empty());
  CHECK(world.run("echo 2").out == "2\n");
}

}  // namespace remit::sandbox::test
