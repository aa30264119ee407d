// The store's single operations: what each does, whom a stale etag stops, what is no document, and
// what lists tell.
#include "memory/file_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/memory/store_house.h"

namespace remit::memory {
namespace {

TEST_CASE("only regular files with one name are documents") {
  StoreHouse house;
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
  StoreHouse house;
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
  StoreHouse house;
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

TEST_CASE("two Agent_Memory folders with one state do not mix") {
  StoreHouse house;
  house.put(Op::create, "a.yaml", "one");
  REQUIRE(::mkdir(house.scratch.at("other").c_str(), 0755) == 0);
  auto fd = fs::open_root(house.scratch.at("other"));
  auto other = open_file_store(*house.state, std::move(*fd));
  REQUIRE(other);
  CHECK((*other)->history(doc("a.yaml")).value().empty());
  CHECK((*other)->read(doc("a.yaml")).error().kind == ErrorKind::not_found);
}

}  // namespace
}  // namespace remit::memory
