// A PostgresStore over a database of its own, with the words of store_house.h.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "memory/postgres_client.h"
#include "memory/postgres_keeper.h"
#include "memory/postgres_limits.h"
#include "memory/postgres_store.h"
#include "tests/memory/postgres_cluster.h"
#include "tests/memory/store_house.h"

namespace remit::memory {

// Of this test program; made by its main().
PostgresCluster& cluster();

struct PostgresHouse : StoreWords<PostgresHouse> {
  PostgresHouse() : clock(system_clock().unix_ms()), url(cluster().make_database()) { open(); }
  void open() {
    auto opened = PostgresStore::open(url, clock);
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
  }
  SqlRows sql(const std::string& text) {
    auto session = PostgresSession::open(url);
    if (!session) FAIL(session.error().message);
    auto rows = (*session)->run(text);
    if (!rows) FAIL(rows.error().message);
    return std::move(*rows);
  }
  ManualClock clock;
  PostgresUrl url;
  std::unique_ptr<PostgresStore> store;
};

// The same through a keeper, as a served process has it.
struct KeptPostgresHouse : StoreWords<KeptPostgresHouse> {
  KeptPostgresHouse() : clock(system_clock().unix_ms()), url(cluster().make_database()) {
    state = open_state(scratch, clock);
    std::vector<Fd> near, far;
    for (std::size_t n = 0; n < limits::kPostgresReaders + limits::kPostgresWriters + 1; ++n) {
      int ends[2] = {-1, -1};
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
      near.emplace_back(ends[0]);
      far.emplace_back(ends[1]);
    }
    keeper = std::jthread([this, channels = std::move(far)]() mutable {
      serve_channels(url, clock, std::move(channels));
    });
    auto opened = open_postgres_client(*state, std::move(near));
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
  }
  Scratch scratch;
  ManualClock clock;
  PostgresUrl url;
  std::unique_ptr<State> state;
  std::jthread keeper;  // ends when the store has closed its channels
  std::unique_ptr<Store> store;
};

}  // namespace remit::memory
