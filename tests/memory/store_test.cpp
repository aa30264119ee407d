// What holds for the Store wherever its documents are kept: the same cases on files and on
// PostgreSQL.
#include "memory/store.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "memory/document_transfer.h"
#include "tests/memory/postgres_house.h"
#include "tests/memory/store_house.h"

#define STORES StoreHouse, PostgresHouse, KeptPostgresHouse

TYPE_TO_STRING(remit::memory::StoreHouse);
TYPE_TO_STRING(remit::memory::PostgresHouse);
TYPE_TO_STRING(remit::memory::KeptPostgresHouse);

namespace remit::memory {
namespace {

TEST_CASE_TEMPLATE("create, read, replace, append, remove", House, STORES) {
  House house;
  const Committed made = house.put(Op::create, "inst_1/tasks/pending/t.yaml", "a: 1\n");
  CHECK(made.created);
  CHECK(made.version == 1);
  CHECK(made.previous_etag.empty());
  CHECK(house.text("inst_1/tasks/pending/t.yaml") == "a: 1\n");
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
  CHECK(house.text("inst_1/tasks/pending/t.yaml") == "a: 2\nb: 3\n");
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

TEST_CASE_TEMPLATE("a stale etag is a conflict that names the current one", House, STORES) {
  House house;
  const Committed first = house.put(Op::create, "a.yaml", "1");
  const Committed second = house.put(Op::replace, "a.yaml", "2", kBert);
  DocumentChange late = change(Op::replace, "a.yaml", "3");
  late.if_match = first.etag;
  const auto refused = house.write({late});
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK((*refused.error().data)["etag"] == second.etag);
  CHECK(house.text("a.yaml") == "2");
  late.if_match = second.etag;
  CHECK(house.write({late}));
  DocumentChange missing = change(Op::append, "none.yaml", "3");
  missing.if_match = second.etag;
  CHECK(house.write({missing}).error().kind == ErrorKind::conflict);
}

TEST_CASE_TEMPLATE("an etag says nothing about content or other paths", House, STORES) {
  House house;
  const Committed a = house.put(Op::create, "a.yaml", "same");
  const Committed b = house.put(Op::create, "b.yaml", "same");
  CHECK(a.etag != b.etag);
  CHECK(a.etag.size() == 32);
  CHECK(a.sha256.find(a.etag) == std::string::npos);
  CHECK(house.store->etag_of(doc("a.yaml"), sha256_hex("same")) == a.etag);
}

TEST_CASE_TEMPLATE("typed edits see the current body and may refuse", House, STORES) {
  House house;
  DocumentChange edit = change(Op::replace, "k.yaml", "");
  edit.edit = [](const std::optional<std::string>& now) -> Result<std::string> {
    return now.value_or("[]") + "+1";
  };
  REQUIRE(house.write({edit}));
  REQUIRE(house.write({edit}));
  CHECK(house.text("k.yaml") == "[]+1+1");
  CHECK(house.ops("k.yaml") == std::vector<std::string>{"edit", "edit"});
  CHECK(house.store->version_sent(doc("k.yaml"), 2).error().kind == ErrorKind::not_found);
  edit.edit = [](const std::optional<std::string>&) -> Result<std::string> {
    return fail(ErrorKind::invalid_argument, "no list at /issues");
  };
  CHECK(house.write({edit}).error().message == "no list at /issues");
  CHECK(house.text("k.yaml") == "[]+1+1");
}

TEST_CASE_TEMPLATE("several documents change together or not at all", House, STORES) {
  House house;
  house.put(Op::create, "inst_1/tasks/pending/t.yaml", "task");
  house.put(Op::create, "inst_1/status.yaml", "pending");
  // A task move: status, new file, old file removed.
  REQUIRE(house.write({change(Op::replace, "inst_1/status.yaml", "working"),
                       change(Op::create, "inst_1/tasks/in_progress/t.yaml", "task"),
                       change(Op::remove, "inst_1/tasks/pending/t.yaml", "")}));
  CHECK(house.text("inst_1/status.yaml") == "working");
  CHECK(house.text("inst_1/tasks/in_progress/t.yaml") == "task");
  CHECK(house.text("inst_1/tasks/pending/t.yaml") == "(none)");
  // The last condition fails: nothing moves.
  CHECK(!house.write({change(Op::replace, "inst_1/status.yaml", "done"),
                      change(Op::create, "inst_1/tasks/in_progress/t.yaml", "again")}));
  CHECK(house.text("inst_1/status.yaml") == "working");
  // The last rename fails (its parent is a file): what was renamed is put back.
  house.put(Op::create, "inst_1/plain", "a file");
  const auto refused = house.write({change(Op::replace, "inst_1/status.yaml", "done"),
                                    change(Op::create, "inst_1/new.yaml", "new"),
                                    change(Op::remove, "inst_1/tasks/in_progress/t.yaml", ""),
                                    change(Op::create, "inst_1/plain/x.yaml", "x")});
  REQUIRE(!refused);
  CHECK(refused.error().code == "not_a_document");
  CHECK(house.text("inst_1/status.yaml") == "working");
  CHECK(house.text("inst_1/tasks/in_progress/t.yaml") == "task");
  CHECK(house.text("inst_1/new.yaml") == "(none)");
  CHECK(house.store->read(doc("inst_1/status.yaml")).value().author == kAnna.persona);
  CHECK(house.ops("inst_1/status.yaml") == std::vector<std::string>{"replace", "create"});
  CHECK(house.write({change(Op::replace, "a.yaml", ""), change(Op::append, "a.yaml", "")})
            .error()
            .kind == ErrorKind::invalid_argument);
}

TEST_CASE_TEMPLATE("an idempotency key gives the first result again, for a day", House, STORES) {
  House house;
  const auto first = house.write({change(Op::append, "a.log", "x\n")}, kAnna, "k1").value();
  const auto again = house.write({change(Op::append, "a.log", "x\n")}, kAnna, "k1").value();
  CHECK(again[0].version == first[0].version);
  CHECK(again[0].etag == first[0].etag);
  CHECK(again[0].created);
  CHECK(house.text("a.log") == "x\n");
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
  CHECK(house.text("a.log") == "x\nz\nn\nx\n");
}

TEST_CASE_TEMPLATE("threads append to one document and none is lost", House, STORES) {
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
  CHECK(house.text("a.log").size() == 40);
  const auto rows = house.store->history(doc("a.log")).value();
  CHECK(rows.size() == 40);
  CHECK(rows.front().version == 40);
}

TEST_CASE_TEMPLATE("the newest fifty versions are kept", House, STORES) {
  House house;
  for (int n = 0; n < 55; ++n) house.put(Op::append, "a.log", "x");
  const auto rows = house.store->history(doc("a.log")).value();
  CHECK(rows.size() == limits::kKeepVersions);
  CHECK(rows.front().version == 55);
  CHECK(rows.back().version == 6);
}

TEST_CASE_TEMPLATE("documents up to the limit, not a byte more, and any byte in them", House,
                   STORES) {
  House house;
  const std::string most(limits::kDocumentBytes, 'x');
  house.put(Op::create, "a.yaml", most);
  CHECK(house.write({change(Op::append, "a.yaml", "y")}).error().kind == ErrorKind::too_large);
  CHECK(house.write({change(Op::create, "b.yaml", most + "y")}).error().kind ==
        ErrorKind::too_large);
  CHECK(house.text("a.yaml").size() == limits::kDocumentBytes);
  std::string bytes;
  for (int n = 0; n < 512; ++n) bytes += static_cast<char>(n);
  house.put(Op::create, "bytes", bytes);
  CHECK(house.text("bytes") == bytes);
  house.put(Op::create, "empty", "");
  CHECK(house.text("empty").empty());
  CHECK(house.store->version_body(doc("empty"), 1).value().empty());
}

TEST_CASE_TEMPLATE("lists are sorted by bytes, pruned, and end at a folder", House, STORES) {
  House house;
  for (const char* path : {"b.yaml", "a/z.yaml", "a/b/c.yaml", "secret/x.yaml", "a.b/c", "a0"}) {
    house.put(Op::create, path, path);
  }
  house.put(Op::create, "gone.yaml", "x");
  house.put(Op::remove, "gone.yaml", "");
  std::vector<std::string> entered;
  const auto list = [&](const std::string& prefix) {
    entered.clear();
    std::vector<std::string> paths;
    const auto found = house.store->list(
        prefix,
        [&](std::string_view directory) {
          entered.emplace_back(directory);
          return directory != "secret";
        },
        [](std::string_view) { return true; });
    for (const DocumentEntry& one : found.value()) {
      const Document read = house.store->read(doc(one.path)).value();
      CHECK(one.etag == read.etag);
      CHECK(one.bytes == read.body.size());
      CHECK(one.modified_unix_ms == read.modified_unix_ms);
      paths.push_back(one.path);
    }
    return paths;
  };
  using Paths = std::vector<std::string>;
  CHECK(list("") == Paths{"a.b/c", "a/b/c.yaml", "a/z.yaml", "a0", "b.yaml"});
  CHECK(std::count(entered.begin(), entered.end(), "a") == 1);
  CHECK(list("a") == Paths{"a/b/c.yaml", "a/z.yaml"});
  CHECK(entered == Paths{"a/b"});
  CHECK(list("a/b") == Paths{"a/b/c.yaml"});
  CHECK(list("b.yaml").empty());
  CHECK(list("nothing").empty());
  CHECK(house.store->recorded("a").value() == Paths{"a/b/c.yaml", "a/z.yaml"});
  CHECK(house.store->recorded("b.yaml").value() == Paths{"b.yaml"});
  CHECK(house.store->recorded("").value().size() == 6);
}

TEST_CASE_TEMPLATE("own means every byte", House, STORES) {
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
  house.put(Op::remove, "a.yaml", "");
  CHECK(!house.store->is_own(doc("a.yaml"), kAnna).value());
  CHECK(!house.store->is_own(doc("none.yaml"), kAnna).value());
  const VersionRow row = house.store->history(doc("a.yaml")).value().at(3);
  CHECK(row.author == kBert);
  CHECK(row.at_unix_ms == house.clock.unix_ms());
}

TEST_CASE_TEMPLATE("purge drops the texts of versions and keeps what is there", House, STORES) {
  House house;
  house.put(Op::create, "a.yaml", "secret\n");
  house.put(Op::append, "a.yaml", "b: 1\n");
  house.put(Op::replace, "a.yaml", "clean: 1\n");
  house.put(Op::create, "other.yaml", "kept: 1\n");
  const auto before = house.store->history(doc("a.yaml")).value();
  CHECK(house.store->purge(doc("a.yaml"), 3).error().kind == ErrorKind::conflict);
  CHECK(house.store->purge(doc("a.yaml"), 9).error().kind == ErrorKind::not_found);
  CHECK(house.store->purge(doc("a.yaml"), 2).value() == 1);
  CHECK(house.store->version_body(doc("a.yaml"), 1).has_value());
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 1);
  CHECK(house.store->version_body(doc("a.yaml"), 1).error().kind == ErrorKind::not_found);
  CHECK(house.store->version_sent(doc("a.yaml"), 1).error().kind == ErrorKind::not_found);
  CHECK(house.store->version_body(doc("a.yaml"), 3).value() == "clean: 1\n");
  CHECK(house.store->version_body(doc("other.yaml"), 1).value() == "kept: 1\n");
  const auto after = house.store->history(doc("a.yaml")).value();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(after[i].sha256 == before[i].sha256);
    CHECK(after[i].bytes == before[i].bytes);
  }
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 0);
  house.put(Op::remove, "a.yaml", "");
  CHECK(house.store->purge(doc("a.yaml"), std::nullopt).value() == 1);
  CHECK(house.store->version_body(doc("a.yaml"), 3).error().kind == ErrorKind::not_found);
}

TEST_CASE_TEMPLATE("a check judges the whole new body, and its refusal changes nothing", House,
                   STORES) {
  House house;
  house.put(Op::create, "a.log", "one\n");
  DocumentChange more = change(Op::append, "a.log", "two\n");
  std::string judged;
  more.check = [&](std::string_view body) -> Result<void> {
    judged = body;
    return fail(ErrorKind::invalid_argument, "no twos", {}, "schema_invalid");
  };
  const auto refused = house.write({change(Op::create, "b.log", "x"), more});
  CHECK(refused.error().code == "schema_invalid");
  CHECK(judged == "one\ntwo\n");
  CHECK(house.text("a.log") == "one\n");
  CHECK(house.text("b.log") == "(none)");
  CHECK(house.ops("b.log").empty());
}

TEST_CASE_TEMPLATE("no document lies below another", House, STORES) {
  House house;
  house.put(Op::create, "a", "file");
  CHECK(house.write({change(Op::create, "a/b", "x")}).error().code == "not_a_document");
  house.put(Op::create, "c/d/e", "x");
  CHECK(house.write({change(Op::create, "c", "x")}).error().code == "not_a_document");
  CHECK(house.write({change(Op::append, "c/d", "x")}).error().code == "not_a_document");
  CHECK(house.text("c/d/e") == "x");
  // What goes in the same commit is out of the way.
  CHECK(house.write({change(Op::remove, "a", ""), change(Op::create, "a/b", "x")}));
  CHECK(house.text("a/b") == "x");
}

TEST_CASE_TEMPLATE("changes that cross each other's documents all come through", House, STORES) {
  House house;
  for (const char* path : {"a", "b", "c"}) house.put(Op::create, path, "");
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 3; ++n) {
      threads.emplace_back([&, n] {
        const std::vector<std::string> order = n == 0   ? std::vector<std::string>{"a", "b", "n/1"}
                                               : n == 1 ? std::vector<std::string>{"n/1", "c", "a"}
                                                        : std::vector<std::string>{"c", "b", "n/2"};
        for (int i = 0; i < 8; ++i) {
          std::vector<DocumentChange> all;
          for (const std::string& path : order) all.push_back(change(Op::append, path, "x"));
          if (const auto done = house.write(all); !done) {
            MESSAGE(done.error().message);
            ++failed;
          }
        }
      });
    }
  }
  CHECK(failed == 0);
  for (const char* path : {"a", "b", "c", "n/1"}) CHECK(house.text(path).size() == 16);
}

TEST_CASE_TEMPLATE("whoever watches hears of every change, and of lists that differ", House,
                   STORES) {
  House house;
  house.put(Op::create, "old", "x");
  std::mutex mutex;
  std::condition_variable heard;
  std::map<std::string, bool> changed;
  const auto watch = house.store->watch([&](const std::map<std::string, bool>& news) {
    const std::lock_guard lock(mutex);
    for (const auto& [path, listed] : news) changed[path] = changed[path] || listed;
    heard.notify_all();
  });
  REQUIRE(watch);
  const auto hears = [&](const std::string& path) {
    std::unique_lock lock(mutex);
    return heard.wait_for(lock, std::chrono::seconds(20), [&] { return changed.contains(path); });
  };
  house.put(Op::append, "old", "y");
  REQUIRE(hears("old"));
  // A file that is replaced looks like one that came.
  if constexpr (!std::is_same_v<House, StoreHouse>) CHECK_FALSE(changed["old"]);
  house.put(Op::create, "a/new", "x");
  REQUIRE(hears("a/new"));
  CHECK(changed["a/new"]);
  changed.clear();
  house.put(Op::remove, "old", "");
  REQUIRE(hears("old"));
  CHECK(changed["old"]);
}

// Everything that is kept, as each_kept() gives it.
std::vector<KeptVersion> kept_in(Store& store) {
  std::vector<KeptVersion> out;
  const auto done = each_kept(store, [&](const KeptVersion& version) -> Result<void> {
    out.push_back(version);
    return {};
  });
  if (!done) FAIL(done.error().message);
  return out;
}

Result<std::int64_t> load_into(Store& store, const std::vector<KeptVersion>& all) {
  std::size_t at = 0;
  return dynamic_cast<DocumentLoader&>(store).load([&]() -> Result<std::optional<KeptVersion>> {
    return at < all.size() ? std::optional(all[at++]) : std::nullopt;
  });
}

TEST_CASE_TEMPLATE("everything kept goes from files into an empty store, and back, or nothing does",
                   House, STORES) {
  StoreHouse from;
  from.put(Op::create, "a/own.yaml", "1\n");
  from.put(Op::append, "a/own.yaml", "2\n");
  from.put(Op::create, "mixed.yaml", std::string("x\0y", 3));
  from.put(Op::append, "mixed.yaml", "z", kBert);
  from.put(Op::replace, "mixed.yaml", "replaced", kBert);
  from.put(Op::create, "back.yaml", "first");
  from.put(Op::remove, "back.yaml", "");
  from.put(Op::create, "back.yaml", "second", kBert);
  from.put(Op::create, "purged.yaml", "secret");
  from.put(Op::replace, "purged.yaml", "clean");
  REQUIRE(from.store->purge(doc("purged.yaml"), 1));
  spew(from.file("outside.yaml"), "by hand");
  from.clock.advance_ms(5000);
  const std::vector<KeptVersion> all = kept_in(*from.store);

  House house;
  std::vector<KeptVersion> broken = all;
  broken.back().row.sha256 = sha256_hex("another");
  CHECK(load_into(*house.store, broken).error().kind == ErrorKind::invalid_argument);
  broken = all;
  std::swap(broken.front(), broken.back());
  CHECK(load_into(*house.store, broken).error().kind == ErrorKind::invalid_argument);
  CHECK(house.store->recorded("").value().empty());
  CHECK(house.ops("a/own.yaml").empty());

  REQUIRE(load_into(*house.store, all).value() == static_cast<std::int64_t>(all.size()));
  const auto same = [&](const std::vector<KeptVersion>& there) {
    REQUIRE(there.size() == all.size());
    for (std::size_t n = 0; n < all.size(); ++n) {
      CAPTURE(all[n].path);
      CAPTURE(all[n].row.version);
      CHECK(there[n].path == all[n].path);
      CHECK(there[n].row.version == all[n].row.version);
      CHECK(there[n].row.op == all[n].row.op);
      CHECK(there[n].row.at_unix_ms == all[n].row.at_unix_ms);
      CHECK(there[n].row.author == all[n].row.author);
      CHECK(there[n].row.sha256 == all[n].row.sha256);
      CHECK(there[n].sole == all[n].sole);
      CHECK(there[n].body == all[n].body);
      CHECK(there[n].sent == all[n].sent);
    }
  };
  same(kept_in(*house.store));
  CHECK(house.text("a/own.yaml") == "1\n2\n");
  CHECK(house.store->is_own(doc("a/own.yaml"), kAnna).value());
  CHECK(house.store->is_own(doc("mixed.yaml"), kBert).value());
  CHECK(house.store->read(doc("outside.yaml")).value().author == "external");
  CHECK(house.put(Op::append, "a/own.yaml", "3\n").version == 3);
  CHECK(load_into(*house.store, all).error().code == "not_empty");

  House again;
  StoreHouse back;
  REQUIRE(load_into(*again.store, all));
  REQUIRE(load_into(*back.store, kept_in(*again.store)));
  same(kept_in(*back.store));
  CHECK(back.body("back.yaml") == "second");
}

}  // namespace
}  // namespace remit::memory
