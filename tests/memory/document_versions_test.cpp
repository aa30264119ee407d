// The versions of a document: whose it is, what outsiders leave in its history, how many are kept,
// and what a purge leaves.
#include <unistd.h>

#include <filesystem>

#include "base/limits.h"
#include "tests/memory/store_house.h"

namespace remit::memory {
namespace {

TEST_CASE("an outsider's edit makes a document nobody's own") {
  StoreHouse house;
  house.put(Op::create, "a.yaml", "1");
  CHECK(house.store->is_own(doc("a.yaml"), kAnna).value());
  spew(house.file("a.yaml"), "external");
  CHECK(!house.store->is_own(doc("a.yaml"), kAnna).value());
  CHECK(house.store->read(doc("a.yaml")).value().author == "external");
}

TEST_CASE("what an outsider wrote is kept before it is written over") {
  StoreHouse house;
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

// Whether any file of the state directory holds these bytes.
bool state_holds(const std::string& directory, const std::string& bytes) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && slurp(entry.path()).find(bytes) != std::string::npos)
      return true;
  }
  return false;
}

TEST_CASE("purge drops the texts of versions, and no file of the state holds them") {
  StoreHouse house;
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

}  // namespace
}  // namespace remit::memory
