#include "policy/memory_section.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

// "r a/b, w c, - d": mode and pattern of each entry of a body, in order.
std::string entries(std::string_view body) {
  const Compiled result = compiled(with_body(body));
  REQUIRE(result.ok);
  std::string out;
  for (const MemoryEntry& entry : result.memory) {
    const char* mode = entry.mode == Mode::read ? "r " : entry.mode == Mode::write ? "w " : "- ";
    out += (out.empty() ? "" : ", ") + std::string(mode) + entry.pattern +
           (entry.enabled || entry.mode == Mode::none ? "" : " off");
  }
  return out;
}

std::string remarks(std::string_view body) {
  std::string out;
  for (const Diagnostic& one : compiled(with_body(body)).diagnostics) {
    if (one.code.find("-MEM-") == std::string::npos || one.code == "I-MEM-03") continue;
    out += (out.empty() ? "" : ", ") + one.code + " " + std::to_string(one.line) + ":" +
           std::to_string(one.col);
  }
  return out;
}

}  // namespace

TEST_CASE("which headings open a section") {
  const auto opens = [](std::string_view heading) {
    return entries(std::string(heading) + "\n**Read**:\n- `a/b`\n") == "r a/b";
  };
  for (const std::string_view yes :
       {"## Memory Ownership", "# Memory", "### Agent_Memory Usage", "## agent memory",
        "## Memory & State", "###### MEMORY ACCESS", "## **Memory Ownership**", "## Memory Bank"}) {
    CAPTURE(yes);
    CHECK(opens(yes));
  }
  for (const std::string_view no :
       {"## Memory Leaks", "## Memory Management", "## Memory Optimization",
        "## Memory initialization", "## Working Memory", "## Memoryless", "####### Memory",
        "Memory", "##Memory"}) {
    CAPTURE(no);
    CHECK_FALSE(opens(no));
  }
}

TEST_CASE("a section ends at a heading of its level; sections unite") {
  CHECK(
      entries("## Memory\n**Read**:\n- `a/b`\n### Deeper\n- `a/c`\n## Other\n**Write**:\n- `a/d`\n"
              "# Memory\n**Write**:\n- `a/e`\n") == "r a/b, - a/c, w a/e");
}

TEST_CASE("fenced examples grant nothing") {
  CHECK(entries("## Memory\n**Write**:\n```\n- `a/b`\n```\n~~~\n- `a/c`\n~~~\n- `a/d`\n") ==
        "w a/d");
}

TEST_CASE("label words") {
  const auto mode = [](std::string_view label) {
    return entries("## Memory\n**" + std::string(label) + "**:\n- `a/b`\n").substr(0, 1);
  };
  for (const std::string_view word :
       {"Write to", "Writes", "Written", "Updates", "Creates", "Owns", "Ownership", "Produces",
        "Maintains", "Appends", "Outputs", "Delete"}) {
    CAPTURE(word);
    CHECK(mode(word) == "w");
  }
  for (const std::string_view word : {"Read from", "Reads", "Monitors", "Reviews", "Consults",
                                      "References", "Knowledge", "Inputs", "Uses", "Aware of"}) {
    CAPTURE(word);
    CHECK(mode(word) == "r");
  }
  for (const std::string_view word :
       {"Learn", "Tactical tasks", "Readiness", "Overwritten", "Files"}) {
    CAPTURE(word);
    CHECK(mode(word) == "-");
  }
  CHECK(entries("## Memory\n**Read/Write**:\n- `a/b`\n") == "r a/b, w a/b");
  CHECK(entries("## Memory\n**Reads and Writes**:\n- `a/b`\n") == "r a/b, w a/b");
  CHECK(entries("## Memory\n**RW**:\n- `a/b`\n") == "r a/b, w a/b");
  CHECK(remarks("## Memory\n**Review and update**:\n- `a/b`\n") == "I-MEM-07 8:4");
  CHECK(entries("## Memory\n**Review and update**:\n- `a/b`\n") == "r a/b");
}

TEST_CASE("what a label reaches") {
  // The section's own name sets no mode.
  CHECK(entries("## Memory Ownership\n- `a/b`\n") == "- a/b");
  CHECK(remarks("## Memory Ownership\n- `a/b`\n") == "W-MEM-01 7:4");
  // A subheading and a plain label hold for what follows.
  CHECK(entries("## Memory\n### Reads\n- `a/b`\n\nProse.\n- `a/c`\nWrites:\n- `a/d`\n") ==
        "r a/b, r a/c, w a/d");
  // A bullet label: its own line and deeper bullets.
  CHECK(entries("## Memory\n- **Read**: `a/b`, `a/c` (why) and `a/d` but never `a/e`\n"
                "- **Write**:\n  - `a/f`\n- `a/g`\n") == "r a/b, r a/c, r a/d, w a/f, - a/g");
  // An unknown bold label beside the one in force ends it; below it, it is a caption.
  CHECK(entries("## Memory\n- **Read**:\n  - **Plans**: `a/b`\n- **Strategic**: `a/c`\n") ==
        "r a/b, - a/c");
  CHECK(entries("## Memory\n**Read**:\n- **Strategic**: `a/b`\n- `a/c`\n") == "- a/b, - a/c");
}

TEST_CASE("tables below a heading of files") {
  CHECK(entries("## Memory\n### Files Read\n| Path | Why |\n|--|--|\n| `a/b` | x |\n"
                "### Files Written\n| `a/c` | `a/d` |\n### Other\n| `a/e` | x |\n") ==
        "r a/b, w a/c");
}

TEST_CASE("what is a path") {
  CHECK(
      entries(
          "## Memory\n**Read**:\n- `plan.yaml`\n- `notes`\n- `x.exe`\n- `https://h/p`\n- a/b\n"
          "- `two words/x`\n- prose about `a/b`\n- `reviews/`\n- `Agent_Memory/with space.md`\n") ==
      "r plan.yaml, r {instruction_id}/reviews/, r with space.md");
}

TEST_CASE("normal form of patterns") {
  CHECK(entries("## Memory\n**Read**:\n- `Agent_Memory/{inst_id}/x.yaml`\n- `tasks/a.yaml`\n"
                "- `instruction.yaml`\n- `status.yaml`\n- `Agent_Memory/_knowledge/`\n- "
                "`sub/status.yaml`\n") ==
        "r {instruction_id}/x.yaml, r {instruction_id}/tasks/a.yaml, r "
        "{instruction_id}/instruction.yaml, "
        "r {instruction_id}/status.yaml, r _knowledge/, r sub/status.yaml");
}

TEST_CASE("what is switched off, with its code") {
  const std::string body =
      "## Memory\n**Write**:\n- `../x/y`\n- `/etc/passwd`\n- `a\\b/c`\n- `a/{who}/x`\n- "
      "`{domain}/x`\n"
      "- `_communication/inbox/{agent}/`\n- `_communication/inbox/hitl/`\n- `a/{agent}/x`\n"
      "- `Agent_Memory/`\n**Read**:\n- `_communication/inbox/dba/`\n- "
      "`_communication/inbox/{agent}/`\n";
  CHECK(remarks(body) ==
        "W-MEM-04 8:4, W-MEM-04 9:4, W-MEM-04 10:4, W-MEM-02 11:4, W-MEM-02 12:4, I-MEM-06 13:4, "
        "I-MEM-06 14:4, W-MEM-02 15:4, W-MEM-04 16:4, I-MEM-06 19:4");
  const Compiled result = compiled(with_body(body), {}, {"i1", {}, {}, {}});
  REQUIRE(result.remit.memory.size() == 1);
  CHECK(result.remit.memory[0].pattern.text() == "_communication/inbox/dba/");
}

TEST_CASE("a manifest gives placeholders their values") {
  const Compiled result =
      compiled(with_body("## Memory\n**Read**:\n- `a/{team}/x`\n- `{domain}/y`\n"),
               "version: 1\ndomain: sales\nplaceholders: {team: core}\n");
  REQUIRE(result.ok);
  REQUIRE(result.remit.memory.size() == 2);
  CHECK(result.remit.memory[0].pattern.text() == "a/core/x");
  CHECK(result.remit.memory[1].pattern.text() == "sales/y");
}

TEST_CASE("write-only lines are told, as far as no read line covers them") {
  const auto told = [](std::string_view body) {
    std::string out;
    for (const Diagnostic& one : compiled(with_body(body)).diagnostics) {
      if (one.code == "I-MEM-03") out += std::to_string(one.line) + " ";
    }
    return out;
  };
  CHECK(told("## Memory\n**Write**:\n- `a/b`\n- `c/d`\n- `e/{n}.md`\n**Read**:\n- `a/b`\n- `c/`\n- "
             "`e/*`\n")
            .empty());
  CHECK(told("## Memory\n**Write**:\n- `a/b`\n**Read**:\n- `a/c`\n") == "8 ");
}
