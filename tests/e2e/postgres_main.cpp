// Runs the cases with a PostgreSQL server that lives as long as they do.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include <doctest/doctest.h>

#include "base/log.h"
#include "tests/memory/postgres_cluster.h"

namespace remit::e2e {
namespace {

std::unique_ptr<memory::PostgresCluster>& running() {
  static std::unique_ptr<memory::PostgresCluster> cluster;
  return cluster;
}

}  // namespace

memory::PostgresCluster& cluster() {
  return *running();
}

}  // namespace remit::e2e

int main(int argc, char** argv) {
  using remit::memory::PostgresCluster;
  remit::log::start(remit::log::Level::error);
  doctest::Context context(argc, argv);
  if (PostgresCluster::programs().empty()) {
    std::puts("skipped: PostgreSQL's server is not installed (Debian: postgresql)");
    return 77;
  }
  remit::e2e::running() = PostgresCluster::start();
  if (!remit::e2e::running()) {
    std::puts("a PostgreSQL server cannot be started");
    return 1;
  }
  const int out = context.run();
  remit::e2e::running().reset();
  return out;
}
