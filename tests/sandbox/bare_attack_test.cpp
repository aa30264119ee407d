// Ways around the rules of a slot without namespaces (tier t2) that were found by reading them.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"
#include "tests/within.h"

namespace remit::sandbox::test {

TEST_CASE("no access mode empties a file that can only be read") {
  for (const int abi : {1, 2, 1000}) {
    CAPTURE(abi);
    BareWorld world(abi);
    world.write("work space/kept", "kept\n");
    chmod((world.workspace + "/kept").c_str(), 0666);
    for (const char* mode : {"os.O_RDONLY", "os.O_WRONLY", "os.O_RDWR", "3"}) {
      CAPTURE(mode);
      CHECK(world.python(std::string("import os; os.open('kept', os.O_TRUNC | ") + mode + ")") ==
            "tried\n");
      CHECK(world.read("work space/kept") == "kept\n");
    }
  }
}

TEST_CASE("no signal reaches a stranger by way of a descriptor's owner") {
  for (const int abi : {1, 1000}) {
    CAPTURE(abi);
    BareWorld world(abi);
    const pid_t stranger = fork();
    if (stranger == 0) {
      pause();
      _exit(0);
    }
    const std::string pid = std::to_string(stranger);
    for (const std::string& attempt : {
             "fcntl.fcntl(r, fcntl.F_SETOWN, " + pid + "); fcntl.fcntl(r, 10, 9)",
             "fcntl.ioctl(r, 0x8901, struct.pack('i', " + pid + "))",
             "fcntl.ioctl(r, 0x8902, struct.pack('i', " + pid + "))",
         }) {
      CAPTURE(attempt);
      CHECK(world.python("import fcntl, os, socket, struct; a, b = socket.socketpair(); r = "
                         "a.fileno()\n" +
                         attempt + "\nfcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC); b.send(b'x')") ==
            "tried\n");
    }
    CHECK(kill(stranger, 0) == 0);
    CHECK(waitpid(stranger, nullptr, WNOHANG) == 0);
    kill(stranger, SIGKILL);
    waitpid(stranger, nullptr, 0);
  }
}

TEST_CASE("no share of the machine and no lock is taken from others of the same user") {
  BareWorld world(1);
  world.write("work space/read", "r\n");
  for (const char* attempt :
       {"os.setpriority(os.PRIO_USER, 0, 19)", "os.setpriority(os.PRIO_PGRP, 0, 19)",
        "os.sched_setscheduler(os.getppid(), os.SCHED_IDLE, os.sched_param(0))",
        "fcntl.fcntl(open('read'), 1024, fcntl.F_RDLCK)",   // F_SETLEASE
        "fcntl.fcntl(os.open('.', os.O_RDONLY), 1026, 1)",  // F_NOTIFY
        "fcntl.lockf(open('read'), fcntl.LOCK_SH | fcntl.LOCK_NB)",
        "fcntl.ioctl(open(os.environ['HOME'] + '/x', 'w'), 0x40086602, struct.pack('l', 32))"}) {
    CAPTURE(attempt);
    CHECK(world.python(std::string("import fcntl, os, struct\n") + attempt) == "tried\n");
  }
}

TEST_CASE("the end of one command is not the end of another's, whoever started it") {
  BareWorld one, other;
  const std::string mark = unique_sleep();
  auto long_one = std::async(std::launch::async, [&] {
    return one
        .run("id -u; sleep " + mark +
             " & for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; echo survived")
        .out;
  });
  // Before it has its user id, another may have had it.
  REQUIRE(within(std::chrono::seconds(30), [&] { return count_processes(mark) >= 2; }));
  std::string ids;
  for (int i = 0; i < 20; ++i) {
    const std::string id = other.run("id -u").out;
    if (count_processes(mark) >= 2) ids += id;  // after its end its user id is another's
  }
  const std::string out = long_one.get();
  CHECK(out.ends_with("survived\n"));
  CAPTURE(out);
  CAPTURE(ids);
  if (geteuid() == 0) CHECK(ids.find(out.substr(0, out.find('\n') + 1)) == std::string::npos);
}

TEST_CASE("a tree deeper than is followed goes with its command, too") {
  BareWorld world;
  const Ran ran =
      world.run("echo $HOME; cd; for i in $(seq 700); do mkdir d; cd d || exit; done; echo deep");
  REQUIRE(ran.out.ends_with("deep\n"));
  CHECK(access(ran.out.substr(0, ran.out.find('\n')).c_str(), F_OK) != 0);
}

TEST_CASE("a rule around the workspace does not uncover what is hidden in it") {
  BareWorld world;
  world.write("work space/.env", "SECRET\n");
  policy::SpawnPlan plan = world.plan("cat .env && echo GOT");
  plan.view.masks = {".env"};
  plan.view.read_only_roots = {world.root};
  const auto refused = world.try_run(plan);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("lies around") != std::string::npos);
}

}  // namespace remit::sandbox::test
