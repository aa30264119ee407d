// What PostgreSQL alone makes possible or necessary: replicas, migrations, connections that break,
// a server that restarts, URLs.
#include "memory/postgres_store.h"

#include <atomic>
#include <thread>

#include "base/limits.h"
#include "tests/memory/cutting_relay.h"
#include "tests/memory/postgres_house.h"

namespace remit::memory {
namespace {

using Cut = CuttingRelay::Cut;

TEST_CASE("PostgreSQL: a URL holds no password, and is shown without its user") {
  CHECK(parse_postgres_url("postgresql://anna@db.example:5432/memory?sslmode=verify-full")
            .value()
            .shown == "postgresql://db.example:5432/memory");
  CHECK(parse_postgres_url("postgres:///memory").value().shown == "postgresql:///memory");
  for (const char* url : {"postgresql://anna:secret@db/memory", "postgresql://:@db/memory",
                          "postgresql://db/memory?password=secret",
                          "postgresql://db/memory?sslmode=require&p%61ssword=secret",
                          "postgresql://db/memory?sslpassword=secret"}) {
    CAPTURE(url);
    const auto refused = parse_postgres_url(url);
    REQUIRE(!refused);
    CHECK(refused.error().code == "password_in_url");
    CHECK(refused.error().message.find("secret") == std::string::npos);
  }
  CHECK(!parse_postgres_url("/srv/Agent_Memory"));
  CHECK(!parse_postgres_url("postgresql://db/a b"));
  CHECK(!parse_postgres_url("postgresql://" + std::string(limits::kPathBytes, 'x')));
}

TEST_CASE("PostgreSQL: replicas that start at once set the tables up once and agree on etags") {
  const PostgresUrl url = cluster().make_database();
  std::array<std::unique_ptr<PostgresStore>, 4> replicas;
  {
    std::vector<std::jthread> threads;
    for (auto& one : replicas) {
      threads.emplace_back([&] {
        auto opened = PostgresStore::open(url, system_clock());
        if (opened) one = std::move(*opened);
        if (!opened) MESSAGE(opened.error().message);
      });
    }
  }
  for (const auto& one : replicas) {
    REQUIRE(one);
    CHECK(one->identity().id == replicas[0]->identity().id);
    CHECK(one->etag_of(doc("a"), "00") == replicas[0]->etag_of(doc("a"), "00"));
  }
  const DocumentChange made = change(Op::create, "a", "x");
  REQUIRE(replicas[0]->commit(std::span(&made, 1), kAnna, ""));
  CHECK(replicas[3]->read(doc("a")).value().body == "x");
}

TEST_CASE("PostgreSQL: tables of a newer Remit are left alone") {
  PostgresHouse house;
  house.sql("insert into migration(step) values(1000)");
  const auto opened = PostgresStore::open(house.url, house.clock);
  REQUIRE(!opened);
  CHECK(opened.error().code == "newer");
}

TEST_CASE("PostgreSQL: a row that was changed by hand is not served as a document") {
  PostgresHouse house;
  house.put(Op::create, "a", "x");
  house.sql("update version set body = 'y'");
  CHECK(house.store->read(doc("a")).error().code == "corrupt");
  CHECK(house.write({change(Op::append, "a", "z")}).error().code == "corrupt");
  house.put(Op::replace, "a", "again");
  CHECK(house.text("a") == "again");
}

TEST_CASE("PostgreSQL: a writer waits for another, and for no longer than the limit") {
  PostgresHouse house;
  house.put(Op::create, "a", "x");
  auto holder = PostgresSession::open(house.url).value();
  REQUIRE(holder->begin());
  REQUIRE(holder->run("select 1 from document where path = 'a' for update"));
  const auto refused = house.write({change(Op::append, "a", "y")});
  REQUIRE(!refused);
  CHECK(refused.error().code == "locked");
  // Readers do not wait, nor do writers of other documents.
  CHECK(house.text("a") == "x");
  CHECK(house.put(Op::create, "b", "x").created);
  REQUIRE(holder->rollback());
  CHECK(house.put(Op::append, "a", "y").bytes == 2);
}

TEST_CASE("PostgreSQL: a document and one below it are not made at the same moment") {
  PostgresHouse house;
  for (int round = 0; round < 8; ++round) {
    const std::string path = "r" + std::to_string(round);
    std::atomic<int> made = 0;
    {
      std::vector<std::jthread> threads;
      for (const std::string& one : {path, path + "/x/y", path + "/x"}) {
        threads.emplace_back([&, one] {
          const DocumentChange change_ = change(Op::append, one, "x");
          if (house.store->commit(std::span(&change_, 1), kAnna, "")) ++made;
        });
      }
    }
    CHECK(made == 1);
  }
}

TEST_CASE("PostgreSQL: the same key at the same moment writes once") {
  PostgresHouse house;
  std::vector<std::int64_t> versions(4);
  {
    std::vector<std::jthread> threads;
    for (std::int64_t& version : versions) {
      threads.emplace_back([&] {
        if (const auto done = house.write({change(Op::append, "a", "x")}, kAnna, "key"))
          version = done->at(0).version;
      });
    }
  }
  CHECK(versions == std::vector<std::int64_t>{1, 1, 1, 1});
  CHECK(house.text("a") == "x");
}

TEST_CASE("PostgreSQL: connections that the server closed are replaced, also within a commit") {
  PostgresHouse house;
  house.put(Op::create, "a", "0");
  const std::string others =
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
      "and pid <> pg_backend_pid()";
  house.sql(others);
  CHECK(house.text("a") == "0");
  house.put(Op::append, "a", "1");
  int calls = 0;
  DocumentChange edit = change(Op::replace, "a", "");
  edit.edit = [&](const std::optional<std::string>& now) -> Result<std::string> {
    if (++calls == 1) house.sql(others);
    return now.value() + "2";
  };
  REQUIRE(house.write({edit}));
  CHECK(calls == 2);
  CHECK(house.text("a") == "012");
  CHECK(house.ops("a") == std::vector<std::string>{"edit", "append", "create"});
}

// A store behind a relay that cuts.
struct CutHouse : StoreWords<CutHouse> {
  CutHouse() : relay(folder.path(), cluster().folder()), url(cluster().make_database()) {
    std::string through = url.text;
    through.replace(through.find("host="), std::string::npos, "host=" + folder.path());
    store = PostgresStore::open(parse_postgres_url(through).value(), system_clock()).value();
    put(Op::create, "a", "0");
  }
  Scratch folder;
  CuttingRelay relay;
  PostgresUrl url;
  std::unique_ptr<PostgresStore> store;
};

TEST_CASE("PostgreSQL: a commit whose answer is lost is looked up, and stands once") {
  CutHouse house;
  for (int n = 1; n <= 3; ++n) {
    house.relay.cut(Cut::before_client, std::string("commit\0", 7));
    const Committed done = house.put(Op::append, "a", std::to_string(n));
    CHECK(done.version == n + 1);
  }
  CHECK(house.text("a") == "0123");
}

TEST_CASE("PostgreSQL: a commit that the server never heard is done again, once") {
  CutHouse house;
  for (int n = 1; n <= 3; ++n) {
    house.relay.cut(Cut::before_server, std::string("commit\0", 7));
    CHECK(house.put(Op::append, "a", std::to_string(n)).version == n + 1);
  }
  CHECK(house.text("a") == "0123");
  house.relay.cut(Cut::before_server, "insert into version");
  CHECK(house.put(Op::append, "a", "4").version == 5);
  CHECK(house.text("a") == "01234");
}

TEST_CASE("PostgreSQL: while the server is away nothing is done, and afterwards all is there") {
  PostgresHouse house;
  house.put(Op::create, "a", "x");
  cluster().stop(SIGQUIT);
  const auto refused = house.write({change(Op::append, "a", "y")});
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::unavailable);
  CHECK(refused.error().message.find(cluster().folder()) == std::string::npos);
  CHECK(house.store->read(doc("a")).error().kind == ErrorKind::unavailable);
  REQUIRE(cluster().resume());
  CHECK(house.text("a") == "x");
  house.put(Op::append, "a", "y");
  CHECK(house.text("a") == "xy");
}

TEST_CASE("PostgreSQL: rows that have expired are removed with later commits") {
  PostgresHouse house;
  REQUIRE(house.write({change(Op::create, "a", "x")}, kAnna, "key"));
  house.clock.advance_ms(std::chrono::milliseconds(limits::kIdempotencyWindow).count() + 1);
  for (unsigned n = 0; n < limits::kPostgresSweepEvery; ++n) house.put(Op::replace, "a", "y");
  for (const char* table : {"idempotency", "commit_record", "event"}) {
    CAPTURE(table);
    CHECK(house
              .sql(std::string("select 1 from ") + table + " where at_ms < " +
                   std::to_string(house.clock.unix_ms()))
              .size() == 0);
  }
}

}  // namespace
}  // namespace remit::memory
