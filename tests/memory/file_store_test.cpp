#include "memory/file_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "memory/sqlite.h"
#include "tests/memory/scratch.h"

namespace remit::memory {
namespace {

using Op = DocumentChange::Op;
const Author kAnna{"technical-support-engineer", "uid:0/tse", "inst_1", "call_a"};
const Author kBert{"qa-lead", "uid:0/qa", "inst_1", "call_b"};

DocPath doc(const std::string& text) {
  auto path = DocPath::parse(text);
  if (!path) FAIL(path.error().message);
  return *path;
}

DocumentChange change(Op op, const std::string& path, std::string body) {
  DocumentChange out;
  out.op = op;
  out.path = doc(path);
  out.body = std::move(body);
  return out;
}

// A store over a scratch Agent_Memory, which can be opened again as another process would.
struct House {
  House() : clock(system_clock().unix_ms()) {
    REQUIRE(::mkdir(root.c_str(), 0755) == 0);
    state = open_state(scratch, clock);
    open();
  }
  void open() {
    auto fd = fs::open_root(root);
    REQUIRE(fd);
    auto opened = open_file_store(*state, std::move(*fd));
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
  }
  Result<std::vector<Committed>> write(std::vector<DocumentChange> changes,
                                       const Author& author = kAnna, const std::string& key = "") {
    return store->commit(changes, author, key);
  }
  Committed put(Op op, const std::string& path, const std::string& body,
                const Author& author = kAnna) {
    auto done = write({change(op, path, body)}, author);
    if (!done) FAIL(done.error().message);
    return done->at(0);
  }
  std::string file(const std::string& path) const { return root + "/" + path; }
  std::string body(const std::string& path) const { return slurp(file(path)); }
  void sql(const std::string& text) {
    auto t = state->database().write();
    REQUIRE(t);
    const auto done = t->sql(text).run();
    if (!done) FAIL(done.error().message);
    REQUIRE(t->commit(Sync::cached));
  }
  std::vector<std::string> ops(const std::string& path) {
    std::vector<std::string> out;
    const auto rows = store->history(doc(path)).value();
    for (const VersionRow& row : rows) out.push_back(row.op);
    return out;
  }
  Scratch scratch;
  ManualClock clock;
  std::string root = scratch.at("Agent_Memory");
  std::unique_ptr<State> state;
  std::unique_ptr<Store> store;
};

TEST_CASE("create, read, replace, append, remove") {
  House house;
  const Committed made = house.put(Op::create, "inst_1/tasks/pending/t.yaml", "a: 1\n");
  CHECK(made.created);
  CHECK(made.version == 1);
  CHECK(made.previous_etag.empty());
  CHECK(house.body("inst_1/tasks/pending/t.yaml") == "a: 1\n");
  const Document read = house.store->read(doc("inst_1/tasks/pending/t.yaml")).value();
  CHECK(read.body == "a: 1\n");
  CHECK(read.etag == made.etag);
  CHECK(read.sha256 == sha256_hex("a: 1\n"));
  CHECK(read.author == "technical-support-engineer");

  const auto exists = house.write({change(Op::create, "inst_1/tasks/pending/t.yaml", "x")});
  REQUIRE(!exists);
  CHECK(exists.error().kind == ErrorKind::conflict);
  CHECK(exists.error().code == "exists");
  CHECK((*exists.error().data)["etag"] == made.etag);

  const Committed second = house.put(Op::replace, "inst_1/tasks/pending/t.yaml", "a: 2\n", kBert);
  CHECK(second.previous_etag == made.etag);
  CHECK(second.version == 2);
  CHECK(house.put(Op::append, "inst_1/tasks/pending/t.yaml", "b: 3\n").bytes == 10);
  CHECK(house.body("inst_1/tasks/pending/t.yaml") == "a: 2\nb: 3\n");
  house.put(Op::remove, "inst_1/tasks/pending/t.yaml", "");
  CHECK(house.store->read(doc("inst_1/tasks/pending/t.yaml")).error().kind == ErrorKind::not_found);
  CHECK(house.write({change(Op::replace, "inst_1/none.yaml", "x")}).error().kind ==
        ErrorKind::not_found);
  CHECK(house.write({change(Op::remove, "inst_1/none.yaml", "")}).error().kind ==
        ErrorKind::not_found);

  CHECK(house.ops("inst_1/tasks/pending/t.yaml") ==
        std::vector<std::string>{"remove", "append", "replace", "create"});
  CHECK(house.store->version_body(doc("inst_1/tasks/pending/t.yaml"), 3).value() == "a: 2\nb: 3\n");
  CHECK(house.store->version_sent(doc("inst_1/tasks/pending/t.yaml"), 3).value() == "b: 3\n");
  CHECK(house.store->version_sent(doc("inst_1/tasks/pending/t.yaml"), 1).value() == "a: 1\n");
  CHECK(!house.store->version_body(doc("inst_1/tasks/pending/t.yaml"), 4));
}

TEST_CASE("a stale etag is a conflict that names the current one") {
  House house;
  const Committed first = house.put(Op::create, "a.yaml", "1");
  const Committed second = house.put(Op::replace, "a.yaml", "2", kBert);
  DocumentChange late = change(Op::replace, "a.yaml", "3");
  late.if_match = first.etag;
  const auto refused = house.write({late});
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK((*refused.error().data)["etag"] == second.etag);
  CHECK(house.body("a.yaml") == "2");
  late.if_match = second.etag;
  CHECK(house.write({late}));
  DocumentChange missing = change(Op::append, "none.yaml", "3");
  missing.if_match = second.etag;
  CHECK(house.write({missing}).error().kind == ErrorKind::conflict);
}

TEST_CASE("an etag says nothing about content or other paths") {
  House house;
  const Committed a = house.put(Op::create, "a.yaml", "same");
  const Committed b = house.put(Op::create, "b.yaml", "same");
  CHECK(a.etag != b.etag);
  CHECK(a.etag.size() == 32);
  CHECK(a.sha256.find(a.etag) == std::string::npos);
  const Scratch other;
  CHECK(house.store->etag_of(doc("a.yaml"), sha256_hex("same")) == a.etag);
}

TEST_CASE("own means every byte, and an outsider's edit ends it") {
  House house;
  house.put(Op::create, "a.yaml", "1");
  CHECK(house.store->is_own(doc("a.yaml"), kAnna).value());
  CHECK(!house.store->is_own(doc("a.yaml"), kBert).value());
  Author later = kAnna;
  later.call_id = "another";
  CHECK(house.store->is_own(doc("a.yaml"), later).value());
  house.put(Op::append, "a.yaml", "2");
  CHECK(house.store->is_own(doc("a.yaml"), kAnna).value());
  house.put(Op::append, "a.yaml", "3", kBert);
  CHECK(!house.store->is_own(doc("a.yaml"), kBert).value());
  house.put(Op::append, "a.yaml", "4");
  CHECK(!house.store->is_own(doc("a.yaml"), kAnna).value());
  house.put(Op::replace, "a.yaml", "5");
  CHECK(house.store->is_own(doc("a.yaml"), kAnna).value());
  spew(house.file("a.yaml"), "external");
  CHECK(!house.store->is_own(doc("a.yaml"), kAnna).value());
  CHECK(house.store->read(doc("a.yaml")).value().author == "external");
  CHECK(!house.store->is_own(doc("none.yaml"), kAnna).value());
}

TEST_CASE("what an outsider wrote is kept before it is written over") {
  House house;
  house.put(Op::create, "a.yaml", "ours\n");
  spew(house.file("a.yaml"), "theirs\n");
  house.put(Op::append, "a.yaml", "more\n");
  CHECK(house.body("a.yaml") == "theirs\nmore\n");
  CHECK(house.ops("a.yaml") == std::vector<std::string>{"append", "external", "create"});
  CHECK(house.store->version_body(doc("a.yaml"), 2).value() == "theirs\n");
  CHECK(house.store->history(doc("a.yaml")).value().at(1).author.persona == "external");
  // A file that Remit never saw before, and one that an outsider removed.
  spew(house.file("b.yaml"), "old\n");
  house.put(Op::replace, "b.yaml", "new\n");
  CHECK(house.ops("b.yaml") == std::vector<std::string>{"replace", "external"});
  REQUIRE(::unlink(house.file("b.yaml").c_str()) == 0);
  house.put(Op::create, "b.yaml", "again\n");
  CHECK(house.ops("b.yaml") ==
        std::vector<std::string>{"create", "external", "replace", "external"});
}

TEST_CASE("typed edits see the current body and may refuse") {
  House house;
  DocumentChange edit = change(Op::replace, "k.yaml", "");
  edit.edit = [](const std::optional<std::string>& now) -> Result<std::string> {
    return now.value_or("[]") + "+1";
  };
  REQUIRE(house.write({edit}));
  REQUIRE(house.write({edit}));
  CHECK(house.body("k.yaml") == "[]+1+1");
  CHECK(house.ops("k.yaml") == std::vector<std::string>{"edit", "edit"});
  CHECK(house.store->version_sent(doc("k.yaml"), 2).error().kind == ErrorKind::not_found);
  edit.edit = [](const std::optional<std::string>&) -> Result<std::string> {
    return fail(ErrorKind::invalid_argument, "no list at /issues");
  };
  CHECK(house.write({edit}).error().message == "no list at /issues");
  CHECK(house.body("k.yaml") == "[]+1+1");
}

TEST_CASE("an outsider who edits during a typed edit is not lost") {
  House house;
  house.put(Op::create, "k.yaml", "base");
  DocumentChange edit = change(Op::replace, "k.yaml", "");
  int calls = 0;
  edit.edit = [&](const std::optional<std::string>& now) -> Result<std::string> {
    if (++calls == 1) spew(house.file("k.yaml"), "outsider");
    return now.value() + "+ours";
  };
  REQUIRE(house.write({edit}));
  CHECK(calls == 2);
  CHECK(house.body("k.yaml") == "outsider+ours");
  CHECK(house.ops("k.yaml") == std::vector<std::string>{"edit", "external", "create"});
  // One who never stops: a conflict in the end, nothing of ours in place.
  edit.edit = [&](const std::optional<std::string>& now) -> Result<std::string> {
    spew(house.file("k.yaml"), "outsider" + std::to_string(++calls));
    return now.value() + "+ours";
  };
  CHECK(house.write({edit}).error().kind == ErrorKind::conflict);
  CHECK(house.body("k.yaml") == "outsider6");
}

TEST_CASE("several documents change together or not at all") {
  House house;
  house.put(Op::create, "inst_1/tasks/pending/t.yaml", "task");
  house.put(Op::create, "inst_1/status.yaml", "pending");
  // A task move: status, new file, old file removed.
  REQUIRE(house.write({change(Op::replace, "inst_1/status.yaml", "working"),
                       change(Op::create, "inst_1/tasks/in_progress/t.yaml", "task"),
                       change(Op::remove, "inst_1/tasks/pending/t.yaml", "")}));
  CHECK(house.body("inst_1/status.yaml") == "working");
  CHECK(house.body("inst_1/tasks/in_progress/t.yaml") == "task");
  CHECK(!std::filesystem::exists(house.file("inst_1/tasks/pending/t.yaml")));
  // The last condition fails: nothing moves.
  CHECK(!house.write({change(Op::replace, "inst_1/status.yaml", "done"),
                      change(Op::create, "inst_1/tasks/in_progress/t.yaml", "again")}));
  CHECK(house.body("inst_1/status.yaml") == "working");
  // The last rename fails (its parent is a file): what was renamed is put back.
  spew(house.file("inst_1/plain"), "a file");
  const auto refused = house.write({change(Op::replace, "inst_1/status.yaml", "done"),
                                    change(Op::create, "inst_1/new.yaml", "new"),
                                    change(Op::remove, "inst_1/tasks/in_progress/t.yaml", ""),
                                    change(Op::create, "inst_1/plain/x.yaml", "x")});
  REQUIRE(!refused);
  CHECK(refused.error().code == "not_a_document");
  CHECK(house.body("inst_1/status.yaml") == "working");
  CHECK(house.body("inst_1/tasks/in_progress/t.yaml") == "task");
  CHECK(!std::filesystem::exists(house.file("inst_1/new.yaml")));
  CHECK(house.store->read(doc("inst_1/status.yaml")).value().author == kAnna.persona);
  CHECK(house.ops("inst_1/status.yaml") == std::vector<std::string>{"replace", "create"});
  CHECK(house.write({change(Op::replace, "a.yaml", ""), change(Op::append, "a.yaml", "")})
            .error()
            .kind == ErrorKind::invalid_argument);
}

TEST_CASE("an idempotency key gives the first result again, for a day") {
  House house;
  const auto first = house.write({change(Op::append, "a.log", "x\n")}, kAnna, "k1").value();
  const auto again = house.write({change(Op::append, "a.log", "x\n")}, kAnna, "k1").value();
  CHECK(again[0].version == first[0].version);
  CHECK(again[0].etag == first[0].etag);
  CHECK(again[0].created);
  CHECK(house.body("a.log") == "x\n");
  const auto other = house.write({change(Op::append, "a.log", "y\n")}, kAnna, "k1");
  REQUIRE(!other);
  CHECK(other.error().kind == ErrorKind::conflict);
  CHECK(house.write({change(Op::append, "b.log", "x\n")}, kAnna, "k1").error().kind ==
        ErrorKind::conflict);
  CHECK(house.write({change(Op::append, "a.log", "z\n")}, kBert, "k1"));
  // A failed write does not use the key up.
  CHECK(!house.write({change(Op::create, "a.log", "n")}, kAnna, "k2"));
  CHECK(house.write({change(Op::append, "a.log", "n\n")}, kAnna, "k2"));
  house.clock.advance_ms(std::chrono::milliseconds(limits::kIdempotencyWindow).count() + 1);
  CHECK(house.write({change(Op::append, "a.log", "x\n")}, kAnna, "k1"));
  CHECK(house.body("a.log") == "x\nz\nn\nx\n");
}

TEST_CASE("only regular files with one name are documents") {
  House house;
  house.put(Op::create, "real.yaml", "secret");
  REQUIRE(::symlink("real.yaml", house.file("link.yaml").c_str()) == 0);
  REQUIRE(::symlink("/etc", house.file("etc").c_str()) == 0);
  REQUIRE(::mkfifo(house.file("pipe.yaml").c_str(), 0600) == 0);
  REQUIRE(::mkdir(house.file("dir.yaml").c_str(), 0700) == 0);
  spew(house.scratch.at("outside"), "outside");
  REQUIRE(::link(house.scratch.at("outside").c_str(), house.file("hard.yaml").c_str()) == 0);
  for (const char* path : {"link.yaml", "pipe.yaml", "dir.yaml", "hard.yaml", "etc/passwd"}) {
    CAPTURE(path);
    CHECK(house.store->read(doc(path)).error().code == "not_a_document");
    for (const Op op : {Op::create, Op::replace, Op::append, Op::remove}) {
      CHECK(house.write({change(op, path, "x")}).error().code == "not_a_document");
    }
  }
  CHECK(house.write({change(Op::create, "etc/new.yaml", "x")}).error().code == "not_a_document");
  CHECK(slurp(house.scratch.at("outside")) == "outside");
  CHECK(house.body("real.yaml") == "secret");
  const auto all = house.store->list("", [](auto) { return true; }, [](auto) { return true; });
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->at(0).path == "real.yaml");
}

TEST_CASE("documents up to the limit, not a byte more") {
  House house;
  const std::string most(limits::kDocumentBytes, 'x');
  house.put(Op::create, "a.yaml", most);
  CHECK(house.write({change(Op::append, "a.yaml", "y")}).error().kind == ErrorKind::too_large);
  CHECK(house.write({change(Op::create, "b.yaml", most + "y")}).error().kind ==
        ErrorKind::too_large);
  CHECK(house.body("a.yaml").size() == limits::kDocumentBytes);
  spew(house.file("c.yaml"), most + "y");
  CHECK(house.store->read(doc("c.yaml")).error().kind == ErrorKind::too_large);
}

TEST_CASE("lists are sorted, pruned and hide temporary files") {
  House house;
  for (const char* path : {"b.yaml", "a/z.yaml", "a/b/c.yaml", "secret/x.yaml"}) {
    house.put(Op::create, path, path);
  }
  spew(house.file("a/.remit-tmp-abc"), "half");
  std::vector<std::string> entered;
  const auto list = [&](const std::string& prefix) {
    entered.clear();
    return house.store
        ->list(
            prefix,
            [&](std::string_view directory) {
              entered.emplace_back(directory);
              return directory != "secret";
            },
            [](std::string_view path) { return path.ends_with(".yaml"); })
        .value();
  };
  const auto all = list("");
  REQUIRE(all.size() == 3);
  CHECK(all[0].path == "a/b/c.yaml");
  CHECK(all[1].path == "a/z.yaml");
  CHECK(all[2].path == "b.yaml");
  CHECK(all[1].etag == house.store->read(doc("a/z.yaml")).value().etag);
  CHECK(list("a/b").size() == 1);
  CHECK(list("nothing").empty());
  house.put(Op::replace, "b.yaml", "other!");  // the same size: the cached hash must not survive
  CHECK(list("")[2].etag == house.store->read(doc("b.yaml")).value().etag);
}

TEST_CASE("the newest fifty versions are kept") {
  House house;
  for (int n = 0; n < 55; ++n) house.put(Op::append, "a.log", "x");
  const auto rows = house.store->history(doc("a.log")).value();
  CHECK(rows.size() == limits::kKeepVersions);
  CHECK(rows.front().version == 55);
  CHECK(rows.back().version == 6);
}

// Whether any file of the state directory holds these bytes.
bool state_holds(const std::string& directory, const std::string& bytes) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && slurp(entry.path()).find(bytes) != std::string::npos)
      return true;
  }
  return false;
}

TEST_CASE("purge drops the texts of versions, and no file of the state holds them") {
  House house;
  const std::string secret = "token: hunter2hunter2hunter2";
  house.put(Op::create, "a.yaml", secret + "\n");
  house.put(Op::append, "a.yaml", "b: 1\n");
  house.put(Op::replace, "a.yaml", "clean: 1\n");
  house.put(Op::create, "other.yaml", "kept: 1\n");
  REQUIRE(state_holds(house.scratch.at("state"), secret));
  const auto before = house.store->history(doc("a.yaml")).value();
  CHECK(house.store->purge(doc("a.yaml"), 3).error().kind == ErrorKind::conflict);
  CHECK(house.store->purge(doc("a.yaml"), 9).error().kind == ErrorKind::not_found);
  CHECK(house.store->purge(doc("a.yaml"), 2).value() == 1);
  CHECK(house.store->version_body(doc("a.yaml"), 1).has_value());
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 1);
  CHECK_FALSE(state_holds(house.scratch.at("state"), secret));
  CHECK(house.store->version_body(doc("a.yaml"), 1).error().kind == ErrorKind::not_found);
  CHECK(house.store->version_sent(doc("a.yaml"), 1).error().kind == ErrorKind::not_found);
  CHECK(house.store->version_body(doc("a.yaml"), 3).value() == "clean: 1\n");
  CHECK(house.store->version_body(doc("other.yaml"), 1).value() == "kept: 1\n");
  // What was there is still told, but not what it said.
  const auto after = house.store->history(doc("a.yaml")).value();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(after[i].sha256 == before[i].sha256);
    CHECK(after[i].bytes == before[i].bytes);
  }
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 0);
  // Of a document that is gone, everything.
  house.put(Op::remove, "a.yaml", "");
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 1);
  CHECK(house.store->version_body(doc("a.yaml"), 3).error().kind == ErrorKind::not_found);
}

// What a kill -9 leaves between two steps of a commit is made here by hand.
TEST_CASE("recovery finishes what the file still allows") {
  House house;
  house.put(Op::create, "a.yaml", "old");
  house.put(Op::replace, "a.yaml", "new");
  house.put(Op::create, "gone.yaml", "x");
  house.put(Op::remove, "gone.yaml", "");
  house.put(Op::create, "deep/made.yaml", "made");

  SUBCASE("row committed, file not yet renamed") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    spew(house.file("a.yaml"), "old");
    CHECK(house.store->read(doc("a.yaml")).value().author == kAnna.persona);
    house.open();
    CHECK(house.body("a.yaml") == "new");
    CHECK(house.ops("a.yaml") == std::vector<std::string>{"replace", "create"});
  }
  SUBCASE("the next writer finishes it too") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    spew(house.file("a.yaml"), "old");
    house.put(Op::append, "a.yaml", "+");
    CHECK(house.body("a.yaml") == "new+");
    CHECK(house.ops("a.yaml") == std::vector<std::string>{"append", "replace", "create"});
  }
  SUBCASE("file renamed, row not marked") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    house.open();
    CHECK(house.body("a.yaml") == "new");
    CHECK(house.store->read(doc("a.yaml")).value().author == kAnna.persona);
    CHECK(house.ops("a.yaml").size() == 2);
  }
  SUBCASE("an outsider was faster: the file is his") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    spew(house.file("a.yaml"), "his");
    house.open();
    CHECK(house.body("a.yaml") == "his");
    CHECK(house.store->read(doc("a.yaml")).value().author == "external");
    CHECK(house.store->version_body(doc("a.yaml"), 2).value() == "new");
  }
  SUBCASE("a removal and a creation with its folder") {
    house.sql("update version set state = 0 where path = 'gone.yaml' and version = 2");
    house.sql("update version set state = 0 where path = 'deep/made.yaml'");
    spew(house.file("gone.yaml"), "x");
    std::filesystem::remove_all(house.file("deep"));
    house.open();
    CHECK(!std::filesystem::exists(house.file("gone.yaml")));
    CHECK(house.body("deep/made.yaml") == "made");
  }
  SUBCASE("a commit of several documents, half renamed") {
    REQUIRE(
        house.write({change(Op::replace, "a.yaml", "both"), change(Op::create, "b.yaml", "both")}));
    house.sql("update version set state = 0 where sha256 = '" + sha256_hex("both") + "'");
    REQUIRE(::unlink(house.file("b.yaml").c_str()) == 0);
    // A writer of one of them takes the other's lock too and finishes both.
    house.put(Op::append, "a.yaml", "+");
    CHECK(house.body("a.yaml") == "both+");
    CHECK(house.body("b.yaml") == "both");
  }
  SUBCASE("a living writer is left alone") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    spew(house.file("a.yaml"), "old");
    auto held = NameLocks::take(*house.state, {"1:a.yaml"});
    REQUIRE(held);
    house.open();
    CHECK(house.body("a.yaml") == "old");
  }
  SUBCASE("a symlink in its place is a foreign change") {
    house.sql("update version set state = 0 where path = 'a.yaml' and version = 2");
    REQUIRE(::unlink(house.file("a.yaml").c_str()) == 0);
    REQUIRE(::symlink("b", house.file("a.yaml").c_str()) == 0);
    house.open();
    CHECK(std::filesystem::is_symlink(house.file("a.yaml")));
  }
}

TEST_CASE("two Agent_Memory folders with one state do not mix") {
  House house;
  house.put(Op::create, "a.yaml", "one");
  REQUIRE(::mkdir(house.scratch.at("other").c_str(), 0755) == 0);
  auto fd = fs::open_root(house.scratch.at("other"));
  auto other = open_file_store(*house.state, std::move(*fd));
  REQUIRE(other);
  CHECK((*other)->history(doc("a.yaml")).value().empty());
  CHECK((*other)->read(doc("a.yaml")).error().kind == ErrorKind::not_found);
}

TEST_CASE("threads append to one document and none is lost") {
  House house;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) {
          if (!house.write({change(Op::append, "a.log", "x")})) ++failed;
        }
      });
    }
  }
  CHECK(failed == 0);
  CHECK(house.body("a.log").size() == 40);
  const auto rows = house.store->history(doc("a.log")).value();
  CHECK(rows.size() == 40);
  CHECK(rows.front().version == 40);
}

}  // namespace
}  // namespace remit::memory
