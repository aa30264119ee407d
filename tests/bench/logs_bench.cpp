// Template mining of log lines: CPU per line over a generated log of many statements, in process.
// Prints one JSON row per measurement; there is no peer in C++ to pair it with.
//
//   build/tests/bench/logs_bench
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "tools/diagnostics/log_templates.h"

namespace {

constexpr int kLines = 500'000;
constexpr unsigned kStatements = 120;

double cpu_us() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const struct timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

// Made before the clock starts; seeded, so that two runs mine the same lines.
std::vector<std::string> lines() {
  std::mt19937 random(22);
  std::vector<std::string> out;
  out.reserve(kLines);
  for (int line = 0; line < kLines; ++line) {
    const auto statement = static_cast<unsigned>(random() % kStatements);
    out.push_back("stage" + std::string(1, static_cast<char>('a' + statement % 26)) + " step" +
                  std::string(1, static_cast<char>('a' + statement / 26)) + " took " +
                  std::to_string(random() % 5000) + " ms for 10.0." +
                  std::to_string(random() % 256) + "." + std::to_string(random() % 256) +
                  " request " + std::to_string(random()) + " path /srv/data/" +
                  std::to_string(random() % 9999));
  }
  return out;
}

}  // namespace

int main() {
  const std::vector<std::string> input = lines();
  const double begin = cpu_us();
  remit::diagnostics::TemplateMiner miner;
  for (const std::string& line : input) miner.add(line);
  miner.settle();
  const double spent = cpu_us() - begin;
  std::printf(
      "{\"name\":\"logs.templates\",\"ours\":%.3f,\"unit\":\"us/line\",\"templates\":%zu}\n",
      spent / kLines, miner.groups().size());
  return 0;
}
