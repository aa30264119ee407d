// The checker itself: what it must let pass and what it must see.
#include "tests/memory/linearizable.h"

#include <doctest/doctest.h>

namespace remit::memory {
namespace {

using History = std::vector<Operation>;

TEST_CASE("histories that one after the other could have made") {
  CHECK(check_linearizable("", {}).empty());
  const History sequential{{0, 1, true, "", "a"}, {2, 3, true, "a", "a"}, {4, 5, true, "a", "b"}};
  CHECK(check_linearizable("", sequential).empty());
  // A read beside a write may see either state.
  const History beside{{0, 10, true, "", "a"}, {1, 2, true, "", ""}, {3, 4, true, "a", "a"}};
  CHECK(check_linearizable("", beside).empty());
  // Writes beside one another in the order that only their states tell.
  const History crossed{{0, 10, true, "a", "b"}, {1, 9, true, "", "a"}};
  CHECK(check_linearizable("", crossed).empty());
}

TEST_CASE("a write without an answer may have happened or not") {
  History history{{0, 1, true, "", "a"}, {2, 3, false, "a", "b"}};
  CHECK(check_linearizable("", history).empty());
  history.push_back({4, 5, true, "a", "a"});
  CHECK(check_linearizable("", history).empty());
  // It may take effect long after its client has gone.
  history.push_back({6, 7, true, "b", "c"});
  CHECK(check_linearizable("", history).empty());
  history.push_back({8, 9, true, "a", "a"});
  CHECK(check_linearizable("", history).starts_with("stale"));
  // But not before it was asked for.
  CHECK(check_linearizable("", {{0, 1, true, "b", "b"}, {2, 3, false, "", "b"}})
            .starts_with("stale"));
}

TEST_CASE("violations") {
  CHECK(check_linearizable("", {{0, 1, true, "", "a"}, {0, 1, true, "", "b"}})
            .starts_with("lost update"));
  CHECK(check_linearizable("",
                           {{0, 1, true, "", "a"}, {0, 1, false, "", "b"}, {2, 3, true, "b", "b"}})
            .starts_with("lost update"));
  CHECK(check_linearizable("", {{0, 1, true, "", "a"}, {2, 3, true, "x", "y"}})
            .starts_with("lost write"));
  CHECK(check_linearizable("", {{0, 1, true, "", "a"}, {2, 3, true, "x", "x"}})
            .starts_with("a state that no write left"));
  CHECK(check_linearizable("", {{0, 1, true, "", "a"}, {2, 3, true, "", ""}}).starts_with("stale"));
  // Two reads, the later of which sees the older state.
  CHECK(check_linearizable("",
                           {{0, 100, true, "", "a"}, {1, 2, true, "a", "a"}, {3, 4, true, "", ""}})
            .starts_with("stale"));
  CHECK(check_linearizable("",
                           {{0, 1, true, "", "a"}, {2, 3, true, "a", "b"}, {4, 5, true, "c", "b"}})
            .starts_with("two writes left the same state"));
  CHECK(check_linearizable("", {{0, 1, true, "", "a"}, {2, 3, true, "a", ""}})
            .starts_with("a state came back"));
}

TEST_CASE("an operation survives its line") {
  std::string document;
  Operation read;
  const Operation written{12, 34, false, "", "abc", "p1.7"};
  REQUIRE(parse_operation(operation_line("a/b.yaml", written), document, read));
  CHECK(document == "a/b.yaml");
  CHECK(read.began_ns == 12);
  CHECK(read.ended_ns == 34);
  CHECK_FALSE(read.certain);
  CHECK(read.before.empty());
  CHECK(read.after == "abc");
  CHECK(read.who == "p1.7");
  CHECK_FALSE(parse_operation("a/b.yaml 12 34 1 abc", document, read));
}

}  // namespace
}  // namespace remit::memory
