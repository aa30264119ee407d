#include "memory/server_rows.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include <doctest/doctest.h>

#include "memory/approval_rows.h"
#include "tests/memory/no_threads.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

using namespace std::chrono_literals;

auto soon(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TEST_CASE("a server is listed while it lives and reaped when killed") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  ServerRows rows(*state);
  auto here = ServerRegistration::make(*state, "technical-support-engineer", "inst_1", "uid:0/tse");
  REQUIRE(here);
  CHECK((*here)->row().pid == ::getpid());
  CHECK((*here)->row().start_ticks > 0);
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto mine = State::open({scratch.at("state"), {}}, system_clock());
    auto server = ServerRegistration::make(**mine, "qa-lead", "inst_2", "uid:0/qa");
    ApprovalRows approvals(**mine);
    NewApproval question;
    question.server_id = (*server)->row().server_id;
    auto wake = Wake::open(**mine, (*server)->row().server_id);
    const bool good = approvals.create(question) && wake;
    static_cast<void>(!::write(ready[1], good ? "y" : "n", 1));
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(rows.list().value().size() == 2);
  CHECK(rows.reap().value().empty());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ApprovalRows approvals(*state);
  CHECK(approvals.list_pending().value().size() == 1);
  const auto dead = rows.reap().value();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].agent == "qa-lead");
  CHECK(dead[0].pid == pid);
  CHECK(!std::filesystem::exists(scratch.at("state/wake/" + dead[0].server_id)));
  CHECK(approvals.list_pending().value().empty());
  CHECK(rows.list().value().size() == 1);
  here->reset();
  CHECK(rows.list().value().empty());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("another process wakes the one that waits for its topic") {
  // A long directory: the socket's path would not fit into sun_path.
  const Scratch scratch;
  auto state = open_state(scratch, system_clock(), std::string(150, 'd'));
  const std::string id = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  auto wake = Wake::open(*state, id);
  REQUIRE(wake);
  const std::stop_token never;
  Wake::Watch watch(**wake, "approval:1"), other(**wake, "approval:2");
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto mine = State::open({state->directory(), {}}, system_clock());
    ::_exit(mine && notify(**mine, "", "approval:1") ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
  // Named before the wait began: not missed.
  CHECK(watch.wait(soon(10s), never));
  CHECK(!watch.wait(soon(1ms), never));
  CHECK(!other.wait(soon(1ms), never));
  REQUIRE(notify(*state, id, "approval:2"));
  CHECK(other.wait(soon(10s), never));
  CHECK(!notify(*state, id, std::string(1000, 'x')));
}

TEST_CASE("without a thread that receives, a waiter looks by itself before its deadline") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  const std::string id = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  auto wake = Wake::open(*state, id);
  REQUIRE(wake);
  const std::stop_token never;
  {
    const test::NoThreads none;
    Wake::Watch watch(**wake, "t");
    const auto deadline = soon(60s);
    CHECK(!watch.wait(deadline, never));
    CHECK(std::chrono::steady_clock::now() < deadline);
  }
  // Nothing of it is left for the receiver of the next one to touch.
  Wake::Watch watch(**wake, "t");
  REQUIRE(notify(*state, id, "t"));
  CHECK(watch.wait(soon(10s), never));
}

TEST_CASE("a wait ends at its deadline and when its call is cancelled") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  auto wake = Wake::open(*state, "01KA7Y5W0Z3T8N6Q4M2P1R9S7V");
  REQUIRE(wake);
  Wake::Watch watch(**wake, "t");
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  CHECK(!watch.wait(soon(30s), stop.get_token()));
}

TEST_CASE("the socket of a dead process is removed by whoever meets it") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  const std::string id = "01KA7Y5W0Z3T8N6Q4M2P1R9S7V";
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto mine = State::open({scratch.at("state"), {}}, system_clock());
    auto wake = Wake::open(**mine, id);
    ::_exit(wake ? 0 : 1);
  }
  ::waitpid(pid, nullptr, 0);
  CHECK(std::filesystem::exists(scratch.at("state/wake/" + id)));
  CHECK(notify(*state, "", "reload"));
  CHECK(!std::filesystem::exists(scratch.at("state/wake/" + id)));
}

}  // namespace
}  // namespace remit::memory
