// How long one contained command takes, against the same command bare and in bubblewrap. Paired
// rounds A B C A B C…, medians; one JSON row per comparison on stdout. Nothing here asserts.
//
//   build/dev/tests/bench/exec_bench [rounds]
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/sandbox/starter.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kCommand = "exec /usr/bin/true";

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// posix_spawn of glibc is vfork and exec.
bool spawn_and_wait(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
    return false;
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void row(const char* name, double ours, const char* peer_name, double peer, bool same) {
  std::printf(
      "{\"name\":\"%s\",\"ours\":%.0f,\"peer_name\":\"%s\",\"peer\":%.0f,\"unit\":\"us\","
      "\"ratio\":%.2f,\"same\":%s}\n",
      name, ours, peer_name, peer, ours > 0 ? peer / ours : 0, same ? "true" : "false");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(3, std::atoi(argv[1])) : 100;
  std::string folder = "/var/tmp/remit-exec-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 3;
  int exit_code = 0;
  {
    remit::sandbox::StarterOptions options;
    options.state_directory = folder;
    auto spawner = remit::sandbox::start_starter(options);
    if (!spawner || (*spawner)->report().tier != remit::policy::Tier::t1) {
      std::fprintf(stderr, "no slot can be built here\n");
      exit_code = 3;
    } else {
      const std::string workspace = folder + "/w";
      if (::mkdir(workspace.c_str(), 0755) != 0) return 3;
      remit::policy::SpawnPlan plan;
      plan.command = kCommand;
      plan.cwd = plan.view.workspace = workspace;
      plan.environment = {{"PATH", "/usr/bin:/bin"}};
      const std::vector<std::string> bare{"/usr/bin/bash", "--noprofile", "--norc", "-c", kCommand};
      std::vector<std::string> wrapped{"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/"};
      wrapped.insert(wrapped.end(), bare.begin(), bare.end());
      const bool has_bwrap = access(wrapped[0].c_str(), X_OK) == 0;
      std::vector<double> ours, vfork_times, bwrap_times;
      bool same_vfork = true;
      bool same_bwrap = has_bwrap;
      for (int round = 0; round < rounds; ++round) {
        auto begin = Clock::now();
        const auto outcome = (*spawner)->run(plan, nullptr, {});
        ours.push_back(microseconds_since(begin));
        const bool ran = outcome && outcome->exit_code == 0;
        begin = Clock::now();
        same_vfork = spawn_and_wait(bare) && ran && same_vfork;
        vfork_times.push_back(microseconds_since(begin));
        if (!has_bwrap) continue;
        begin = Clock::now();
        same_bwrap = spawn_and_wait(wrapped) && ran && same_bwrap;
        bwrap_times.push_back(microseconds_since(begin));
      }
      row("exec.vfork", median(ours), "vfork+exec", median(vfork_times), same_vfork);
      if (has_bwrap)
        row("exec.bwrap", median(ours), "bubblewrap 0.8", median(bwrap_times), same_bwrap);
      rmdir(workspace.c_str());
    }
  }
  rmdir(folder.c_str());
  return exit_code;
}
