// What a persona, its manifest and the site amount to.
#include "policy/compile.h"

#include <string>

#include <doctest/doctest.h>

#include "policy/diff.h"
#include "policy/show.h"
#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

std::string head(std::string_view more) {
  return "---\nname: x\ndescription: d\n" + std::string(more) + "---\n";
}

std::string tools(const Compiled& result) {
  std::string out;
  for (const ToolRule& rule : result.remit.tools) out += rule.name + " ";
  for (const ToolRule& rule : result.remit.diagnostics) out += rule.name + " ";
  return out;
}

bool has(const Compiled& result, std::string_view code) {
  return codes(result.diagnostics).find(code) != std::string::npos;
}

}  // namespace

TEST_CASE("exactly the tools that are named") {
  CHECK(tools(compiled(head("tools: Read, Write\n"))) == "Read Write ");
  CHECK(tools(compiled(head("tools: Bash\n"))) == "Bash BashOutput KillShell ");
  CHECK(tools(compiled(head("tools: read, BASH, Edit\n"))) == "Edit ");  // byte-exact names
  const Compiled odd =
      compiled(head("tools: [Task, TodoWrite, mcp__x__y, memory_write, KillShell]\n"));
  CHECK(odd.ok);
  CHECK(tools(odd).empty());
  CHECK(odd.tools_not_provided.size() == 5);
  CHECK(has(odd, "I-TOOLS-02 4:9"));
}

TEST_CASE("no tools line grants none") {
  for (const std::string_view line :
       {"", "tools:\n", "tools: []\n", "tools: ''\n", "tools: ' , '\n"}) {
    CAPTURE(line);
    const Compiled result = compiled(head(line));
    CHECK(result.ok);
    CHECK(tools(result).empty());
    CHECK(has(result, "W-TOOLS-01"));
  }
}

TEST_CASE("the site decides what a missing line means, and is the ceiling") {
  Installation other = installation();
  const auto with = [&](std::string_view more) {
    const Persona persona = parsed(head(more));
    return compile({persona, nullptr, other, {}, kTools, {}});
  };
  other.site.tools_default = ToolsDefault::readonly;
  CHECK(tools(with("")) == "Read Grep Glob ");
  other.site.tools_default = ToolsDefault::refuse;
  CHECK_FALSE(with("").ok);
  CHECK(with("").remit.tools.empty());
  CHECK(with("tools: Read\n").ok);
  other.site.tools = {{{"Read", {}}}};
  CHECK(tools(with("tools: Read, Bash\n")) == "Read ");
}

TEST_CASE("wildcards, patterns, denials") {
  CHECK(tools(compiled(head("tools: '*'\n"))).empty());
  CHECK(has(compiled(head("tools: All tools\n")), "W-TOOLS-05 4:8"));
  CHECK(tools(compiled(head("tools: '*'\n"), "version: 1\nallow_wildcard_tools: true\n")) ==
        "Read Grep Glob Write Edit Bash BashOutput KillShell ");
  const Compiled pattern = compiled(head("tools: Read, Bash(git log:*)\n"));
  CHECK(tools(pattern) == "Read ");
  CHECK(has(pattern, "W-TOOLS-04 4:8"));
  CHECK(tools(compiled(head("tools: Read, Bash\ndisallowedTools: Bash\n"))) == "Read ");
  CHECK(tools(compiled(head("tools: Read, Bash\ndisallowedTools: Bash(rm:*)\n"))) == "Read ");
  CHECK(has(compiled(head("tools: Read\ndisallowedTools: Read\n")), "W-TOOLS-03 4:8"));
  CHECK(tools(compiled(head("tools: '*'\ndisallowedTools: '*'\n"),
                       "version: 1\nallow_wildcard_tools: true\n"))
            .empty());
  CHECK(tools(compiled(head("tools: Read, Bash\n"), "version: 1\ntools: [Read, Edit]\n")) ==
        "Read ");
}

TEST_CASE("capabilities bring diagnostics this server has") {
  const Compiled result = compiled(head("tools: Read\ncapabilities: [log-analysis, flying]\n"));
  CHECK(tools(result) == "Read log_patterns ");
  CHECK(result.remit.diagnostics[0].origin.text() == "x.md:5:16");
  CHECK(has(result, "I-CAP-01 5:30"));
  CHECK(result.diagnostics_not_provided == std::vector<std::string>{"log_search", "timeline"});
  CHECK(tools(compiled(head("tools: Read\ncapabilities: log_analysis, x\n"))) ==
        "Read log_patterns ");
  CHECK(tools(compiled(head(
            "tools: Read\ncapabilities:\n  - log_analysis\ndisallowedTools: log_patterns\n"))) ==
        "Read ");
}

TEST_CASE("memory tools follow the section, each with the line that brings it") {
  const Compiled both = compiled(with_body("## Memory\n**Write**:\n- `a/b`\n**Read**:\n- `a/c`\n"));
  CHECK(tools(both) == "Read memory_read memory_list memory_history memory_search memory_write ");
  CHECK(both.remit.tool("memory_read")->origin.text() == "x.md:10:4");
  CHECK(both.remit.tool("memory_write")->origin.text() == "x.md:8:4");
  CHECK(tools(compiled(with_body("## Memory\n**Write**:\n- `a/b`\n"))) ==
        "Read memory_list memory_history memory_write ");
  CHECK(tools(compiled(with_body("## Memory\n**Read**:\n- `a/b`\n"))) ==
        "Read memory_read memory_list memory_history memory_search ");
  CHECK(tools(compiled(with_body("## Memory\n**Read**:\n- `/a/b`\n"))) == "Read ");
  CHECK(has(compiled(with_body("")), "I-SEC-01 1:1"));
}

TEST_CASE("write implies neither read nor delete") {
  const Compiled plain = compiled(with_body("## Memory\n**Write**:\n- `a/b`\n"));
  REQUIRE(plain.remit.memory.size() == 1);
  const MemoryRule& rule = plain.remit.memory[0];
  CHECK((rule.create && rule.replace && rule.append && rule.list));
  CHECK_FALSE((rule.read || rule.remove));
  const Compiled widened =
      compiled(with_body("## Memory\n**Write**:\n- `a/b`\n"),
               "version: 1\nwrite_implies_read: true\nmemory: {delete: ['a/b']}\n");
  REQUIRE(widened.remit.memory.size() == 2);
  CHECK(widened.remit.memory[0].read);
  CHECK(widened.remit.memory[1].remove);
  CHECK(widened.remit.memory[1].origin.text() == "x.manifest.yaml:3:19");
}

TEST_CASE("a manifest owns documents only for a persona without a section") {
  constexpr std::string_view kManifest =
      "version: 1\nmemory: {read: [instruction.yaml], write: ['Agent_Memory/a/b']}\n";
  const Compiled supplied = compiled(with_body(""), kManifest, {"i", {}, {}, {}});
  REQUIRE(supplied.remit.memory.size() == 2);
  CHECK(supplied.remit.memory[0].pattern.text() == "i/instruction.yaml");
  CHECK(supplied.memory[0].from_manifest);
  const Compiled refused = compiled(with_body("## Memory\n**Read**:\n- `c/d`\n"), kManifest);
  CHECK(refused.ok);
  CHECK(refused.remit.memory.size() == 1);
  CHECK(has(refused, "W-MEM-01 2:17"));
}

TEST_CASE("unbound lines grant nothing until an instruction is bound") {
  const std::string text = with_body("## Memory\n**Read**:\n- `instruction.yaml`\n");
  CHECK(compiled(text).remit.memory.empty());
  CHECK(compiled(text).memory[0].enabled);
  CHECK(compiled(text, {}, {"inst_1", {}, {}, {}})
            .remit.memory[0]
            .pattern.matches("inst_1/instruction.yaml"));
  CHECK(valid_instruction("inst_20260110_001"));
  for (const std::string_view bad : {"", "1a", "a/b", "a.b", "..", "a b", "_a"}) {
    CHECK_FALSE(valid_instruction(bad));
  }
  CHECK(valid_instruction("a" + std::string(95, 'b')));
  CHECK_FALSE(valid_instruction("a" + std::string(96, 'b')));
}

TEST_CASE("sending needs an authority edge, being spoken to a collaboration section") {
  CHECK(tools(compiled(with_body("## Memory\n"))) == "Read ");
  const Compiled spoken_to = compiled(with_body("## Collaboration\n- **Supports**: a\n"));
  CHECK(tools(spoken_to) == "Read inbox respond ");
  CHECK(spoken_to.remit.tool("respond")->origin.line == 6);
  CHECK(tools(compiled("---\nname: x\ndescription: d\ntools: Read\ndisallowedTools: respond\n---\n"
                       "## Collaboration\n- **Consult**: on-call\n")) ==
        "Read handoff bug_report inbox ");
  const Compiled result = compiled(
      with_body("## Collaboration\n- **Consult**: on-call\n- **Escalate to**: engineering-team\n"));
  CHECK(tools(result) == "Read handoff bug_report inbox respond ");
  CHECK(result.remit.tool("handoff")->origin.line == 7);
  CHECK(result.remit.tool("bug_report")->origin.line == 8);
  CHECK(result.remit.edges[1].requires_bug_report);
  CHECK(result.remit.edges[1].file_drop == "engineering-team");
  CHECK(result.remit.edges[1].resolution == Resolution::queue);
}

TEST_CASE("roots: the workspace first, log roots within the site's ceiling") {
  const Folder folder;
  const Binding binding{{}, folder.path(), {}, "/s"};
  const Compiled plain = compiled(with_body(""), {}, binding);
  REQUIRE(plain.remit.roots.size() == 1);
  CHECK(plain.remit.roots[0].path == folder.path());
  CHECK(plain.remit.roots[0].write);
  CHECK(plain.remit.file_drop_root == "/s/drop");
  const Compiled logs = compiled(with_body(""), "version: 1\nlog_roots: [/var/log]\n", binding);
  REQUIRE(logs.remit.roots.size() == 2);
  CHECK_FALSE(logs.remit.roots[1].write);
  CHECK(logs.remit.roots[1].origin.text() == "x.manifest.yaml:2:13");
  for (const std::string_view beyond : {"/etc", "/", "/var/log2", "/var"}) {
    const std::string manifest = "version: 1\nlog_roots: [" + std::string(beyond) + "]\n";
    CAPTURE(beyond);
    const Compiled refused = compiled(with_body(""), manifest, binding);
    CHECK_FALSE(refused.ok);
    CHECK(refused.remit.roots.empty());
  }
  CHECK_FALSE(compiled(with_body(""), "version: 1\nworkspace_roots: [/nowhere]\n", binding).ok);
  CHECK(compiled(with_body(""), "version: 1\nworkspace_roots: [" + folder.path() + "]\n", binding)
            .ok);
}

TEST_CASE("bash: the stricter of site and manifest, limits only narrower") {
  const Compiled held = compiled(with_body(""),
                                 "version: 1\nbash: {apply: hold, profile: reproduce}\n"
                                 "limits: {wall_s: 30, processes: 100000}\n");
  REQUIRE(held.ok);
  CHECK(held.remit.bash.apply == Apply::hold);
  CHECK(held.remit.bash.limits.wall == std::chrono::seconds(30));
  CHECK(held.remit.bash.limits.processes == 256);
  CHECK(held.remit.bash.limits.memory_bytes == 4294967296);
  CHECK(held.remit.bash.layer_on_disk);
  CHECK_FALSE(compiled(with_body("")).remit.bash.layer_on_disk);
  CHECK_FALSE(parse_profile("p.yaml", "version: 1\nlayer: paper\n"));
  Installation strict = installation();
  strict.site.apply = Apply::never;
  const Persona persona = parsed(with_body(""));
  const ParsedManifest loose = parse_manifest("m", "version: 1\nbash: {apply: as_write}\n");
  CHECK(compile({persona, &loose, strict, {}, kTools, {}}).remit.bash.apply == Apply::never);
  CHECK_FALSE(compiled(with_body(""), "version: 1\nbash: {profile: nosuch}\n").ok);
}

TEST_CASE("a malformed manifest refuses the persona, with its line") {
  const Compiled refused =
      compiled(with_body("## Memory\n**Read**:\n- `a/b`\n"), "version: 1\nlogroots: [/x]\n");
  CHECK_FALSE(refused.ok);
  CHECK(refused.remit.tools.empty());
  CHECK(refused.memory.empty());
  const remit::Error error = refusal(refused);
  CHECK(error.code == "persona_invalid");
  CHECK(error.where == "x.manifest.yaml:2:1");
  CHECK(error.message.find("log_roots") != std::string::npos);
  CHECK(error.message.find("remit check") != std::string::npos);
}

TEST_CASE("denials can cite the places that would have to grant") {
  const Compiled result = compiled(with_body("## Memory\n## Collaboration\n"));
  CHECK(result.remit.tools_line.text() == "x.md:4:8");
  CHECK(result.remit.memory_heading.text() == "x.md:6:1");
  CHECK(result.remit.collaboration_heading.text() == "x.md:7:1");
  const Compiled bare = compiled(head(""));
  CHECK(bare.remit.tools_line.text() == "x.md:1:1");
  CHECK(bare.remit.memory_heading.text() == "x.md:1:1");
  CHECK(bare.remit.tools_line.short_text() == "x.md:1");
}

TEST_CASE("the hash of a Remit changes with what is granted") {
  const auto hash = [](std::string_view text, std::string_view manifest = {}) {
    return compiled(text, manifest).remit.sha256();
  };
  const std::string one = hash(head("tools: Read\n"));
  CHECK(one.size() == 64);
  CHECK(one == hash(head("tools: Read\n")));
  CHECK(one != hash(head("tools: Read, Grep\n")));
  CHECK(one != hash(head("tools: Read\n"), "version: 1\nwrite_ask: ['*.sql']\n"));
  CHECK(hash(head("tools: Read\n"), "version: 1\n") !=
        hash(head("tools: Read\n"), "version: 1\nlimits: {cpu_s: 1}\n"));
}

TEST_CASE("diff tells what changed, not what moved") {
  const Binding bound{std::string(kDiffInstruction), {}, {}, {}};
  const Compiled before =
      compiled(with_body("## Memory\n**Read**:\n- `tasks/a`\n- `b/c`\n"), {}, bound);
  const Compiled after =
      compiled(with_body("\n## Memory\n**Read**:\n- `b/c`\n**Write**:\n- `tasks/a`\n"),
               "version: 1\nbash: {apply: never}\n", bound);
  const Difference found = difference(before.remit, after.remit);
  std::string text;
  for (const Grant& grant : found.removed) text += "-" + grant.grant + " " + grant.what + "\n";
  for (const Grant& grant : found.added)
    text += "+" + grant.grant + " " + grant.what + " " + grant.origin.text() + "\n";
  CHECK(text ==
        "-memory.read {instruction_id}/tasks/a\n"
        "+tool memory_write x.md:11:4\n"
        "+memory.create {instruction_id}/tasks/a x.md:11:4\n"
        "+memory.replace {instruction_id}/tasks/a x.md:11:4\n"
        "+memory.append {instruction_id}/tasks/a x.md:11:4\n");
  REQUIRE(found.changed.size() == 1);
  CHECK(found.changed[0].name == "bash.apply");
  CHECK(difference(after.remit, after.remit).empty());
}
