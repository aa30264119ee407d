// What a store lets go after a while: old versions, closed instructions.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include <doctest/doctest.h>

#include "memory/handoff_rows.h"
#include "memory/ledger.h"
#include "memory/server_rows.h"
#include "tests/memory/store_house.h"

using namespace remit;
using namespace remit::memory;

namespace {

constexpr std::int64_t kDayMs = std::chrono::milliseconds(std::chrono::hours{24}).count();

struct OldHouse : StoreHouse {
  explicit OldHouse(const StoreLimits& allowed) { limit(allowed); }
  void limit(const StoreLimits& allowed) {
    store = open_file_store(*state, fs::open_root(root).value(), allowed).value();
  }
  void days(int count) { clock.advance_ms(kDayMs * count); }
  Retained round() {
    auto done = store->retain(RetainWhen::now);
    if (!done) FAIL(done.error().message);
    return *done;
  }
  std::vector<std::int64_t> versions(const std::string& path) {
    std::vector<std::int64_t> out;
    const auto rows = store->history(doc(path)).value();
    for (const VersionRow& row : rows) out.push_back(row.version);
    return out;
  }
  std::int64_t ledger_rows(const std::string& rule) {
    auto snapshot = state->database().read().value();
    Statement rows =
        snapshot.sql("select count(*) from ledger where kind = 'retention' and rule = ?");
    REQUIRE(rows.bind(rule).step());
    return rows.integer(0);
  }
  // A closed instruction that nobody has touched since.
  void closed(const std::string& id, const std::string& status = "closed") {
    put(Op::create, id + "/status.yaml", "status: " + status + "\n");
    put(Op::create, id + "/tasks/completed/t.yaml", "id: t\n");
    put(Op::append, id + "/tasks/completed/t.yaml", "more: yes\n");
    days(31);
  }
  bool is_there(const std::string& path) const { return std::filesystem::exists(file(path)); }
};

using Numbers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("versions go by age, but never the last of a document") {
  OldHouse house({.version_days = 30});
  house.put(Op::create, "a/x.yaml", "one\n");
  house.put(Op::create, "a/quiet.yaml", "one\n");
  house.days(20);
  house.put(Op::append, "a/x.yaml", "two\n");
  house.days(20);
  house.put(Op::append, "a/x.yaml", "three\n");
  CHECK(house.round().versions == 1);
  CHECK(house.versions("a/x.yaml") == Numbers{3, 2});
  CHECK(house.versions("a/quiet.yaml") == Numbers{1});
  CHECK(house.ledger_rows("memory.versions") == 1);
  // Exactly at its age a version is still there, a millisecond later it is not.
  house.days(10);
  CHECK(house.round().versions == 0);
  house.clock.advance_ms(1);
  CHECK(house.round().versions == 1);
  CHECK(house.versions("a/x.yaml") == Numbers{3});
  CHECK(house.body("a/x.yaml") == "one\ntwo\nthree\n");
  // The numbers go on.
  house.put(Op::append, "a/x.yaml", "four\n");
  CHECK(house.versions("a/x.yaml") == Numbers{4, 3});
}

TEST_CASE("whatever their age, without version_days they stay") {
  OldHouse house({});
  house.put(Op::create, "a/x.yaml", "one\n");
  house.put(Op::append, "a/x.yaml", "two\n");
  house.days(10'000);
  CHECK(house.round().versions == 0);
  CHECK(house.ledger_rows("memory.versions") == 0);
}

TEST_CASE("a site that keeps fewer versions has them dropped of documents that rest, too") {
  OldHouse house({});
  house.put(Op::create, "a/x.yaml", "");
  for (int n = 0; n < 9; ++n) house.put(Op::append, "a/x.yaml", "y");
  house.limit({.keep_versions = 3});
  CHECK(house.round().versions == 7);
  CHECK(house.versions("a/x.yaml") == Numbers{10, 9, 8});
  house.put(Op::append, "a/x.yaml", "y");
  CHECK(house.versions("a/x.yaml") == Numbers{11, 10, 9});
}

TEST_CASE("a round is due once an hour, for one of all processes") {
  OldHouse house({.keep_versions = 1});
  const auto due = [&] { return house.store->retain(RetainWhen::if_due).value().due; };
  CHECK(due());
  CHECK_FALSE(due());
  house.clock.advance_ms(std::chrono::milliseconds(limits::kRetentionEvery).count() - 1);
  CHECK_FALSE(due());
  house.clock.advance_ms(1);
  CHECK(due());
}

TEST_CASE("a closed instruction goes to the archive with its history") {
  OldHouse house({.archive_days = 30});
  house.closed("inst_1");
  const auto round = house.round();
  CHECK(round.archived == std::vector<std::string>{"inst_1"});
  CHECK_FALSE(house.is_there("inst_1"));
  CHECK(house.body("_archive/inst_1/tasks/completed/t.yaml") == "id: t\nmore: yes\n");
  CHECK(house.versions("_archive/inst_1/tasks/completed/t.yaml") == Numbers{2, 1});
  CHECK(house.store->version_body(doc("_archive/inst_1/tasks/completed/t.yaml"), 1).value() ==
        "id: t\n");
  CHECK(house.versions("inst_1/tasks/completed/t.yaml").empty());
  CHECK(house.ledger_rows("memory.archive") == 1);
  // The same id once more, and after it.
  house.closed("inst_1", "Completed");
  CHECK(house.round().archived.size() == 1);
  CHECK(house.is_there("_archive/inst_1.2/status.yaml"));
  CHECK(house.is_there("_archive/inst_1/status.yaml"));
}

TEST_CASE("what is not closed, not old, at work or handed over stays") {
  OldHouse house({.archive_days = 30});
  SUBCASE("not closed") {
    house.closed("inst_1", "in_progress");
  }
  SUBCASE("no status") {
    house.put(Op::create, "inst_1/x.yaml", "status: closed\n");
    house.days(31);
  }
  SUBCASE("a status that is no YAML") {
    house.put(Op::create, "inst_1/status.yaml", "status: closed\nstatus: open\n");
    house.days(31);
  }
  SUBCASE("changed lately") {
    house.closed("inst_1");
    // Files know the time of the system, not that of the test.
    house.put(Op::append, "inst_1/tasks/completed/t.yaml", "late: yes\n");
    const std::time_t now = house.clock.unix_ms() / 1000;
    const struct timespec times[2] = {{now, 0}, {now, 0}};
    REQUIRE(::utimensat(AT_FDCWD, house.file("inst_1/tasks/completed/t.yaml").c_str(), times, 0) ==
            0);
  }
  SUBCASE("nothing is archived by itself") {
    house.limit({});
    house.closed("inst_1");
  }
  SUBCASE("a folder that is no instruction's") {
    house.closed("_knowledge");
    CHECK(house.round().archived.empty());
    CHECK(house.is_there("_knowledge/status.yaml"));
    return;
  }
  CHECK(house.round().archived.empty());
  CHECK(house.is_there("inst_1"));
}

TEST_CASE("archiving by hand refuses what somebody still works on") {
  OldHouse house({});
  house.closed("inst_1", "open");
  CHECK(house.store->archive("_knowledge").error().kind == ErrorKind::invalid_argument);
  CHECK(house.store->archive("../inst_1").error().kind == ErrorKind::invalid_argument);
  CHECK(house.store->archive("inst_9").error().kind == ErrorKind::not_found);
  {
    const auto server =
        ServerRegistration::make(*house.state, "technical-support-engineer", "inst_1", "uid:0/t");
    REQUIRE(server);
    const auto busy = house.store->archive("inst_1");
    CHECK(busy.error().kind == ErrorKind::conflict);
    CHECK(busy.error().message.find("technical-support-engineer") != std::string::npos);
  }
  NewHandoff question;
  question.from_persona = "a";
  question.from_principal = "uid:1";
  question.to = "b";
  question.instruction = "inst_1";
  question.fields_json = R"({"question":"is it over by now?"})";
  question.authorized_by = "a.md:1:1";
  HandoffRows rows(*house.state, house.store->root_id());
  const auto sent = rows.send(question);
  REQUIRE(sent);
  CHECK(house.store->archive("inst_1").error().kind == ErrorKind::conflict);
  HandoffStep back;
  back.to_state = "withdrawn";
  back.persona = "a";
  back.principal = "uid:1";
  REQUIRE(rows.step(sent->id, back));
  CHECK(house.store->archive("inst_1").value() == "_archive/inst_1");
}

TEST_CASE("a move that a killed process began is ended by where the folder is") {
  OldHouse house({});
  house.closed("inst_1");
  house.closed("inst_2");
  // Killed before the rename of the one and after that of the other.
  for (const char* id : {"inst_1", "inst_2"}) {
    house.sql("insert into chore values(" + std::to_string(house.store->root_id()) +
              ", 'archive:" + id + "', 0, '_archive/" + id + "')");
  }
  REQUIRE(::mkdir(house.file("_archive").c_str(), 0755) == 0);
  REQUIRE(::rename(house.file("inst_2").c_str(), house.file("_archive/inst_2").c_str()) == 0);
  house.round();
  CHECK(house.is_there("inst_1/status.yaml"));
  CHECK(house.versions("inst_1/tasks/completed/t.yaml") == Numbers{2, 1});
  CHECK(house.versions("_archive/inst_2/tasks/completed/t.yaml") == Numbers{2, 1});
  auto snapshot = house.state->database().read().value();
  Statement left = snapshot.sql("select count(*) from chore where name like 'archive:%'");
  REQUIRE(left.step());
  CHECK(left.integer(0) == 0);
}
