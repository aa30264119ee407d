// What confine_self() leaves to a process, tried from inside: in a child, since it is irrevocable.
#include "tools/sandbox/confine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "tools/sandbox/landlock.h"

namespace remit::sandbox {
namespace {

// The exit code of `inside` in a child: 0 if it found everything as it must be, else the line.
int in_child(const std::function<int()>& inside) {
  const pid_t pid = fork();
  if (pid == 0) _exit(inside());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool refused(int result) {
  return result < 0 && (errno == EACCES || errno == EPERM);
}

struct Places {
  Places() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-confine-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    for (const char* folder : {"/read", "/write", "/keys"}) {
      std::filesystem::create_directory(path + folder);
      std::ofstream(path + folder + "/file") << "x";
    }
    plan.readable = {path + "/read"};
    plan.writable = {path + "/write"};
  }
  ~Places() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
  ConfinePlan plan;
};

#define EXPECT(condition)                        \
  do {                                           \
    if (!(condition)) return __LINE__ % 250 + 1; \
  } while (false)

TEST_CASE("a confined process reaches its roots and nothing else") {
  if (landlock_abi() < 1) {
    MESSAGE("skipped: this kernel has no Landlock");
    return;
  }
  const Places places;
  const int code = in_child([&] {
    if (!confine_self(places.plan)) return 1;
    const auto at = [&](const char* name) { return places.path + name; };
    EXPECT(open(at("/read/file").c_str(), O_RDONLY) >= 0);
    EXPECT(refused(open(at("/read/file").c_str(), O_WRONLY)));
    EXPECT(refused(open(at("/read/new").c_str(), O_WRONLY | O_CREAT, 0600)));
    EXPECT(open(at("/write/new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0);
    EXPECT(rename(at("/write/new").c_str(), at("/write/other").c_str()) == 0);
    EXPECT(unlink(at("/write/other").c_str()) == 0);
    EXPECT(refused(open(at("/keys/file").c_str(), O_RDONLY)));
    EXPECT(refused(open("/etc/passwd", O_RDONLY)));
    EXPECT(refused(open("/proc/self/environ", O_RDONLY)));
    // What Landlock never covers, by name; through a descriptor of a file that could be opened it
    // works.
    EXPECT(refused(chmod(at("/keys/file").c_str(), 0777)));
    EXPECT(refused(fchmodat(AT_FDCWD, at("/keys/file").c_str(), 0777, 0)));
    EXPECT(refused(chown(at("/keys/file").c_str(), getuid(), getgid())));
    EXPECT(refused(truncate(at("/keys/file").c_str(), 0)));
    const int own = open(at("/write/file").c_str(), O_RDWR);
    EXPECT(own >= 0 && fchmod(own, 0640) == 0 && ftruncate(own, 0) == 0);
    return 0;
  });
  CHECK(code == 0);
}

TEST_CASE("a confined process starts nothing, joins nothing and reaches no daemon") {
  const Places places;
  const int code = in_child([&] {
    static_cast<void>(confine_self(places.plan));
    EXPECT(refused(execl("/bin/true", "true", nullptr)));
    EXPECT(refused(fork()));
    EXPECT(refused(socket(AF_INET, SOCK_STREAM, 0)));
    EXPECT(refused(socket(AF_INET6, SOCK_DGRAM, 0)));
    EXPECT(refused(socket(AF_NETLINK, SOCK_DGRAM, 0)));
    EXPECT(refused(socket(AF_UNIX, SOCK_STREAM, 0)));
    EXPECT(refused(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
    EXPECT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
    EXPECT(refused(unshare(CLONE_NEWUSER)));
    int ran = 0;
    std::thread([&] { ran = 1; }).join();
    EXPECT(ran == 1);
    std::FILE* status = std::fopen("/proc/self/status", "r");
    EXPECT(status == nullptr || landlock_abi() < 1);
    return 0;
  });
  CHECK(code == 0);
}

TEST_CASE("with a thread already running nothing is promised") {
  const Places places;
  const int code = in_child([&] {
    std::jthread other([](const std::stop_token& stop) {
      while (!stop.stop_requested()) usleep(1000);
    });
    const auto done = confine_self(places.plan);
    EXPECT(!done && done.error().code == "threads");
    return 0;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace remit::sandbox
