#include "memory/sqlite.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

const std::vector<Migration> kOne = {
    {1, "create table t(id integer primary key, v text unique) strict;"}};
const std::vector<Migration> kTwo = {kOne[0], {2, "alter table t add column w integer;"}};

std::unique_ptr<Database> open_database(const Scratch& scratch, const std::vector<Migration>& steps,
                                        std::int32_t id = 77) {
  auto folder = fs::open_root(scratch.path());
  REQUIRE(folder);
  auto database = Database::open(scratch.path(), *folder, "x.db", id, steps);
  if (!database) FAIL(database.error().message);
  return std::move(*database);
}

std::int64_t count(Database& database) {
  auto snapshot = database.read();
  REQUIRE(snapshot);
  Statement s = snapshot->sql("select count(*) from t");
  REQUIRE(s.step().value());
  return s.integer(0);
}

Result<void> insert(Database& database, std::string_view v, Sync sync = Sync::cached) {
  TRY(Transaction t, database.write());
  TRY_DO(t.sql("insert into t(v) values(?)").bind(v).run());
  return t.commit(sync);
}

TEST_CASE("a transaction is whole or nothing") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  {
    auto t = database->write();
    REQUIRE(t);
    REQUIRE(t->sql("insert into t(v) values(?)").bind("a").run());
  }
  CHECK(count(*database) == 0);
  REQUIRE(insert(*database, "a", Sync::durable));
  CHECK(count(*database) == 1);
  const auto twice = insert(*database, "a");
  REQUIRE(!twice);
  CHECK(twice.error().kind == ErrorKind::conflict);
  CHECK(twice.error().code == "constraint");
}

TEST_CASE("a second transaction in the same thread is refused, not a deadlock") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  auto first = database->write();
  REQUIRE(first);
  auto second = database->write();
  REQUIRE(!second);
  CHECK(second.error().kind == ErrorKind::internal);
  CHECK(database->read());
}

TEST_CASE("a statement left open does not pin the connection to an old view") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  auto other = open_database(scratch, kOne);
  REQUIRE(insert(*database, "a"));
  REQUIRE(insert(*database, "b"));
  {
    auto t = database->write();
    REQUIRE(t);
    Statement open = t->sql("select v from t order by id");
    REQUIRE(open.step().value());
    REQUIRE(t->commit(Sync::cached));
  }
  REQUIRE(insert(*other, "c"));
  CHECK(insert(*database, "d"));
  CHECK(count(*database) == 4);
}

TEST_CASE("bad SQL and bad parameters are errors of the statement") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  auto t = database->write();
  REQUIRE(t);
  CHECK(t->sql("select nonsense from t").step().error().kind == ErrorKind::internal);
  CHECK(!t->sql("select 1").bind("one too many").step());
  // A double-quoted word is a name, never quietly a string.
  CHECK(!t->sql("select \"nothing\"").step());
}

TEST_CASE("empty and binary values are kept apart from null") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  auto t = database->write();
  REQUIRE(t);
  Statement s = t->sql("select ?, ?, ?, ?");
  s.bind(std::string_view()).bind_null().bind_blob(std::string_view("a\0b", 3)).bind(INT64_MIN);
  REQUIRE(s.step().value());
  CHECK(!s.is_null(0));
  CHECK(s.text(0).empty());
  CHECK(s.is_null(1));
  CHECK(s.text(2) == std::string("a\0b", 3));
  CHECK(s.integer(3) == INT64_MIN);
}

TEST_CASE("migrations run once; a newer or a foreign database is refused") {
  const Scratch scratch;
  {
    REQUIRE(insert(*open_database(scratch, kOne), "a"));
  }
  {
    CHECK(count(*open_database(scratch, kTwo)) == 1);
  }
  auto folder = fs::open_root(scratch.path());
  REQUIRE(folder);
  const auto older = Database::open(scratch.path(), *folder, "x.db", 77, kOne);
  REQUIRE(!older);
  CHECK(older.error().code == "newer");
  const auto foreign = Database::open(scratch.path(), *folder, "x.db", 78, kTwo);
  REQUIRE(!foreign);
  CHECK(foreign.error().kind == ErrorKind::unavailable);
  spew(scratch.at("y.db"), "this is not a database, it only has the name of one, and some length");
  const auto garbage = Database::open(scratch.path(), *folder, "y.db", 77, kOne);
  REQUIRE(!garbage);
  CHECK(garbage.error().code == "corrupt");
}

TEST_CASE("many threads and two handles write without losing a row") {
  const Scratch scratch;
  auto one = open_database(scratch, kOne);
  auto two = open_database(scratch, kOne);
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 8; ++n) {
      threads.emplace_back([&, n] {
        Database& database = n % 2 == 0 ? *one : *two;
        for (int i = 0; i < 25; ++i) {
          const auto sync = i % 5 == 0 ? Sync::durable : Sync::cached;
          if (!insert(database, std::to_string(n) + "." + std::to_string(i), sync)) ++failed;
        }
      });
    }
  }
  CHECK(failed == 0);
  CHECK(count(*one) == 200);
}

TEST_CASE("eight processes open a new database at once") {
  const Scratch scratch;
  std::vector<pid_t> children;
  for (int n = 0; n < 8; ++n) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const auto done = [&]() -> Result<void> {
        TRY(const Fd folder, fs::open_root(scratch.path()));
        TRY(auto database, Database::open(scratch.path(), folder, "x.db", 77, kTwo));
        return insert(*database, std::to_string(n));
      }();
      if (!done) std::fprintf(stderr, "opening at once: %s\n", done.error().message.c_str());
      ::_exit(done ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  CHECK(count(*open_database(scratch, kTwo)) == 8);
}

TEST_CASE("only the owner can read the files") {
  const Scratch scratch;
  auto database = open_database(scratch, kOne);
  for (const char* name : {"x.db", "x.db-wal", "x.db-shm"}) {
    struct stat st{};
    REQUIRE(::stat(scratch.at(name).c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
  }
}

}  // namespace
}  // namespace remit::memory
