// Runs a text in bash where the only programs are stubs that log their name, and those that run
// another command (env, xargs, bash and the like): what bash really executes, for comparison with
// what the parser saw. The directory is private and removed at the end; PATH names nothing else.
#pragma once

#include <set>
#include <string>

namespace remit::policy_test {

class StubShell {
 public:
  // Makes the directory and the stubs c0 to c9, copies of the program of shell_stub_program.cpp.
  explicit StubShell(const std::string& stub_program);
  ~StubShell();
  StubShell(const StubShell&) = delete;
  StubShell& operator=(const StubShell&) = delete;

  bool usable() const { return usable_; }  // false: no bash on this machine
  const std::string& directory() const { return directory_; }
  // The names that ran, within two seconds; whatever the text started is gone on return. For that
  // this process takes its orphans, and has no other children meanwhile.
  std::set<std::string> run(const std::string& text);

 private:
  std::string directory_;
  bool usable_ = false;
};

}  // namespace remit::policy_test
