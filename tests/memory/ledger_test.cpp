#include "memory/ledger.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "memory/sqlite.h"
#include "tests/memory/no_threads.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

LedgerRecord record(int n) {
  return {.kind = "decision",
          .call_id = "01J" + std::to_string(n),
          .principal = "uid:0/technical-support-engineer/inst_x",
          .verdict = n % 2 == 0 ? "allow" : "deny",
          .rule = "memory.read",
          .origin = "technical-support-engineer.md:406:4",
          .fields = "{\"path\":\"x" + std::to_string(n) + ".yaml\"}"};
}

void fill(Ledger& ledger, int rows) {
  for (int n = 0; n < rows; ++n) {
    REQUIRE(ledger.append(record(n), n % 4 == 0 ? Durability::effect : Durability::read));
  }
}

void tamper(State& state, const std::string& sql) {
  auto t = state.database().write();
  REQUIRE(t);
  const auto run = t->sql(sql).run();
  if (!run) FAIL(run.error().message);
  REQUIRE(t->commit(Sync::cached));
}

LedgerCheck check(Ledger& ledger, const std::optional<std::string>& head = {}) {
  auto result = ledger.verify(head);
  if (!result) FAIL(result.error().message);
  return *result;
}

TEST_CASE("without a thread to sync with, records are written all the same") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  {
    const test::NoThreads none;
    REQUIRE(ledger.append(record(1), Durability::read));
    REQUIRE(ledger.append(record(2), Durability::read));
  }
  REQUIRE(ledger.append(record(3), Durability::read));
  CHECK(check(ledger).rows == 3);
}

TEST_CASE("rows come back as written and chain") {
  const Scratch scratch;
  const ManualClock clock;
  auto state = open_state(scratch, clock);
  Ledger ledger(*state);
  CHECK(check(ledger).ok);
  CHECK(ledger.head().value() == std::string(64, '0'));
  fill(ledger, 10);
  const auto rows = ledger.rows(0, 100).value();
  REQUIRE(rows.size() == 10);
  CHECK(rows[0].prev == std::string(64, '0'));
  CHECK(rows[0].seq == 1);
  CHECK(rows[0].at_unix_ms == 1'700'000'000'000);
  CHECK(rows[9].prev == rows[8].hash);
  CHECK(rows[3].record.fields == "{\"path\":\"x3.yaml\"}");
  CHECK(rows[3].record.verdict == "deny");
  const auto last = ledger.rows(-2, 100).value();
  REQUIRE(last.size() == 2);
  CHECK(last[0].seq == 9);
  CHECK(last[0].prev == rows[7].hash);
  CHECK(ledger.rows(4, 2).value().size() == 2);
  const LedgerCheck good = check(ledger, rows[4].hash);
  CHECK(good.ok);
  CHECK(good.rows == 10);
  CHECK(good.head == rows[9].hash);
  CHECK(good.head == ledger.head().value());
}

TEST_CASE("every kind of tampering is found at its record") {
  const Scratch scratch;
  const ManualClock clock;
  auto state = open_state(scratch, clock);
  Ledger ledger(*state);
  fill(ledger, 12);
  const std::string head = ledger.head().value();
  struct Attack {
    const char* what;
    const char* sql;
    std::int64_t first_bad;
  };
  const Attack attacks[] = {
      {"verdict", "update ledger set verdict = 'allow' where seq = 6", 6},
      {"time", "update ledger set at_ms = at_ms + 1 where seq = 3", 3},
      {"monotonic", "update ledger set mono_ms = mono_ms - 1 where seq = 12", 12},
      {"field moved across a border",
       "update ledger set rule = 'memory.readt', "
       "origin = substr(origin, 2) where seq = 4",
       4},
      {"hash", "update ledger set hash = zeroblob(32) where seq = 5", 5},
      {"deleted", "delete from ledger where seq = 7", 7},
      {"first deleted", "delete from ledger where seq = 1", 1},
      {"renumbered", "update ledger set seq = 100 where seq = 12", 12},
      {"tail cut", "delete from ledger where seq > 10", 11},
      {"all gone", "delete from ledger", 1},
      {"inserted before",
       "insert into ledger select 0, at_ms, mono_ms, kind, call_id, principal, "
       "verdict, rule, origin, fields, hash from ledger where seq = 1",
       1},
  };
  tamper(*state, "create table saved as select * from ledger");
  for (const Attack& attack : attacks) {
    CAPTURE(attack.what);
    tamper(*state, attack.sql);
    const LedgerCheck found = check(ledger, head);
    CHECK(!found.ok);
    CHECK(found.first_bad == attack.first_bad);
    tamper(*state, "delete from ledger");
    tamper(*state, "insert into ledger select * from saved");
    CHECK(check(ledger, head).ok);
  }
  // Two records exchanged, hashes included.
  tamper(*state, "update ledger set seq = -8 where seq = 8");
  tamper(*state, "update ledger set seq = 8 where seq = 9");
  tamper(*state, "update ledger set seq = 9 where seq = -8");
  CHECK(check(ledger).first_bad == 8);
}

TEST_CASE("each flipped byte of a record is found") {
  const Scratch scratch;
  const ManualClock clock;
  auto state = open_state(scratch, clock);
  Ledger ledger(*state);
  fill(ledger, 3);
  const LedgerRow row = ledger.rows(1, 1).value().at(0);
  const std::pair<const char*, std::string> columns[] = {
      {"kind", row.record.kind},           {"call_id", row.record.call_id},
      {"principal", row.record.principal}, {"verdict", row.record.verdict},
      {"rule", row.record.rule},           {"origin", row.record.origin},
      {"fields", row.record.fields}};
  for (const auto& [column, value] : columns) {
    for (std::size_t at = 0; at < value.size(); ++at) {
      std::string flipped = value;
      flipped[at] = static_cast<char>(flipped[at] ^ 1);
      const auto set = [&, name = column](const std::string& to) {
        auto t = state->database().write();
        REQUIRE(t);
        REQUIRE(
            t->sql(std::string("update ledger set ") + name + " = ? where seq = 2").bind(to).run());
        REQUIRE(t->commit(Sync::cached));
      };
      set(flipped);
      CHECK(check(ledger).first_bad == 2);
      set(value);
    }
  }
  CHECK(check(ledger).ok);
}

TEST_CASE("threads and processes share one chain") {
  const Scratch scratch;
  {
    open_state(scratch, system_clock());
  }
  std::vector<pid_t> children;
  for (int n = 0; n < 4; ++n) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      auto state = State::open({scratch.at("state"), {}}, system_clock());
      std::atomic<int> failed = 0;
      {
        Ledger ledger(**state);
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
          threads.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i) {
              if (!ledger.append(record(i), t == 0 ? Durability::effect : Durability::read))
                ++failed;
            }
          });
        }
      }
      ::_exit(failed == 0 ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  const LedgerCheck all = check(ledger);
  CHECK(all.ok);
  CHECK(all.rows == 400);
}

TEST_CASE("a ledger that cannot be written refuses, and recovers when it can") {
  const Scratch scratch;
  {
    open_state(scratch, system_clock());
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A file size limit stands in for a full disk.
    auto state = State::open({scratch.at("state"), {}}, system_clock());
    Ledger ledger(**state);
    if (!ledger.append(record(0), Durability::effect)) ::_exit(2);
    ::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight{4 << 10, RLIM_INFINITY};
    const struct rlimit wide{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    for (const auto durability : {Durability::read, Durability::effect}) {
      const auto refused = ledger.append(record(1), durability);
      if (refused || refused.error().kind != ErrorKind::unavailable) ::_exit(3);
    }
    ::setrlimit(RLIMIT_FSIZE, &wide);
    if (!ledger.append(record(2), Durability::effect)) ::_exit(4);
    const auto all = ledger.verify(std::nullopt);
    ::_exit(all && all->ok && all->rows == 2 ? 0 : 5);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a record joins the transaction of what it records") {
  const Scratch scratch;
  const ManualClock clock;
  auto state = open_state(scratch, clock);
  Ledger ledger(*state);
  fill(ledger, 1);
  {
    auto t = state->database().write();
    REQUIRE(t);
    REQUIRE(append_in(*t, clock, record(1)));
  }
  CHECK(check(ledger).rows == 1);
  {
    auto t = state->database().write();
    REQUIRE(t);
    REQUIRE(append_in(*t, clock, record(1)));
    REQUIRE(append_in(*t, clock, record(2)));
    REQUIRE(t->commit(Sync::durable));
  }
  CHECK(check(ledger).rows == 3);
  CHECK(check(ledger).ok);
}

}  // namespace
}  // namespace remit::memory
