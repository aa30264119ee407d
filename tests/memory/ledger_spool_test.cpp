#include "memory/ledger_spool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "memory/ledger.h"
#include "memory/sqlite.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

LedgerRecord record(const std::string& call, std::string fields = "{}") {
  return {"decision", call, "uid:0/a/i", "allow", "root.read", "a.md:1:1", std::move(fields)};
}

std::vector<std::string> calls(Ledger& ledger) {
  std::vector<std::string> out;
  for (std::int64_t after = 0;;) {
    const auto rows = ledger.rows(after, 1000).value();
    if (rows.empty()) return out;
    for (const LedgerRow& row : rows) out.push_back(row.record.call_id);
    after = rows.back().seq;
  }
}

std::size_t spools(const Scratch& scratch) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(scratch.at("state/spool"))) {
    ++count;
  }
  return count;
}

// A process that does `body` and is killed at its end, with whatever it has in memory.
void die_after(const Scratch& scratch, const std::function<void(Ledger&)>& body) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    auto state = State::open({scratch.at("state"), {}}, system_clock());
    Ledger ledger(**state);
    if (!ledger.open_spool()) ::_exit(1);
    body(ledger);
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
}

void run_sql(State& state, const char* sql) {
  auto transaction = state.database().write();
  REQUIRE(transaction);
  REQUIRE(transaction->sql(sql).run());
  REQUIRE(transaction->commit(Sync::cached));
}

using Calls = std::vector<std::string>;

TEST_CASE("an effect is chained behind everything that was appended before it") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  {
    Ledger ledger(*state);
    REQUIRE(ledger.open_spool());
    CHECK(spools(scratch) == 1);
    for (const char* call : {"a", "b", "c"}) REQUIRE(ledger.append(record(call), Durability::read));
    REQUIRE(ledger.append(record("d"), Durability::effect));
    REQUIRE(ledger.append(record("e"), Durability::read));
    CHECK(calls(ledger) == Calls{"a", "b", "c", "d", "e"});
    CHECK(ledger.verify(std::nullopt).value().ok);
    REQUIRE(ledger.append(record("f"), Durability::read));
  }
  CHECK(spools(scratch) == 0);
  Ledger ledger(*state);
  CHECK(calls(ledger) == Calls{"a", "b", "c", "d", "e", "f"});
  CHECK(ledger.verify(std::nullopt).value().ok);
}

TEST_CASE("spooled rows reach the chain by themselves") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state), reader(*state);
  REQUIRE(ledger.open_spool());
  REQUIRE(ledger.append(record("a"), Durability::read));
  for (int tries = 0; calls(reader).empty() && tries < 1000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(calls(reader) == Calls{"a"});
}

TEST_CASE("more than a spool holds, and rows larger than one, are chained whole and in order") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  REQUIRE(ledger.open_spool());
  Calls expected;
  const std::string large(2 * limits::kLedgerSpoolBytes, 'x');
  for (int n = 0; n < 3000; ++n) {
    expected.push_back(std::to_string(n));
    REQUIRE(ledger.append(record(expected.back(), n == 1500 ? large : "{}"), Durability::read));
  }
  CHECK(calls(ledger) == expected);
  CHECK(ledger.rows(1500, 1).value()[0].record.fields == large);
  CHECK(ledger.verify(std::nullopt).value().ok);
}

TEST_CASE("appending from many threads loses and doubles nothing") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  REQUIRE(ledger.open_spool());
  constexpr int kThreads = 4, kEach = 500;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int n = 0; n < kEach; ++n) {
          const std::string call = std::to_string(thread) + "." + std::to_string(n);
          const auto durability = n % 100 == 99 ? Durability::effect : Durability::read;
          if (!ledger.append(record(call), durability)) std::abort();
        }
      });
    }
  }
  Calls there = calls(ledger);
  CHECK(there.size() == kThreads * kEach);
  std::sort(there.begin(), there.end());
  CHECK(std::unique(there.begin(), there.end()) == there.end());
  CHECK(ledger.verify(std::nullopt).value().ok);
}

TEST_CASE("what a killed process had spooled is chained by the next one, once") {
  const Scratch scratch;
  open_state(scratch, system_clock());
  die_after(scratch, [](Ledger& ledger) {
    static_cast<void>(ledger.append(record("a"), Durability::effect));
    for (const char* call : {"b", "c"})
      static_cast<void>(ledger.append(record(call), Durability::read));
  });
  CHECK(spools(scratch) == 1);
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  REQUIRE(ledger.open_spool());  // whose own spool is left alone
  REQUIRE(ledger.append(record("own"), Durability::read));
  for (int times = 0; times < 2; ++times) {
    REQUIRE(Ledger::recover(*state));
    CHECK(spools(scratch) == 1);
  }
  Calls there = calls(ledger);
  std::sort(there.begin(), there.end());
  CHECK(there == Calls{"a", "b", "c", "own"});
  CHECK(ledger.verify(std::nullopt).value().ok);
}

TEST_CASE("a process killed between its commit and the emptying of its spool doubles nothing") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  {
    auto spool = LedgerSpool::make(*state);
    REQUIRE(spool);
    for (const char* call : {"a", "b", "c"}) {
      REQUIRE((*spool)->put(1, 2, {"decision", call, "p", "allow", "r", "o", "{}"}));
    }
    REQUIRE((*spool)->waiting().size() == 3);
    run_sql(*state, ("insert into ledger_spool values('" + (*spool)->name() + "', 2)").c_str());
  }
  REQUIRE(Ledger::recover(*state));
  CHECK(spools(scratch) == 0);
  Ledger ledger(*state);
  CHECK(calls(ledger) == Calls{"c"});
}

TEST_CASE("half a row, and bytes that are none, are no rows") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  std::string file;
  {
    auto spool = LedgerSpool::make(*state);
    REQUIRE(spool);
    file = scratch.at("state/spool/" + (*spool)->name());
    for (const char* call : {"a", "b"}) {
      REQUIRE((*spool)->put(1, 2, {"decision", call, "p", "allow", "r", "o", "{}"}));
    }
  }
  const std::string whole = slurp(file);
  const std::size_t second = whole.find("decision", whole.find("decision") + 1);
  for (const std::size_t cut : {second, second + 10, std::size_t{3}}) {
    CAPTURE(cut);
    std::string damaged = whole.substr(0, cut);
    if (cut != second + 10) damaged += std::string(100, '\xff');
    spew(file, damaged);
    auto found = abandoned_spool(*state, "");
    REQUIRE(found);
    REQUIRE(*found != nullptr);
    CHECK((*found)->rows.size() == (cut == 3 ? 0 : 1));
    CHECK((*found)->damaged);
  }
}

TEST_CASE("a ledger that cannot be written fails every later decision, until it can") {
  const Scratch scratch;
  auto state = open_state(scratch, system_clock());
  Ledger ledger(*state);
  REQUIRE(ledger.open_spool());
  // Before the first record: its writer starts at once, and may be done before the next line.
  run_sql(*state, "alter table ledger_spool rename to elsewhere");
  REQUIRE(ledger.append(record("a"), Durability::read));
  CHECK_FALSE(ledger.flush());
  CHECK_FALSE(ledger.append(record("refused"), Durability::read));
  CHECK_FALSE(ledger.append(record("refused"), Durability::effect));
  run_sql(*state, "alter table elsewhere rename to ledger_spool");
  CHECK(ledger.append(record("b"), Durability::read));
  CHECK(ledger.append(record("c"), Durability::read));
  CHECK(calls(ledger) == Calls{"a", "b", "c"});
  CHECK(ledger.verify(std::nullopt).value().ok);
}

}  // namespace
}  // namespace remit::memory
