// The processes behind one address: what holds when one is killed, idles or ends, and what each is
// locked into.
#include <atomic>
#include <thread>
#include <vector>

#include "tests/e2e/agents_front.h"

namespace remit::e2e {
namespace {

TEST_CASE("a worker that is killed loses nothing it acknowledged, and the next call works") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  const Ask ask{kEngineer, engineer};
  const std::string runbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";
  REQUIRE(call(front, ask, "memory_write",
               {{"path", runbooks}, {"op", "create"}, {"content", "runbooks: []\n"}})
              .worked);
  std::atomic<bool> over = false;
  std::atomic<int> sent = 0;
  std::vector<int> acknowledged;
  int unknown = 0;
  std::thread writer([&] {
    while (!over) {
      const int number = ++sent;
      const Called wrote =
          call(front, ask, "memory_write",
               {{"path", runbooks},
                {"op", "entry"},
                {"entry", {{"id", "run-" + std::to_string(number) + "-"}, {"title", "a page"}}}});
      if (wrote.worked)
        acknowledged.push_back(number);
      else
        ++unknown;
      if (!wrote.worked) CHECK_MESSAGE((wrote.status == 502 || wrote.status == 503), wrote.text);
    }
  });
  constexpr int kKills = 3;
  for (int kills = 0, seen = 0; kills < kKills; ++kills) {
    CHECK(within(kPatience, [&] { return sent > seen + 4; }));
    seen = sent;
    const pid_t worker = front.worker(kEngineer, kFirst);
    if (worker != 0) ::kill(worker, SIGKILL);
  }
  const int before = sent;
  CHECK(within(kPatience, [&] { return sent > before + 4; }));
  over = true;
  writer.join();
  const std::string kept = slurp(front.workspace + "/Agent_Memory/" + runbooks);
  CHECK_FALSE(acknowledged.empty());
  for (const int number : acknowledged)
    CHECK_MESSAGE(has(kept, "run-" + std::to_string(number) + "-"), kept);
  MESSAGE(acknowledged.size() << " writes acknowledged, " << unknown << " unknown");
  CHECK(within(kPatience,
               [&] { return call(front, ask, "memory_read", {{"path", runbooks}}).worked; }));
  CHECK(front.run("ledger verify --state '" + front.path + "/state'").code == 0);
}

TEST_CASE("nothing outlives the front, however it ends") {
  for (const int signal : {SIGKILL, SIGTERM}) {
    Front front;
    const std::string engineer = front.credential(kEngineer), dba = front.credential("dba");
    front.start();
    CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
    CHECK(has(tools_of(front, {"dba", dba}), "Bash "));
    CHECK(front.processes("worker").size() >= 2);
    CHECK(front.processes("handoffs due --follow").size() == 1);
    ::kill(front.pid, signal);
    int status = 0;
    ::waitpid(std::exchange(front.pid, 0), &status, 0);
    if (signal == SIGTERM) CHECK(status == 0);
    CHECK(within(kPatience, [&] { return front.processes("").empty(); }));
  }
}

TEST_CASE("the front ends when what starts its workers ends, and they end with it") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  for (const Process& one : front.processes("serve --agents"))
    if (one.pid != front.pid) ::kill(one.pid, SIGKILL);
  int status = 0;
  ::waitpid(std::exchange(front.pid, 0), &status, 0);
  CHECK(WEXITSTATUS(status) == 3);
  CHECK(within(kPatience, [&] { return front.processes("").empty(); }));
}

TEST_CASE("the front is locked in and holds nothing of the agents' files") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  const std::string proc = "/proc/" + std::to_string(front.pid);
  const std::string status = slurp(proc + "/status");
  CHECK(field_of(status, "NoNewPrivs") == "1");
  CHECK(field_of(status, "Seccomp") == "2");
  for (const auto& entry : files::directory_iterator(proc + "/fd")) {
    std::error_code gone;
    const std::string target = files::read_symlink(entry.path(), gone).string();
    CHECK_MESSAGE((!has(target, front.path) || target == front.log), target);
  }
  // A worker has its channel, and no token reaches it: nor its environment or command line.
  const std::string worker = "/proc/" + std::to_string(front.worker(kEngineer, kFirst));
  CHECK(field_of(slurp(worker + "/status"), "Seccomp") == "2");
  CHECK_FALSE(has(slurp(worker + "/cmdline") + slurp(worker + "/environ"), engineer));
}

TEST_CASE("a worker that nobody calls ends, and starts again at the next call") {
  Front front("--worker-idle 400ms");
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  CHECK(within(kPatience, [&] { return front.worker(kEngineer, kFirst) == 0; }));
  for (int round = 0; round < 20; ++round)  // also while one ends
    CHECK(call(front, {kEngineer, engineer}, "memory_list", Json::object()).status == 200);
  CHECK(has(slurp(front.log), "for it was idle"));
  CHECK_FALSE(has(slurp(front.log), "a worker crashed"));
}

}  // namespace
}  // namespace remit::e2e
