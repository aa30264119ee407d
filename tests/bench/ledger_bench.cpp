// Cost of a ledger record: CPU per read-class append on one thread, wall time per effect-class
// append on one thread and on eight. Prints one JSON row per measurement.
//   ledger_bench [DIRECTORY]   the directory (default: a temporary one) decides which disk is
//   measured
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "memory/ledger.h"
#include "memory/state.h"

namespace {

using remit::memory::Durability;

double cpu_us() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const struct timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double wall_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

remit::memory::LedgerRecord sample() {
  return {"decision",
          "01KA7Y5W0Z3T8N6Q4M2P1R9S7V",
          "uid:1000/technical-support-engineer/inst_20261123",
          "allow",
          "root.read",
          "technical-support-engineer.manifest.yaml:4:3",
          R"({"tool":"Read","verb":"open","path":"/var/log/app/server.log"})"};
}

struct Cost {
  double cpu_us, wall_us;
};

Cost measure(remit::memory::Ledger& ledger, Durability durability, int threads, int each) {
  const double cpu = cpu_us(), wall = wall_us();
  const auto work = [&] {
    for (int i = 0; i < each; ++i) {
      if (!ledger.append(sample(), durability)) std::abort();
    }
  };
  if (threads == 1) {
    work();
  } else {
    std::vector<std::jthread> pool;
    for (int n = 0; n < threads; ++n) pool.emplace_back(work);
  }
  const double count = static_cast<double>(threads) * each;
  return {(cpu_us() - cpu) / count, (wall_us() - wall) / count};
}

void print(const char* name, Cost cost) {
  std::printf("{\"name\":\"%s\",\"ours\":%.1f,\"unit\":\"us\",\"cpu_us\":%.1f}\n", name,
              cost.wall_us, cost.cpu_us);
}

}  // namespace

int main(int argc, char** argv) {
  std::string made;
  if (argc < 2) {
    made = (std::filesystem::temp_directory_path() / "remit-bench-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) return 3;
  }
  const std::string base = std::filesystem::canonical(argc < 2 ? made : argv[1]).string();
  {
    auto state = remit::memory::State::open({base + "/state", {}}, remit::system_clock());
    if (!state) {
      std::fprintf(stderr, "ledger_bench: %s\n", state.error().message.c_str());
      return 3;
    }
    remit::memory::Ledger ledger(**state);
    measure(ledger, Durability::read, 1, 2000);  // warm: statements prepared, tree grown
    print("memory.ledger.read.1_thread", measure(ledger, Durability::read, 1, 20000));
    print("memory.ledger.read.8_threads", measure(ledger, Durability::read, 8, 2500));
    print("memory.ledger.effect.1_thread", measure(ledger, Durability::effect, 1, 300));
    print("memory.ledger.effect.8_threads", measure(ledger, Durability::effect, 8, 100));
  }
  if (!made.empty()) std::filesystem::remove_all(made);
  return 0;
}
