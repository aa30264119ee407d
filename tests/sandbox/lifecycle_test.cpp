// Nothing outlives a command, a starter or a server.
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>

#include "base/fs.h"
#include "tests/left_behind.h"
#include "tests/sandbox/fixture.h"
#include "tests/within.h"

namespace remit::sandbox::test {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace stdfs = std::filesystem;

std::string file_text(const char* path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("daemons die with their command") {
  World world;
  const std::string mark = unique_sleep(), sleep = "sleep " + mark;
  const Ran ran = world.run(
      "setsid " + sleep + " >/dev/null 2>&1 & (trap '' HUP TERM; setsid bash -c '" + sleep + " & " +
      sleep + "' >/dev/null 2>&1 &) ; nohup " + sleep + " >/dev/null 2>&1 & echo started");
  CHECK(ran.out == "started\n");
  CHECK(count_processes(mark) == 0);
}

TEST_CASE("many commands at once, each with its own layer and output") {
  World world;
  world.write("work space/shared", "s\n");
  world.start();
  std::vector<std::jthread> threads;
  std::vector<std::string> out(8);
  for (std::size_t i = 0; i < out.size(); ++i)
    threads.emplace_back([&, i] {
      auto ran = world.try_run(
          world.plan("echo " + std::to_string(i) + " >> shared; sleep 0.1; cat shared"));
      out[i] = ran ? ran->out : ran.error().message;
    });
  threads.clear();
  for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == "s\n" + std::to_string(i) + "\n");
  CHECK(world.read("work space/shared") == "s\n");
}

TEST_CASE("kill -9 of the server leaves no process, mount, group or file") {
  World world;
  const std::string mark = unique_sleep(), sleep = "sleep " + mark;
  Clock::duration quickest = kPatience;
  for (int round = 0; round < 6; ++round) {
    const pid_t server = fork();
    if (server == 0) {
      world.start();
      static_cast<void>(
          world.try_run(world.plan("setsid " + sleep + " & trap '' TERM; echo x > f; " + sleep)));
      _exit(0);
    }
    // Early rounds hit the canary and the building of the view, late ones the command.
    if (round < 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(3 + round * 10));
    else
      CHECK(within(kPatience, [&] { return count_processes(mark) >= 2; }));
    kill(server, SIGKILL);
    const auto killed = Clock::now();
    REQUIRE(waitpid(server, nullptr, 0) == server);
    CHECK(within(kPatience, [&] { return count_processes(mark) == 0; }));
    if (round >= 3) quickest = std::min(quickest, Clock::now() - killed);
  }
  MESSAGE("gone after ", std::chrono::duration<double, std::milli>(quickest).count(), " ms");
  CHECK(within(kPatience, [] { return left_groups() == 0; }));
  CHECK(mounts_of(world.root) == "");
  world.start();  // sweeps what a killed canary left
  static_cast<void>(world.spawner().report());
  CHECK(within(kPatience, [&] { return stdfs::is_empty(world.state); }));
  CHECK_FALSE(world.exists("work space/f"));
}

TEST_CASE("kill -9 of the starter ends what runs, and the caller learns it") {
  World world;
  const std::string mark = unique_sleep();
  world.start();
  static_cast<void>(world.spawner().report());
  std::string said;
  {
    std::jthread runner([&] {
      const auto ran = world.try_run(world.plan("sleep " + mark + "; true"));
      said = ran ? "outcome" : ran.error().code;
    });
    // The supervisor's bash and sleep.
    CHECK(within(kPatience, [&] { return count_processes(mark) >= 2; }));
    const std::string children =
        file_text(("/proc/self/task/" + std::to_string(getpid()) + "/children").c_str());
    const pid_t starter = std::atoi(children.c_str());
    REQUIRE(starter > 0);
    kill(starter, SIGKILL);
    CHECK(within(kPatience, [&] { return count_processes(mark) == 0; }));
  }
  CHECK(said == "sandbox_unavailable");
  CHECK_FALSE(world.try_run(world.plan("true")).has_value());
}

TEST_CASE("start waits for nothing: the canary runs beside it") {
  // The canary's folder goes before its report comes. Of a few tries, since a loaded machine may
  // keep any one caller away for so long.
  bool beside = false;
  for (int tries = 0; tries < 10 && !beside; ++tries) {
    World one;
    const Fd watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    REQUIRE(inotify_add_watch(watch.get(), one.state.c_str(), IN_DELETE) >= 0);
    char event[4096];
    const auto canary_done = [&] { return read(watch.get(), event, sizeof event) > 0; };
    one.start();
    beside = !canary_done();
    // It was to be seen: without that the line above would say nothing.
    if (beside) CHECK(within(kPatience, canary_done));
  }
  CHECK(beside);
  World world;
  world.start();
  const policy::SandboxReport& report = world.spawner().report();
  CHECK(report.tier == policy::Tier::t1);
  CHECK(report.profile_sha256.size() == 64);
  CHECK(report.canary.size() >= 14);
}

TEST_CASE("a forced tier is not weakened silently") {
  World world;
  StarterOptions options;
  options.forced_tier = policy::Tier::t3;
  world.start(options);
  const auto refused = world.try_run(world.plan("echo ran"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::unavailable);
  CHECK(refused.error().code == "sandbox_unavailable");
}

}  // namespace remit::sandbox::test
