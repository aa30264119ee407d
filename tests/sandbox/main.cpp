// Runs the suite as it is started, or with --as-user as an ordinary user (root only), because the
// two take different ways through the sandbox: id-mapped trees and control groups against neither.
// Where no slot of the tier that the suite is about (REMIT_SUITE_TIER) can be made, it is skipped
// with the canary's reason.
#define DOCTEST_CONFIG_IMPLEMENT
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include <doctest/doctest.h>

#include "tests/sandbox/fixture.h"

namespace {
constexpr int kSkipped = 77;
constexpr unsigned kSomeUser = 61234;  // no account needed
}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--as-user") == 0) {
    if (geteuid() != 0) {
      std::puts("skipped: the suite itself already runs as an ordinary user");
      return kSkipped;
    }
    if (setgroups(0, nullptr) != 0 || setresgid(kSomeUser, kSomeUser, kSomeUser) != 0 ||
        setresuid(kSomeUser, kSomeUser, kSomeUser) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
      return 1;
    --argc;
    ++argv;
  }
  const std::string reason =
      remit::sandbox::test::why_no_slot(remit::policy::Tier::REMIT_SUITE_TIER);
  if (!reason.empty()) {
    std::printf("skipped: %s\n", reason.c_str());
    return kSkipped;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
