#include "tests/policy/shell_stub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace remit::policy_test {
namespace {

constexpr const char* kBash = "/bin/bash";

// What runs another command and nothing else; the shells among them do so from a text.
constexpr const char* kRunners[] = {"bash",  "sh",     "env",    "timeout", "nice",
                                    "nohup", "stdbuf", "ionice", "xargs",   "find"};

bool copy_program(const std::string& from, const std::string& to) {
  std::error_code failed;
  return std::filesystem::copy_file(from, to, failed) && ::chmod(to.c_str(), 0755) == 0;
}

[[noreturn]] void become_bash(const std::string& directory, const std::string& text) {
  ::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::close_range(3, ~0U, 0);
  const rlimit cpu{1, 1};
  ::setrlimit(RLIMIT_CPU, &cpu);
  const rlimit size{1U << 20, 1U << 20};
  ::setrlimit(RLIMIT_FSIZE, &size);
  if (::chdir((directory + "/here").c_str()) != 0) ::_exit(126);
  ::alarm(2);
  const std::string path = "PATH=" + directory + "/bin";
  const std::string home = "HOME=" + directory + "/here";
  const char* environment[] = {path.c_str(), home.c_str(), "LANG=C.UTF-8", "FUNCNEST=5", nullptr};
  const char* arguments[] = {"bash", "--noprofile", "--norc", "-c", text.c_str(), nullptr};
  ::execve(kBash, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(127);
}

// Ends and reaps one child of this process; false if it has none.
bool end_orphan() {
  const std::string self = std::to_string(::getpid());
  std::ifstream children("/proc/" + self + "/task/" + self + "/children");
  pid_t child = 0;
  if (!(children >> child)) return false;
  ::kill(child, SIGKILL);
  return ::waitpid(child, nullptr, 0) == child;
}

}  // namespace

StubShell::StubShell(const std::string& stub_program) {
  std::string pattern = (std::filesystem::temp_directory_path() / "remit-stubs-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return;
  directory_ = pattern;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::filesystem::create_directory(directory_ + "/bin");
  usable_ = ::access(kBash, X_OK) == 0;
  for (int i = 0; i < 10; ++i) {
    usable_ = copy_program(stub_program, directory_ + "/bin/c" + std::to_string(i)) && usable_;
  }
  for (const std::string name : kRunners) {
    const std::string link = directory_ + "/bin/" + name;
    if (::symlink(("/usr/bin/" + name).c_str(), link.c_str()) != 0) usable_ = false;
  }
}

StubShell::~StubShell() {
  if (directory_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::set<std::string> StubShell::run(const std::string& text) {
  std::error_code ignored;
  std::filesystem::remove_all(directory_ + "/here", ignored);
  std::filesystem::create_directory(directory_ + "/here", ignored);
  std::ofstream(directory_ + "/here/in") << "w c1\n";
  std::filesystem::remove(directory_ + "/log", ignored);
  const pid_t child = ::fork();
  if (child == 0) become_bash(directory_, text);
  std::set<std::string> names;
  if (child < 0) return names;
  ::setpgid(child, child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::kill(-child, SIGKILL);
  // timeout has a process group of its own; what it leaves is ours now, and must not write into the
  // log of the next text.
  while (end_orphan()) {
  }
  std::ifstream log(directory_ + "/log");
  std::string line;
  while (std::getline(log, line)) names.insert(line);
  return names;
}

}  // namespace remit::policy_test
