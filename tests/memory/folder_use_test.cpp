// Quotas of the folders of Agent_Memory.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/memory/store_house.h"

using namespace remit;
using namespace remit::memory;

namespace {

std::string filled(std::size_t bytes) {
  return std::string(bytes, 'x');
}

struct SmallHouse : StoreHouse {
  SmallHouse() { limit({.folder_bytes = 1000, .folder_documents = 5}); }
  void limit(const StoreLimits& allowed) {
    store = open_file_store(*state, fs::open_root(root).value(), allowed).value();
  }
  // The code of its error, or "".
  std::string tried(Op op, const std::string& path, std::string body) {
    const auto done = write({change(op, path, std::move(body))});
    return done ? "" : done.error().code;
  }
  // As another program would, after which a walk is due.
  void outside(const std::string& path, std::size_t bytes) {
    std::ofstream(file(path)) << filled(bytes);
    clock.advance_ms(limits::kFolderLook.count());
  }
};

}  // namespace

TEST_CASE("a folder is the first name, an archived instruction, or the top") {
  CHECK(FolderUse::folder_of("inst_1/tasks/x.yaml") == "inst_1");
  CHECK(FolderUse::folder_of("_knowledge/semantic/x.yaml") == "_knowledge");
  CHECK(FolderUse::folder_of("_archive/inst_1/x.yaml") == "_archive/inst_1");
  CHECK(FolderUse::folder_of("_archive/x.yaml") == "_archive");
  CHECK(FolderUse::folder_of("x.yaml").empty());
}

TEST_CASE("a folder takes documents up to its quota, byte for byte") {
  SmallHouse house;
  CHECK(house.tried(Op::create, "inst_1/a.yaml", filled(600)).empty());
  CHECK(house.tried(Op::create, "inst_1/b.yaml", filled(401)) == "quota");
  CHECK_FALSE(std::filesystem::exists(house.file("inst_1/b.yaml")));
  CHECK(house.tried(Op::create, "inst_1/b.yaml", filled(400)).empty());
  // Every way to write it.
  CHECK(house.tried(Op::append, "inst_1/b.yaml", "y") == "quota");
  CHECK(house.tried(Op::replace, "inst_1/b.yaml", filled(401)) == "quota");
  DocumentChange edit = change(Op::replace, "inst_1/b.yaml", "");
  edit.edit = [](const std::optional<std::string>& now) -> Result<std::string> {
    return now.value_or("") + "y";
  };
  CHECK(house.write({edit}).error().code == "quota");
  // A write that needs no room is none of its business, and room that is made can be used.
  CHECK(house.tried(Op::replace, "inst_1/b.yaml", filled(400)).empty());
  CHECK(house.tried(Op::replace, "inst_1/a.yaml", filled(599)).empty());
  CHECK(house.tried(Op::append, "inst_1/b.yaml", "y").empty());
  CHECK(house.tried(Op::remove, "inst_1/a.yaml", "").empty());
  CHECK(house.tried(Op::create, "inst_1/c.yaml", filled(599)).empty());
  // The others have their own.
  CHECK(house.tried(Op::create, "_knowledge/semantic/a.yaml", filled(1000)).empty());
  CHECK(house.tried(Op::create, "top.yaml", filled(1000)).empty());
  CHECK(house.tried(Op::create, "other.yaml", "y") == "quota");
}

TEST_CASE("a refusal names what is held, the limit and what to do") {
  SmallHouse house;
  house.put(Op::create, "inst_1/a.yaml", filled(600));
  const auto full = house.write({change(Op::create, "inst_1/b.yaml", filled(500))});
  REQUIRE_FALSE(full);
  CHECK(full.error().kind == ErrorKind::too_large);
  const std::string& said = full.error().message;
  CHECK(said.find("inst_1/ holds 600 bytes and this would add 500; its quota is 1,000") !=
        std::string::npos);
  CHECK(said.find("memory.quota") != std::string::npos);
  CHECK((*full.error().data)["bytes"] == 600);
  CHECK((*full.error().data)["limit"] == 1000);
}

TEST_CASE("a folder holds so many documents") {
  SmallHouse house;
  for (int n = 0; n < 5; ++n) house.put(Op::create, "inst_1/" + std::to_string(n) + ".yaml", "");
  CHECK(house.tried(Op::create, "inst_1/6.yaml", "") == "quota");
  CHECK(house.tried(Op::append, "inst_1/1.yaml", "y").empty());
  CHECK(house.tried(Op::remove, "inst_1/1.yaml", "").empty());
  CHECK(house.tried(Op::create, "inst_1/6.yaml", "").empty());
}

TEST_CASE("a commit of several documents counts what all of it adds") {
  SmallHouse house;
  house.put(Op::create, "inst_1/a.yaml", filled(900));
  // A move within a folder needs no room; into another one it needs all of it.
  DocumentChange gone = change(Op::remove, "inst_1/a.yaml", "");
  CHECK(house.write({gone, change(Op::create, "inst_1/b.yaml", filled(900))}));
  house.put(Op::create, "inst_2/a.yaml", filled(200));
  gone = change(Op::remove, "inst_1/b.yaml", "");
  const auto moved = house.write({gone, change(Op::create, "inst_2/b.yaml", filled(900))});
  CHECK(moved.error().code == "quota");
  CHECK(house.body("inst_1/b.yaml") == filled(900));
}

TEST_CASE("what outsiders write and delete counts from the next look") {
  SmallHouse house;
  house.put(Op::create, "inst_1/a.yaml", filled(100));
  house.outside("inst_1/outside.yaml", 900);
  CHECK(house.tried(Op::append, "inst_1/a.yaml", "y") == "quota");
  REQUIRE(::unlink(house.file("inst_1/outside.yaml").c_str()) == 0);
  // Nobody is refused for what is gone, however short ago somebody looked.
  CHECK(house.tried(Op::append, "inst_1/a.yaml", filled(900)).empty());
}

TEST_CASE("two processes share one quota") {
  SmallHouse house;
  auto other = open_file_store(*house.state, fs::open_root(house.root).value(),
                               {.folder_bytes = 1000, .folder_documents = 5})
                   .value();
  const auto through_other = [&](const std::string& path, std::size_t bytes) {
    const DocumentChange one = change(Op::create, path, filled(bytes));
    const auto done = other->commit({&one, 1}, kBert, "");
    return done ? std::string() : done.error().code;
  };
  CHECK(house.tried(Op::create, "inst_1/a.yaml", filled(300)).empty());
  CHECK(through_other("inst_1/b.yaml", 300).empty());
  CHECK(house.tried(Op::create, "inst_1/c.yaml", filled(401)) == "quota");
  CHECK(house.tried(Op::create, "inst_1/c.yaml", filled(300)).empty());
  CHECK(through_other("inst_1/d.yaml", 101) == "quota");
  CHECK(through_other("inst_1/d.yaml", 100).empty());
  CHECK(house.tried(Op::append, "inst_1/a.yaml", "y") == "quota");
}

TEST_CASE("writers at one moment never exceed the quota together") {
  StoreHouse house;
  constexpr int kProcesses = 4, kWrites = 60;
  constexpr std::size_t kQuota = 10'000, kBytes = 100;
  std::vector<pid_t> children;
  house.store.reset();
  house.state.reset();
  for (int n = 0; n < kProcesses; ++n) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    auto state = State::open({house.scratch.at("state"), {}}, house.clock);
    if (!state) ::_exit(2);
    auto store = open_file_store(**state, fs::open_root(house.root).value(),
                                 {.folder_bytes = kQuota, .folder_documents = 1000});
    if (!store) ::_exit(3);
    int code = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kWrites; ++i) {
          const std::string name =
              std::to_string(n) + "_" + std::to_string(t) + "_" + std::to_string(i);
          const DocumentChange one = change(Op::create, "inst_1/" + name + ".yaml", filled(kBytes));
          const auto done = (*store)->commit({&one, 1}, kAnna, "");
          if (!done && done.error().code != "quota") code = 4;
        }
      });
    }
    threads.clear();
    ::_exit(code);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 0);
  }
  house.state = open_state(house.scratch, house.clock);
  house.open();
  const auto all =
      house.store->list("inst_1", [](auto) { return true; }, [](auto) { return true; });
  REQUIRE(all);
  std::uint64_t bytes = 0;
  for (const DocumentEntry& one : *all) bytes += one.bytes;
  CHECK(bytes == kQuota);  // full, and not one byte more
}
