// Each limit is hit, named, and does not hurt the host.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"
#include "tests/within.h"

namespace remit::sandbox::test {

namespace {

using namespace std::chrono_literals;
// How quickly something is killed is asked of the kernel's accounting: the CPU that a busy loop got
// between the request and its death. However loaded the machine is, that is at most the time which
// passed, so a bound on it fails for a slow sandbox only. A quiet machine shows the whole time.
constexpr auto kKilledWithin = 1s;

std::chrono::microseconds cpu_of(const policy::SpawnOutcome& outcome) {
  return std::chrono::microseconds(outcome.user_us + outcome.system_us);
}

}  // namespace

TEST_CASE("wall time") {
  World world;
  policy::SpawnPlan plan =
      world.plan("echo a > f; echo started; trap '' TERM INT; while :; do :; done");
  plan.limits.wall = 2s;  // the slot's own start counts, too
  const Ran ran = world.run(plan);
  CHECK(cpu_of(ran.outcome) > 0us);
  CHECK(cpu_of(ran.outcome) < plan.limits.wall + kKilledWithin);
  CHECK(ran.outcome.timed_out);
  CHECK(ran.outcome.limit == "wall");
  CHECK(ran.outcome.killed());
  CHECK(ran.out.find("started") == 0);
  // What it was to the host is known, and gone.
  CHECK(ran.outcome.pid > 1);
  CHECK(::kill(static_cast<pid_t>(ran.outcome.pid), 0) != 0);
  const auto& missing = world.spawner().report().degraded;
  CHECK(ran.outcome.cgroup.empty() ==
        (std::find(missing.begin(), missing.end(), "no_cgroup") != missing.end()));
  if (!ran.outcome.cgroup.empty()) CHECK(::access(ran.outcome.cgroup.c_str(), F_OK) != 0);
  CHECK(ran.change(world.workspace + "/f") !=
        nullptr);  // a killed command's changes are listed too
}

TEST_CASE("idle time, and none when switched off") {
  World world;
  policy::SpawnPlan plan = world.plan("echo a; sleep 30");
  plan.limits.idle = 2s;  // the slot's own start counts, too
  const Ran ran = world.run(plan);
  CHECK(ran.outcome.timed_out);
  CHECK(ran.outcome.limit == "idle");
  CHECK(ran.out == "a\n");
  plan.command = "sleep 0.4; echo done";
  plan.limits.idle = 0ms;
  CHECK(world.run(plan).out == "done\n");
}

TEST_CASE("cancellation kills the tree within a second") {
  World world;
  world.start();
  static_cast<void>(world.spawner().report());
  std::stop_source source;
  const std::string mark = unique_sleep();
  std::chrono::microseconds before{0};
  std::jthread canceller([&] {
    within(kPatience, [&] { return count_processes(mark) >= 2; });
    before = cpu_of_processes(mark);
    source.request_stop();
  });
  auto ran =
      world.try_run(world.plan("setsid sleep " + mark + " & trap '' TERM INT; while :; do :; done"),
                    source.get_token());
  canceller.join();
  REQUIRE(ran.has_value());
  CHECK(cpu_of(ran->outcome) - before < kKilledWithin);
  CHECK(ran->outcome.cancelled);
  CHECK(ran->outcome.killed());
  CHECK(count_processes(mark) == 0);
}

TEST_CASE("cpu time") {
  World world;
  policy::SpawnPlan plan = world.plan("while :; do :; done");
  plan.limits.cpu = 1s;
  const Ran ran = world.run(plan);
  CHECK(ran.outcome.limit == "cpu");
  CHECK(cpu_of(ran.outcome) < plan.limits.cpu + kKilledWithin);
}

TEST_CASE("file size") {
  World world;
  policy::SpawnPlan plan = world.plan("head -c 2000000 /dev/zero > big; exit $?");
  plan.limits.file_bytes = 1'000'000;
  const Ran ran = world.run(plan);
  CHECK(ran.outcome.limit == "fsize");
  REQUIRE(ran.change(world.workspace + "/big") != nullptr);
  CHECK(ran.change(world.workspace + "/big")->bytes == 1'000'000);
}

TEST_CASE("a layer that is full is named") {
  World world;
  policy::SpawnPlan plan = world.plan("head -c 9000000 /dev/zero > big");
  plan.limits.layer_bytes = 1 << 20;
  CHECK(world.run(plan).outcome.limit == "layer");
  plan = world.plan("for i in $(seq 300); do : > f$i || break; done 2>/dev/null");
  plan.limits.layer_inodes = 200;
  CHECK(world.run(plan).outcome.limit == "layer");
}

TEST_CASE("/tmp is small") {
  World world;
  const Ran ran = world.run(
      "head -c 100000000 /dev/zero > /tmp/a; head -c 60000000 /dev/zero > /tmp/b; "
      "stat -c %s /tmp/a /tmp/b");
  CHECK(ran.outcome.changes.empty());
  CHECK(ran.out.find("100000000") == std::string::npos);
}

TEST_CASE("a fork bomb stays in its slot") {
  World world;
  // The shell waits, with what needs no process, until the bomb is told that there are no more. A
  // `sleep` instead would itself have to be forked in a full slot: bash tries that again after 1,
  // 2, 4 and 8 seconds, and how often depends on the machine.
  policy::SpawnPlan plan = world.plan(
      "mkfifo idle; f() { f | f & }; f 2>errors; "
      "until [ -s errors ]; do read -t 0.05 <>idle; done; echo still here");
  plan.limits.processes = 50;
  const Ran ran = world.run(plan);
  CHECK(ran.out == "still here\n");
  if (!degraded(world, "no_cgroup")) CHECK(ran.outcome.limit == "pids");
  // Another command has all of its own processes.
  CHECK(world.run("for i in $(seq 20); do sleep 0.1 & done; wait; echo ok").out == "ok\n");
}

TEST_CASE("memory") {
  World world;
  policy::SpawnPlan plan = world.plan("head -c 400000000 /dev/zero | tail | wc -c");
  plan.limits.memory_bytes = 64u << 20;
  const Ran ran = world.run(plan);
  CAPTURE(ran.out);
  if (degraded(world, "memory_per_process"))
    CHECK(ran.err.find("memory") != std::string::npos);  // "tail: memory exhausted"
  else
    CHECK(ran.outcome.limit == "memory");
  CHECK(ran.out.find("400000000") == std::string::npos);
}

TEST_CASE("descriptors") {
  World world;
  policy::SpawnPlan plan =
      world.plan("ulimit -n; ulimit -c; ulimit -n 5000 2>/dev/null || echo no");
  plan.limits.open_files = 64;
  CHECK(world.run(plan).out == "64\n0\nno\n");
}

}  // namespace remit::sandbox::test
