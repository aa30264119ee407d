// The cases of the Store on files, or (REMIT_STORE=postgres) those on PostgreSQL, with a server
// that lives as long as they run.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <doctest/doctest.h>

#include "base/log.h"
#include "tests/memory/postgres_house.h"

namespace remit::memory {
namespace {

std::unique_ptr<PostgresCluster>& running() {
  static std::unique_ptr<PostgresCluster> cluster;
  return cluster;
}

}  // namespace

PostgresCluster& cluster() {
  return *running();
}

}  // namespace remit::memory

int main(int argc, char** argv) {
  using namespace remit::memory;
  remit::log::start(remit::log::Level::error);
  doctest::Context context(argc, argv);
  const char* const store = std::getenv("REMIT_STORE");
  const bool postgres = store != nullptr && std::string_view(store) == "postgres";
  if (!postgres) {
    context.addFilter("test-case-exclude", "*Postgres*");
    return context.run();
  }
  if (PostgresCluster::programs().empty()) {
    std::puts("skipped: PostgreSQL's server is not installed (Debian: postgresql)");
    return 77;
  }
  running() = PostgresCluster::start();
  if (!running()) {
    std::puts("a PostgreSQL server cannot be started");
    return 1;
  }
  context.addFilter("test-case", "*Postgres*");
  const int out = context.run();
  running().reset();
  return out;
}
