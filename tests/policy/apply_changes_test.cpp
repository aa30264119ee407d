// What becomes of a command's changes, and how those that wait for a person are kept.
#include "policy/apply_changes.h"

#include "tests/policy/access_fixture.h"

using namespace remit;
using namespace remit::policy;
using namespace remit::policy::test;

namespace {

Change change_of(ChangeKind kind, const std::string& path, const std::string& content = {}) {
  Change change;
  change.kind = kind;
  change.path = path;
  change.content = content;
  change.bytes = content.size();
  change.mode = kind == ChangeKind::mkdir ? 0755 : 0644;
  if (!content.empty()) change.sha256 = sha256_hex(content);
  return change;
}

std::string outcomes(const ApplyReport& report) {
  std::string out;
  for (const ChangeResult& one : report.changes)
    out += one.path + "=" + to_string(one.outcome) + " ";
  return out;
}

struct Held : Bench {
  using Bench::Bench;
  ChangeSets sets = good(ChangeSets::open(*state));
  ApplyReport apply(const std::vector<Change>& changes, bool killed = false) {
    SpawnOutcome outcome;
    outcome.changes = changes;
    outcome.timed_out = killed;
    return good(apply_changes(*access, sets, call("Bash"), outcome));
  }
};

}  // namespace

TEST_CASE("changes are applied like Write; denied ones are dropped, conflicts and deletions held") {
  Held bench;
  bench.put("work/old", "old");
  bench.put("work/gone", "gone");
  bench.put("work/raced", "by another");
  Change raced = change_of(ChangeKind::modify, bench.at("work/raced"), "mine");
  raced.preimage_sha256 = sha256_hex("before");
  Change newer = change_of(ChangeKind::modify, bench.at("work/old"), "mine");
  newer.preimage_sha256 = "newer";
  const ApplyReport report = bench.apply(
      {change_of(ChangeKind::create, bench.at("work/d/new"), "n"),
       change_of(ChangeKind::mkdir, bench.at("work/d")),
       change_of(ChangeKind::remove, bench.at("work/gone")),
       change_of(ChangeKind::create, bench.memory("inst_other/x.yaml"), "a: 1\n"), raced, newer});
  CHECK(outcomes(report) ==
        "Agent_Memory/inst_other/x.yaml=denied d=applied d/new=applied old=held raced=held "
        "gone=held ");
  CHECK(bench.get("work/d/new") == "n");
  CHECK(bench.get("work/raced") == "by another");
  CHECK(bench.exists("work/gone"));
  const ChangeSet kept = good(bench.sets.load(report.change_set));
  CHECK(kept.changes.size() == 3);
}

TEST_CASE("hold, never, and a killed command") {
  Held bench;
  const std::vector<Change> changes{change_of(ChangeKind::create, bench.at("work/new"), "n")};
  CHECK(outcomes(bench.apply(changes, true)) == "new=held ");
  bench.remit.bash.apply = Apply::hold;
  CHECK(outcomes(bench.apply(changes)) == "new=held ");
  bench.remit.bash.apply = Apply::never;
  CHECK(outcomes(bench.apply(changes)) == "new=discarded ");
  CHECK_FALSE(bench.exists("work/new"));
  CHECK(good(bench.sets.list()).size() == 2);
}

TEST_CASE("a person's yes applies the set, a file that became a directory included") {
  Held bench;
  bench.put("work/thing", "file");
  Change gone = change_of(ChangeKind::remove, bench.at("work/thing"));
  gone.preimage_sha256 = sha256_hex("file");
  const ApplyReport report =
      bench.apply({gone, change_of(ChangeKind::mkdir, bench.at("work/thing")),
                   change_of(ChangeKind::create, bench.at("work/thing/in"), "x")});
  CHECK(outcomes(report) == "thing=held thing=held thing/in=held ");
  CHECK(bench.get("work/thing") == "file");
  const ApplyReport done = good(apply_change_set(*bench.access, bench.sets, bench.call("Bash"),
                                                 good(bench.sets.load(report.change_set))));
  CHECK(done.change_set.empty());
  CHECK(bench.get("work/thing/in") == "x");
  CHECK(good(bench.sets.list()).empty());
}

TEST_CASE("what changed since is not deleted, and only the rest of a set waits on") {
  Held bench;
  bench.put("work/gone", "old");
  bench.remit.bash.apply = Apply::hold;
  Change gone = change_of(ChangeKind::remove, bench.at("work/gone"));
  gone.preimage_sha256 = sha256_hex("old");
  const std::string id =
      bench.apply({change_of(ChangeKind::create, bench.at("work/new"), "n"), gone}).change_set;
  bench.put("work/gone", "precious");
  const ApplyReport first = good(
      apply_change_set(*bench.access, bench.sets, bench.call("Bash"), good(bench.sets.load(id))));
  CHECK(bench.get("work/new") == "n");
  CHECK(bench.get("work/gone") == "precious");
  const ChangeSet rest = good(bench.sets.load(first.change_set));
  REQUIRE(rest.changes.size() == 1);
  CHECK(rest.changes[0].path == bench.at("work/gone"));
  CHECK(first.change_set != id);
  CHECK_FALSE(bench.sets.load(id));
  bench.put("work/gone", "old");
  CHECK(good(apply_change_set(*bench.access, bench.sets, bench.call("Bash"), rest))
            .change_set.empty());
  CHECK_FALSE(bench.exists("work/gone"));
}

TEST_CASE("change sets: kept whole, damage noticed, gone after a day") {
  Held bench;
  ChangeSet set;
  set.workspace = bench.at("work");
  set.changes = {change_of(ChangeKind::create,
                           bench.at("work/n\xff"
                                    "ame"),
                           std::string("a\0b", 3)),
                 change_of(ChangeKind::symlink, bench.at("work/l"), "n")};
  const std::string id = good(bench.sets.save(set));
  const ChangeSet back = good(bench.sets.load(id));
  CHECK(back.changes[0].path == set.changes[0].path);
  CHECK(back.changes[0].content == set.changes[0].content);
  CHECK(back.changes[1].kind == ChangeKind::symlink);
  CHECK(bench.sets.load("../" + id).error().code == "not_found");
  const std::string blob = "state/changes/" + id + "/" + sha256_hex("n");
  bench.put(blob, "m");
  CHECK(bench.sets.load(id).error().code == "damaged");
  std::filesystem::remove(bench.at(blob));
  CHECK(bench.sets.load(id).error().code == "damaged");
  bench.put("state/changes/" + id + "/manifest.json", "{");
  CHECK_FALSE(bench.sets.load(id));
  CHECK(good(bench.sets.list()).empty());
  CHECK(bench.sets.remove(id));
  const std::string second = good(bench.sets.save(set));
  bench.clock.advance_ms(25LL * 3600 * 1000);
  CHECK(bench.sets.load(second).error().code == "not_found");
  CHECK(good(bench.sets.list()).empty());
  CHECK_FALSE(bench.exists("state/changes/" + second));
}
