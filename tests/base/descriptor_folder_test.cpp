#include "base/descriptor_folder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/fs.h"

using namespace remit;

namespace {

// In a child, the descriptor `at` is "/usr", and the parent's is still "/etc".
[[noreturn]] void name_in_child(int at) {
  const int other = ::open("/usr", O_PATH | O_CLOEXEC);
  if (::dup3(other, at, O_CLOEXEC) != at) ::_exit(3);
  Fd same(at);
  const auto name = fs::real_path(same);
  const auto again = fs::reopen(same, O_RDONLY);
  if (!name || !again) ::_exit(4);
  ::_exit(*name == "/usr" && *fs::real_path(*again) == "/usr" ? 0 : 5);
}

int status_of(pid_t child) {
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("the folder of descriptors is opened once, by whichever thread is first") {
  std::vector<int> seen(8, -1);
  {
    std::vector<std::jthread> threads;
    for (int& each : seen) threads.emplace_back([&each] { each = fs::descriptor_folder(); });
  }
  for (const int each : seen) CHECK(each == seen.front());
  CHECK(seen.front() >= 0);
  CHECK((::fcntl(seen.front(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a child never names its descriptors by its parent's folder") {
  Fd etc(::open("/etc", O_PATH | O_CLOEXEC));
  REQUIRE(*fs::real_path(etc) == "/etc");
  SUBCASE("made by fork") {
    const pid_t child = ::fork();
    if (child == 0) name_in_child(etc.get());
    CHECK(status_of(child) == 0);
  }
  SUBCASE("made by clone, which no handler of the C library sees") {
    const auto child =
        static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) name_in_child(etc.get());
    CHECK(status_of(child) == 0);
  }
  CHECK(*fs::real_path(etc) == "/etc");
}
