// A commit as one step: several documents at once, twice with one key, against others who write at
// the same time, and cut off in the middle.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/crypto.h"
#include "base/limits.h"
#include "tests/memory/store_house.h"

namespace remit::memory {
namespace {

TEST_CASE("an outsider who edits during a typed edit is not lost") {
  StoreHouse house;
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

// What a kill -9 leaves between two steps of a commit is made here by hand.
TEST_CASE("recovery finishes what the file still allows") {
  StoreHouse house;
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

}  // namespace
}  // namespace remit::memory
