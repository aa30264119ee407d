#include "memory/task_rows.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <doctest/doctest.h>

#include "memory/server_rows.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

TaskRecord task(const std::string& id, std::int64_t at_ms, std::int64_t ttl_ms = 1000) {
  return {id, "Bash", TaskStatus::working, "", at_ms, at_ms, ttl_ms};
}

TEST_CASE("a task is its principal's, and its end is an end") {
  const Scratch scratch;
  ManualClock clock;
  auto state = open_state(scratch, clock);
  TaskRows rows(*state, "uid:1/a", "S1"), others(*state, "uid:1/b", "S1");
  TaskRecord one = task("t1", clock.unix_ms());
  REQUIRE(rows.create(one));
  CHECK_FALSE(rows.create(one));  // the id is taken
  CHECK(rows.find("t1").value()->tool == "Bash");
  CHECK_FALSE(others.find("t1").value());
  CHECK_FALSE(rows.find("t2").value());
  one.status = TaskStatus::input_required;
  one.body = R"({"k":{}})";
  REQUIRE(rows.update(one));
  CHECK(rows.find("t1").value()->body == one.body);
  one.status = TaskStatus::completed;
  one.body = R"({"content":[]})";
  REQUIRE(rows.update(one));
  one.status = TaskStatus::working;
  const auto late = rows.update(one);
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == ErrorKind::conflict);
  CHECK(rows.find("t1").value()->status == TaskStatus::completed);
  // It can be had for as long as was promised, and not longer.
  clock.advance_ms(1000);
  CHECK(rows.find("t1").value());
  clock.advance_ms(1);
  CHECK_FALSE(rows.find("t1").value());
}

TEST_CASE("a task that still runs does not expire") {
  const Scratch scratch;
  ManualClock clock;
  auto state = open_state(scratch, clock);
  auto server = ServerRegistration::make(*state, "a", "i", "uid:1/a");
  REQUIRE(server);
  TaskRows rows(*state, "uid:1/a", (*server)->row().server_id);
  REQUIRE(rows.create(task("t1", clock.unix_ms())));
  clock.advance_ms(5000);
  CHECK(rows.find("t1").value());
  CHECK(settle_tasks(*state, "{}").value() == 0);
  CHECK(rows.find("t1").value()->status == TaskStatus::working);
}

TEST_CASE("orders reach the server that runs the task, once, and only while it runs") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  auto second = open_state(scratch, system_clock());
  const std::string id = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  auto wake = Wake::open(*state, id);
  REQUIRE(wake);
  Wake::Watch watch(**wake, "tasks");
  TaskRows runner(*state, "uid:1/a", id);
  TaskRows other(*second, "uid:1/a", "01KA7Y5W0Z3T8N6Q4M2P1R9S7W");
  TaskRows stranger(*second, "uid:2/a", "S3");
  const std::int64_t now = system_clock().unix_ms();
  REQUIRE(runner.create(task("t1", now, 60'000)));
  CHECK(runner.take_orders().value().empty());
  CHECK(stranger.order({"t1", true, ""}).error().kind == ErrorKind::not_found);
  REQUIRE(other.order({"t1", false, R"({"a":{"action":"accept"}})"}));
  REQUIRE(other.order({"t1", false, R"({"b":{"action":"decline"}})"}));
  const std::stop_token never;
  CHECK(watch.wait(std::chrono::steady_clock::now() + std::chrono::seconds(20), never));
  CHECK(other.take_orders().value().empty());
  auto orders = runner.take_orders().value();
  REQUIRE(orders.size() == 1);
  CHECK_FALSE(orders[0].cancel);
  CHECK(orders[0].answers == R"({"a":{"action":"accept"},"b":{"action":"decline"}})");
  CHECK(runner.take_orders().value().empty());
  // A later answer to the same key takes the place of the whole earlier one, nulls and all.
  REQUIRE(other.order({"t1", false, R"({"q":{"action":"accept","content":{"a":1}}})"}));
  REQUIRE(other.order({"t1", false, R"({"q":{"action":"decline"},"r":{"content":{"n":null}}})"}));
  orders = runner.take_orders().value();
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].answers == R"({"q":{"action":"decline"},"r":{"content":{"n":null}}})");
  REQUIRE(other.order({"t1", true, ""}));
  orders = runner.take_orders().value();
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].cancel);
  TaskRecord done = task("t1", now, 60'000);
  done.status = TaskStatus::completed;
  done.body = "{}";
  REQUIRE(runner.update(done));
  REQUIRE(other.order({"t1", true, ""}));
  CHECK(runner.take_orders().value().empty());
}

TEST_CASE("what a killed server ran has failed at the next start") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto mine = State::open({scratch.at("state"), {}}, system_clock());
    auto server = ServerRegistration::make(**mine, "a", "i", "uid:1/a");
    TaskRows rows(**mine, "uid:1/a", (*server)->row().server_id);
    const std::int64_t now = system_clock().unix_ms();
    TaskRecord done = task("done", now, 60'000);
    bool good = rows.create(task("runs", now, 60'000)).has_value() && rows.create(done).has_value();
    done.status = TaskStatus::completed;
    done.body = R"({"ok":1})";
    good = good && rows.update(done).has_value();
    static_cast<void>(!::write(ready[1], good ? "y" : "n", 1));
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(ServerRows(*state).reap().value().empty());
  CHECK(settle_tasks(*state, R"({"code":1})").value() == 0);  // it lives
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  CHECK(ServerRows(*state).reap().value().size() == 1);
  CHECK(settle_tasks(*state, R"({"code":1})").value() == 1);
  TaskRows rows(*state, "uid:1/a", "next");
  const auto lost = rows.find("runs").value();
  REQUIRE(lost);
  CHECK(lost->status == TaskStatus::failed);
  CHECK(lost->body == R"({"code":1})");
  CHECK(rows.find("done").value()->body == R"({"ok":1})");
  CHECK(settle_tasks(*state, "{}").value() == 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("tasks and orders do not pile up") {
  const Scratch scratch;
  ManualClock clock;
  auto state = open_state(scratch, clock);
  TaskRows rows(*state, "uid:1/a", "S1"), others(*state, "uid:1/b", "S1");
  TaskRecord one = task("t0", clock.unix_ms());
  REQUIRE(rows.create(one));
  CHECK(rows.order({"t0", false, "{\"k\":\"" + std::string(1u << 20, 'x') + "\"}"}).error().kind ==
        ErrorKind::too_large);
  one.status = TaskStatus::completed;
  REQUIRE(rows.update(one));
  for (int i = 1; i < 256; ++i)
    REQUIRE(rows.create(task("t" + std::to_string(i), clock.unix_ms())));
  CHECK(rows.create(task("more", clock.unix_ms())).error().kind == ErrorKind::too_large);
  CHECK(others.create(task("other", clock.unix_ms())));
  clock.advance_ms(1001);  // the ended one makes room
  CHECK(rows.create(task("more", clock.unix_ms())));
}

TEST_CASE("what is over and expired is forgotten") {
  const Scratch scratch;
  ManualClock clock;
  auto state = open_state(scratch, clock);
  TaskRows rows(*state, "uid:1/a", "S1");
  TaskRecord one = task("t1", clock.unix_ms());
  REQUIRE(rows.create(one));
  one.status = TaskStatus::cancelled;
  REQUIRE(rows.update(one));
  clock.advance_ms(1001);
  REQUIRE(settle_tasks(*state, "{}"));
  REQUIRE(rows.create(task("t1", clock.unix_ms())));  // its row is gone
}

}  // namespace
}  // namespace remit::memory
