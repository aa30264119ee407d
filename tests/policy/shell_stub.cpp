#include "tests/policy/shell_stub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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

void write_stub(const std::string& path, int status) {
  {
    std::ofstream out(path);
    out << "#!/bin/sh\necho \"${0##*/}\" >> \"$LOG\"\nexit " << status << "\n";
  }
  ::chmod(path.c_str(), 0755);
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
  if (::chdir((directory + "/work").c_str()) != 0) ::_exit(126);
  ::alarm(2);
  const std::string path = "PATH=" + directory + "/bin";
  const std::string log = "LOG=" + directory + "/log";
  const std::string home = "HOME=" + directory + "/work";
  const char* environment[] = {path.c_str(),   log.c_str(),  home.c_str(),
                               "LANG=C.UTF-8", "FUNCNEST=5", nullptr};
  const char* arguments[] = {"bash", "--noprofile", "--norc", "-c", text.c_str(), nullptr};
  ::execve(kBash, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(127);
}

}  // namespace

StubShell::StubShell() {
  std::string pattern = (std::filesystem::temp_directory_path() / "remit-stubs-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return;
  directory_ = pattern;
  std::filesystem::create_directory(directory_ + "/bin");
  for (int i = 0; i < 10; ++i)
    write_stub(directory_ + "/bin/c" + std::to_string(i), i % 4 == 3 ? 1 : 0);
  usable_ = ::access(kBash, X_OK) == 0;
}

StubShell::~StubShell() {
  if (directory_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::set<std::string> StubShell::run(const std::string& text) {
  std::error_code ignored;
  std::filesystem::remove_all(directory_ + "/work", ignored);
  std::filesystem::create_directory(directory_ + "/work", ignored);
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
  std::ifstream log(directory_ + "/log");
  std::string line;
  while (std::getline(log, line)) names.insert(line);
  return names;
}

}  // namespace remit::policy_test
