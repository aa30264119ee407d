// Runs a text in bash where the only programs are stubs that log their name: what bash really
// executes, for comparison with what the parser saw. The directory is private and removed at the
// end; PATH names nothing else, so no program of the machine can run.
#pragma once

#include <set>
#include <string>

namespace remit::policy_test {

class StubShell {
 public:
  StubShell();  // makes the directory and the stubs c0 to c9
  ~StubShell();
  StubShell(const StubShell&) = delete;
  StubShell& operator=(const StubShell&) = delete;

  bool usable() const { return usable_; }  // false: no bash on this machine
  // The names that ran, within two seconds; whatever the text started is gone on return.
  std::set<std::string> run(const std::string& text);

 private:
  std::string directory_;
  bool usable_ = false;
};

}  // namespace remit::policy_test
