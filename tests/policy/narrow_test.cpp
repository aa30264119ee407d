// A reload never gives a running process more than it had.
#include "policy/narrow.h"

#include <algorithm>
#include <optional>

#include <doctest/doctest.h>

#include "policy/operator_files.h"

namespace remit::policy {
namespace {

MemoryRule memory_rule(const std::string& pattern, bool read, bool create) {
  MemoryRule rule;
  rule.pattern = *memory::DocPattern::compile(pattern, {});
  rule.read = read;
  rule.create = create;
  return rule;
}
PathRule path_rule(const std::string& glob) {
  return *make_path_rule(glob, {"site.yaml", 3, 1});
}
EdgeRule edge(const std::string& target, bool needs_report) {
  EdgeRule rule;
  rule.kind = HandoffKind::escalate;
  rule.target = target;
  rule.resolution = Resolution::agent;
  rule.requires_bug_report = needs_report;
  return rule;
}
Remit base() {
  Remit remit;
  remit.slug = "a";
  remit.tools = {{"Read", {"a.md", 4, 1}}, {"Write", {"a.md", 4, 7}}};
  remit.memory = {memory_rule("notes/", true, false), memory_rule("x.yaml", true, true)};
  remit.edges = {edge("b", true)};
  remit.roots = {{"/work", true, true, {}}, {"/var/log", true, false, {}}};
  remit.protected_paths = {path_rule(".git/**")};
  remit.write_ask = {path_rule("*.tf")};
  return remit;
}
std::vector<std::string> tools(const Remit& remit) {
  std::vector<std::string> out;
  for (const ToolRule& rule : remit.tools) out.push_back(rule.name);
  return out;
}

TEST_CASE("tools, roots and edges: what is in both") {
  Remit next = base();
  next.tools = {{"Bash", {"a.md", 4, 1}}, {"Read", {"a.md", 9, 1}}};
  next.roots = {{"/work", true, true, {}}, {"/etc", true, false, {}}, {"/var/log", true, true, {}}};
  next.edges = {edge("b", false), edge("c", false)};
  const Narrowed narrowed = narrow(base(), next);
  CHECK(tools(narrowed.remit) == std::vector<std::string>{"Read"});
  CHECK(narrowed.remit.tools[0].origin.line == 9);  // the place where it stands now
  REQUIRE(narrowed.remit.roots.size() == 2);
  CHECK(narrowed.remit.roots[1].path == "/var/log");
  CHECK_FALSE(narrowed.remit.roots[1].write);
  REQUIRE(narrowed.remit.edges.size() == 1);
  CHECK(narrowed.remit.edges[0].requires_bug_report);
  CHECK(narrowed.taken == std::vector<std::string>{"tool Write (a.md:4)"});
  CHECK(std::find(narrowed.waiting.begin(), narrowed.waiting.end(), "tool Bash (a.md:4)") !=
        narrowed.waiting.end());
}

TEST_CASE("memory: the verbs of both, by pattern; a single document within a wider pattern") {
  Remit next = base();
  next.memory = {memory_rule("notes/a.md", true, true), memory_rule("x.yaml", false, true),
                 memory_rule("notes/b/", true, false)};
  const Narrowed narrowed = narrow(base(), next);
  REQUIRE(narrowed.remit.memory.size() == 2);
  CHECK(narrowed.remit.memory[0].pattern.text() == "notes/a.md");
  CHECK(narrowed.remit.memory[0].read);
  CHECK_FALSE(narrowed.remit.memory[0].create);  // notes/ was never for writing
  CHECK_FALSE(narrowed.remit.memory[1].read);
  CHECK(narrowed.remit.memory[1].create);
}

TEST_CASE("what forbids stays, and what forbids more holds at once") {
  Remit next = base();
  next.protected_paths.clear();
  next.write_ask = {path_rule("*.sql")};
  next.read_denied = {path_rule("**/.env")};
  next.bash.limits.memory_bytes *= 2;
  next.bash.limits.processes = 7;
  next.bash.apply = Apply::hold;
  const Narrowed narrowed = narrow(base(), next);
  CHECK(narrowed.remit.protected_paths.size() == 1);
  CHECK(narrowed.remit.write_ask.size() == 2);
  CHECK(narrowed.remit.read_denied.size() == 1);
  CHECK(narrowed.remit.bash.limits.memory_bytes == SpawnLimits().memory_bytes);
  CHECK(narrowed.remit.bash.limits.processes == 7);
  CHECK(narrowed.remit.bash.apply == Apply::hold);
  const auto has = [](const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
  };
  CHECK(has(narrowed.taken, "bash.apply hold"));
  CHECK(has(narrowed.taken, "limits.processes 7"));
  CHECK(has(narrowed.taken, "read_denied **/.env"));
  CHECK(has(narrowed.waiting, "no protection of .git/**"));
}

TEST_CASE("each thing that waits for a start is named") {
  Remit now = base();
  now.bash.minimum_tier = Tier::t1;
  now.approvals_by_terminal = false;
  Remit next = base();
  next.bash.minimum_tier = Tier::t2;
  next.approvals_by_terminal = true;
  CHECK(narrow(now, next).waiting ==
        std::vector<std::string>{"approvals.terminal yes", "sandbox.min_tier t2"});
}

TEST_CASE("a ladder keeps the steps of both") {
  const auto with = [](std::initializer_list<const char*> steps) {
    Remit remit = base();
    for (const char* to : steps) remit.edges[0].ladder.push_back({to, {}, Resolution::agent});
    return remit;
  };
  const Narrowed narrowed = narrow(with({"b", "c"}), with({"c", "d"}));
  REQUIRE(narrowed.remit.edges[0].ladder.size() == 1);
  CHECK(narrowed.remit.edges[0].ladder[0].to == "c");
}

TEST_CASE("a reload may forbid one user to answer itself, and never allows it") {
  Remit now = base(), next = base();
  now.same_user_answers = true;
  CHECK_FALSE(narrow(now, next).remit.same_user_answers);
  now.same_user_answers = false;
  next.same_user_answers = true;
  const Narrowed waits = narrow(now, next);
  CHECK_FALSE(waits.remit.same_user_answers);
  CHECK(waits.waiting == std::vector<std::string>{"answers of the same user"});
}

TEST_CASE("what Agent_Memory may hold changes with the next start") {
  Remit now = base(), next = base();
  next.memory_limits.folder_bytes /= 2;
  const Narrowed waits = narrow(now, next);
  CHECK(waits.remit.memory_limits == now.memory_limits);
  CHECK(waits.waiting == std::vector<std::string>{"limits of Agent_Memory"});
}

TEST_CASE("the same files change nothing, and what was taken does not come back") {
  const Narrowed same = narrow(base(), base());
  CHECK(same.taken.empty());
  CHECK(same.waiting.empty());
  Remit less = base();
  less.tools.pop_back();
  const Narrowed once = narrow(base(), less), back = narrow(once.remit, base());
  CHECK(tools(back.remit) == std::vector<std::string>{"Read"});
  CHECK(back.waiting == std::vector<std::string>{"tool Write (a.md:4)"});
}

TEST_CASE("the operator's files go through the starter's pipe as they are") {
  const std::string odd("a:1\0\xff", 5);
  for (const std::optional<std::string>& manifest :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional(odd)}) {
    const auto back = unpack(pack({odd, "3:site", manifest}));
    REQUIRE(back);
    CHECK(back->persona == odd);
    CHECK(back->site == "3:site");
    CHECK(back->manifest == manifest);
  }
  for (const char* torn :
       {"", "1:a", "1:a2:", "1:a1:b1:", "1:a1:b1:c1", "x", ":", "99999999999999999999:"})
    CHECK_FALSE(unpack(torn));
}

}  // namespace
}  // namespace remit::policy
