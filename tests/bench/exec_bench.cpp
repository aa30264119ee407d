// How long one contained command takes, in a slot that waited and in a fresh one, against the same
// command bare and in bubblewrap. Paired rounds A B C D A B C D…, medians; one JSON row per
// comparison on stdout. Nothing here asserts.
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
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tools/sandbox/starter.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kCommand = "exec /usr/bin/true";
constexpr useconds_t kIdle = 150'000;    // between two measurements
constexpr useconds_t kRest = 2'000'000;  // until slots wait and have given back what they can

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

// A figure of smaps_rollup: "Rss:" counts a page that processes share in each of them, "Pss:" its
// part.
long resident_kib(pid_t process, const std::string& figure) {
  std::ifstream rollup("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with(figure)) return std::strtol(line.c_str() + figure.size(), nullptr, 10);
  }
  return 0;
}

std::vector<pid_t> children_of(pid_t process) {
  const std::string id = std::to_string(process);
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  return {std::istream_iterator<pid_t>(list), std::istream_iterator<pid_t>()};
}

// Of the processes below this one; a waiting slot is two of them.
long resident_below(pid_t process, const std::string& figure) {
  long sum = 0;
  for (const pid_t child : children_of(process)) {
    sum += resident_kib(child, figure) + resident_below(child, figure);
  }
  return sum;
}

// Slots that wait are the descendants of a starter.
void slot_row(const char* name, const std::string& figure) {
  long sum = 0;
  for (const pid_t starter : children_of(getpid())) sum += resident_below(starter, figure);
  std::printf("{\"name\":\"%s\",\"ours\":%ld,\"unit\":\"KiB\"}\n", name,
              sum / static_cast<long>(remit::sandbox::kWarmSlots));
}

// A spawner and the times of its runs.
struct Contained {
  std::unique_ptr<remit::policy::Spawner> spawner;
  std::vector<double> times;
  bool ran = true;

  explicit Contained(const std::string& state, std::size_t warm_slots) {
    remit::sandbox::StarterOptions options;
    options.state_directory = state;
    options.warm_slots = warm_slots;
    if (auto started = remit::sandbox::start_starter(options)) spawner = std::move(*started);
  }
  bool usable() const { return spawner && spawner->report().tier == remit::policy::Tier::t1; }
  void measure(const remit::policy::SpawnPlan& plan) {
    const auto begin = Clock::now();
    const auto outcome = spawner->run(plan, nullptr, {});
    times.push_back(microseconds_since(begin));
    ran = ran && outcome && outcome->exit_code == 0;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(3, std::atoi(argv[1])) : 100;
  std::string folder = "/var/tmp/remit-exec-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 3;
  int exit_code = 0;
  {
    Contained warm(folder, remit::sandbox::kWarmSlots), fresh(folder, 0);
    if (!warm.usable() || !fresh.usable()) {
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
      std::vector<double> vfork_times, bwrap_times;
      bool same_vfork = true;
      bool same_bwrap = has_bwrap;
      warm.measure(plan);  // slots wait after the first command
      warm.times.clear();
      usleep(kRest);
      slot_row("exec.slot_rss", "Rss:");
      slot_row("exec.slot_pss", "Pss:");
      for (int round = 0; round < rounds; ++round) {
        usleep(kIdle);  // commands of an agent lie seconds apart; slots are made in between
        warm.measure(plan);
        usleep(kIdle);
        auto begin = Clock::now();
        same_vfork = spawn_and_wait(bare) && same_vfork;
        vfork_times.push_back(microseconds_since(begin));
        usleep(kIdle);
        fresh.measure(plan);
        if (!has_bwrap) continue;
        usleep(kIdle);
        begin = Clock::now();
        same_bwrap = spawn_and_wait(wrapped) && same_bwrap;
        bwrap_times.push_back(microseconds_since(begin));
      }
      const double ours = median(warm.times), ours_fresh = median(fresh.times);
      row("exec.vfork", ours, "vfork+exec", median(vfork_times), same_vfork && warm.ran);
      row("exec.fresh.vfork", ours_fresh, "vfork+exec", median(vfork_times),
          same_vfork && fresh.ran);
      if (has_bwrap) {
        row("exec.bwrap", ours, "bubblewrap 0.8", median(bwrap_times), same_bwrap && warm.ran);
        row("exec.fresh.bwrap", ours_fresh, "bubblewrap 0.8", median(bwrap_times),
            same_bwrap && fresh.ran);
      }
      rmdir(workspace.c_str());
    }
  }
  rmdir(folder.c_str());
  return exit_code;
}
