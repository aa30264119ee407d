// The personas that ship and the originals they follow: the compiled table of docs/personas.md.
#include "policy/check.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.h"
#include "policy/find.h"
#include "policy/show.h"
#include "tests/policy/personas.h"

using namespace remit;
using namespace remit::policy;
using namespace remit::policy::test;

namespace {

CheckReport checked(const std::vector<std::string>& paths, const CheckOptions& options = {}) {
  auto report = check(paths, installation(), kTools, options);
  if (!report) FAIL(report.error().message);
  return std::move(*report);
}

struct Row {
  std::string_view name;
  int reads, writes, consult, delegate, escalate, documentation;
};
// docs: the seed's collaborators and what each tests.
constexpr Row kTable[] = {
    {"customer-support-rep", 2, 2, 2, 0, 3, 0},
    {"dba", 3, 2, 0, 0, 0, 6},
    {"escalation-manager", 2, 3, 3, 3, 3, 0},
    {"security-specialist", 2, 3, 0, 0, 0, 0},
    {"sysadmin", 3, 3, 0, 0, 0, 7},
    {"technical-support-engineer", 2, 3, 3, 2, 3, 0},
    {"technical-writer", 2, 2, 3, 0, 2, 4},
    {"vp-customer-support", 3, 3, 4, 3, 2, 0},
};

void compare_with_table(const CheckReport& report) {
  std::size_t seen = 0;
  for (const CheckedFile& file : report.files) {
    const auto row = std::find_if(std::begin(kTable), std::end(kTable),
                                  [&](const Row& one) { return one.name == file.persona.slug; });
    if (row == std::end(kTable)) continue;
    ++seen;
    CAPTURE(file.file);
    CHECK(file.compiled.ok);
    const auto memory = [&](Mode mode) {
      return std::count_if(file.compiled.memory.begin(), file.compiled.memory.end(),
                           [&](const MemoryEntry& entry) { return entry.mode == mode; });
    };
    CHECK(memory(Mode::read) == row->reads);
    CHECK(memory(Mode::write) == row->writes);
    CHECK(memory(Mode::none) == 0);
    const auto edges = [&](EdgeKind kind, bool authority) {
      return std::count_if(file.compiled.collaboration.begin(), file.compiled.collaboration.end(),
                           [&](const CollaborationEntry& entry) {
                             return entry.kind == kind && entry.authority == authority;
                           });
    };
    CHECK(edges(EdgeKind::consult, true) == row->consult);
    CHECK(edges(EdgeKind::delegate, true) == row->delegate);
    CHECK(edges(EdgeKind::escalate, true) == row->escalate);
    CHECK(edges(EdgeKind::coordinate, false) == row->documentation);
  }
  CHECK(seen == std::size(kTable));
}

const Compiled& named(const CheckReport& report, std::string_view slug) {
  for (const CheckedFile& file : report.files) {
    if (file.persona.slug == slug) return file.compiled;
  }
  FAIL("no " << slug);
  return report.files.front().compiled;
}

}  // namespace

TEST_CASE("the shipped personas compile as the table says, without an error") {
  const CheckReport report = checked({source("agent_definitions"), source("manifests")});
  CHECK(report.counts.errors == 0);
  compare_with_table(report);
}

TEST_CASE("the originals compile as the table says") {
  if (!has_shared()) return;
  const CheckReport report = checked({shared("data/personas")});
  CHECK(report.counts.errors == 0);
  compare_with_table(report);
  for (const CollaborationEntry& edge : named(report, "customer-support-rep").collaboration) {
    if (edge.target == "teammates") CHECK(edge.resolution == Resolution::unresolved);
    if (edge.target == "technical-support-engineer") CHECK(edge.resolution == Resolution::agent);
  }
  // Inboxes are counted as lines and give no direct right.
  const Compiled& security = named(report, "security-specialist");
  const auto hitl = std::find_if(
      security.memory.begin(), security.memory.end(),
      [](const MemoryEntry& entry) { return entry.pattern == "_communication/inbox/hitl/"; });
  REQUIRE(hitl != security.memory.end());
  CHECK_FALSE(hitl->enabled);
  const Compiled& sysadmin = named(report, "sysadmin");
  CHECK(sysadmin.tools_not_provided == std::vector<std::string>{"TodoWrite"});
  const Compiled& dba = named(report, "dba");
  CHECK(dba.memory[2].pattern == "_communication/inbox/dba/");
  CHECK(dba.memory[2].enabled);
  CHECK(dba.memory[2].shape == memory::Shape::subtree);
}

TEST_CASE("the seed: every line and column") {
  if (!has_shared()) return;
  const std::string file = shared("data/personas/technical-support-engineer.md");
  const CheckReport report = checked({file});
  REQUIRE(report.files.size() == 1);
  const Persona& persona = report.files[0].persona;
  const Compiled& seed = report.files[0].compiled;
  CHECK(codes(seed.diagnostics) == "I-MEM-03 402:4, I-MEM-03 404:4");
  CHECK(persona.body_line == 9);
  CHECK(persona.body.size() == 11969);
  CHECK(persona.sha256.starts_with("b40af3c6"));
  CHECK(persona.tools_line.text() == file + ":4:8");
  CHECK(persona.memory_heading.line == 399);
  CHECK(persona.collaboration_heading.line == 410);
  CHECK(seed.tools == std::vector<std::string>{"Read", "Grep", "Glob", "Bash", "Write"});
  CHECK(seed.remit.tool("Edit") == nullptr);
  CHECK(seed.remit.tool("KillShell") != nullptr);

  std::string memory;
  for (const MemoryEntry& entry : seed.memory) {
    memory += (entry.mode == Mode::read ? "read " : "write ") + entry.pattern + " " +
              std::to_string(entry.origin.line) + ":" + std::to_string(entry.origin.col) + "\n";
  }
  CHECK(memory ==
        "write {instruction_id}/tasks/completed/technical_resolution.yaml 402:4\n"
        "write _knowledge/procedural/troubleshooting_runbooks.yaml 403:4\n"
        "write _knowledge/semantic/known_issues.yaml 404:4\n"
        "read {instruction_id}/instruction.yaml 407:4\n"
        "read _knowledge/procedural/troubleshooting_runbooks.yaml 408:4\n");

  std::string edges;
  for (const CollaborationEntry& entry : seed.collaboration) {
    edges += std::string(to_string(entry.kind)) + " " + entry.target + " (" + entry.reason + ") " +
             std::to_string(entry.origin.line) + ":" + std::to_string(entry.origin.col) + " " +
             to_string(entry.resolution) + "\n";
  }
  CHECK(edges ==
        "consult sysadmin (infrastructure) 412:16 agent\n"
        "consult dba (database issues) 412:43 agent\n"
        "consult security-specialist (security concerns) 412:66 agent\n"
        "delegate customer-support-rep (follow-up communication) 413:20 agent\n"
        "delegate technical-writer (documentation) 413:68 agent\n"
        "escalate escalation-manager (multi-customer impact) 414:20 agent\n"
        "escalate engineering-team (product bugs) 414:64 queue\n"
        "escalate vp-customer-support (critical customer impact) 414:97 agent\n");
}

TEST_CASE(
    "without the directory's entry engineering-team is one unresolved edge, served all the same") {
  if (!has_shared()) return;
  Installation bare = installation();
  bare.directory.targets.erase("engineering-team");
  const std::vector<std::string> paths{shared("data/personas/technical-support-engineer.md")};
  const auto report = check(paths, bare, kTools, {});
  REQUIRE(report);
  CHECK(report->ok());
  CHECK(codes(report->files[0].compiled.diagnostics) ==
        "I-MEM-03 402:4, I-MEM-03 404:4, W-COL-01 414:64");
}

TEST_CASE("check --json has the keys of the interface, in order") {
  const CheckReport report = checked({source("agent_definitions/technical-support-engineer.md")});
  const OrderedJson json = report_json(report);
  const auto keys = [](const OrderedJson& object) {
    std::string out;
    for (const auto& [key, value] : object.items()) out += (out.empty() ? "" : " ") + key;
    return out;
  };
  CHECK(keys(json) == "format ok summary files");
  CHECK(json["format"] == "remit.check/1");
  CHECK(dump(json["summary"]) == R"({"files":1,"errors":0,"warnings":0,"infos":2})");
  const OrderedJson& file = json["files"][0];
  CHECK(keys(file) == "file sha256 ok dialect persona memory collaboration diagnostics");
  CHECK(keys(file["persona"]) ==
        "name slug description model color tools tools_declared tools_not_provided "
        "disallowed_tools capabilities other body_line body_bytes");
  CHECK(keys(file["memory"][0]) ==
        "pattern mode line col source label shape placeholders enabled origin");
  CHECK(keys(file["collaboration"][0]) ==
        "kind target reason line col source verb form authority resolution origin");
  CHECK(keys(file["diagnostics"][0]) == "severity code file line col message hint");
  CHECK(file["memory"][0]["label"] == "Write to");
  CHECK(file["memory"][0]["mode"] == "write");
  CHECK(file["memory"][0]["origin"] == "persona");
  CHECK(file["collaboration"][6]["verb"] == "Escalate to");
  CHECK(file["collaboration"][6]["form"] == "A");
  CHECK(file["diagnostics"][0]["hint"].is_null());

  const CheckedFile& one = report.files[0];
  const OrderedJson shown = show_json(one.persona, one.compiled, "abc");
  CHECK(keys(shown) ==
        "format file sha256 ok dialect persona memory collaboration diagnostics "
        "tools_list_sha256 remit");
  CHECK(shown["format"] == "remit.persona/1");
  CHECK(keys(shown["remit"][0]) == "grant what origin");
}

TEST_CASE("show lists bound lines only") {
  const std::vector<std::string> paths{source("agent_definitions/technical-support-engineer.md")};
  CheckOptions options;
  const auto reads = [&](const CheckOptions& with) {
    const CheckReport report = checked(paths, with);
    std::string out;
    for (const Grant& grant : grants_of(report.files[0].compiled.remit)) {
      if (grant.grant == "memory.read") out += grant.what + "\n";
    }
    return out;
  };
  CHECK(reads(options) == "_knowledge/procedural/troubleshooting_runbooks.yaml\n");
  options.instruction_id = "ID";
  CHECK(reads(options) ==
        "ID/instruction.yaml\n_knowledge/procedural/troubleshooting_runbooks.yaml\n");
}

TEST_CASE("a refused file has no content in the report") {
  const Folder folder;
  const std::string bad = folder.write("bad.md", "---\nname: a\nname: b\n---\n## Memory\n");
  const CheckReport report = checked({bad});
  CHECK_FALSE(report.ok());
  const OrderedJson file = report_json(report)["files"][0];
  CHECK(file["ok"] == false);
  CHECK(file["persona"].is_null());
  CHECK(file["memory"].empty());
  CHECK(file["collaboration"].empty());
  CHECK(file["diagnostics"][0]["code"] == "E-FM-05");
  CHECK(file["diagnostics"][0]["line"] == 3);
}

TEST_CASE("names that collide refuse both; shared documents are told; exclusive ones refuse") {
  const Folder folder;
  const auto persona = [](std::string_view name) {
    return "---\nname: " + std::string(name) +
           "\ndescription: d\ntools: Read\n---\n## Memory\n**Write**:\n- `outputs/final/`\n";
  };
  const std::string a = folder.write("a.md", persona("alpha"));
  const std::string b = folder.write("b.md", persona("Alpha"));
  const std::string c = folder.write("c.md", persona("gamma"));
  const CheckReport collided = checked({a, b});
  CHECK(collided.counts.errors == 2);
  CHECK_FALSE(collided.files[0].compiled.ok);
  CHECK_FALSE(collided.files[1].compiled.ok);

  const CheckReport two = checked({a, c});
  CHECK(two.ok());
  CHECK(codes(two.files[0].compiled.diagnostics).find("I-MEM-05 8:4") != std::string::npos);

  folder.write("c.manifest.yaml", "version: 1\nexclusive: true\n");
  const CheckReport claimed = checked({a, c});
  CHECK(claimed.counts.errors == 2);
}

TEST_CASE("strict makes warnings errors and keeps the content") {
  const Folder folder;
  const std::string file = folder.write("x.md", "---\nname: x\ndescription: d\n---\n");
  CHECK(checked({file}).ok());
  CheckOptions strict;
  strict.strict = true;
  const CheckReport report = checked({file}, strict);
  CHECK(report.counts.errors == 1);
  const OrderedJson json = report_json(report)["files"][0];
  CHECK(json["ok"] == false);
  CHECK(json["persona"]["name"] == "x");
}

TEST_CASE("a file that cannot be read is an error of its own, an oversized one a diagnostic") {
  const std::vector<std::string> paths{"/nonexistent/x.md"};
  CHECK_FALSE(check(paths, installation(), kTools, {}));
  const Folder folder;
  const std::string big = folder.write("big.md", std::string((1u << 20) + 1, 'x'));
  const CheckReport report = checked({big});
  CHECK(codes(report.files[0].compiled.diagnostics) == "E-FM-09 1:1");
}
