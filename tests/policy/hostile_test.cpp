// Hostile personas: whatever the bytes, the parser ends, stays in bounds and never grants more than
// a reader would see.
#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "policy/fix.h"
#include "policy/persona.h"
#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

std::string seed() {
  return Folder::read(source("agent_definitions/technical-support-engineer.md"));
}

// Refused personas hold nothing; served ones have a name and positions inside the file.
void check_sane(const std::string& text) {
  const Compiled result = compiled(text);
  if (!result.ok) {
    CHECK(result.remit.tools.empty());
    CHECK(result.remit.memory.empty());
    CHECK(result.remit.edges.empty());
    CHECK_FALSE(result.diagnostics.empty());
    return;
  }
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const MemoryEntry& entry : result.memory) {
    CHECK(entry.origin.line <= lines);
    CHECK(entry.origin.col >= 1);
  }
  CHECK_FALSE(result.remit.name.empty());
}

}  // namespace

TEST_CASE("every truncation of the seed is served or refused") {
  const std::string text = seed();
  const std::size_t front = split_front_matter(text).body_begin;
  for (std::size_t size = 0; size < text.size(); size += size < front + 200 ? 1 : 37) {
    CAPTURE(size);
    check_sane(text.substr(0, size));
    if (size < front - 4) CHECK_FALSE(parsed(text.substr(0, size)).ok);
  }
}

TEST_CASE("flipped, inserted and removed bytes") {
  const std::string text = seed();
  const std::size_t front = split_front_matter(text).body_begin;
  std::mt19937 random(1);  // a fixed seed: failures repeat
  const std::string_view special = "\n\r\t\0-:[]{}&*!|>'\"%@`#,~\x01\x7F\xC3\xFF/.\\";
  for (int round = 0; round < 1500; ++round) {
    std::string changed = text;
    for (int edit = 0; edit < 3; ++edit) {
      const std::size_t at = random() % (round % 2 == 0 ? front : changed.size());
      const char byte = special[random() % special.size()];
      switch (random() % 3) {
        case 0:
          changed[at] = byte;
          break;
        case 1:
          changed.insert(at, 1, byte);
          break;
        default:
          changed.erase(at, 1);
          break;
      }
    }
    CAPTURE(round);
    check_sane(changed);
    (void)propose_fix("x.md", changed, installation().words);
  }
}

TEST_CASE("up to a mebibyte of one thing") {
  const std::string head = "---\nname: x\ndescription: d\ntools: Read\n---\n";
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string_view unit :
       {"[", "{", "`", "- ", "- `a/", "**", "## Memory\n", "**Write**:\n- `a/b`\n", "(",
        "- **Consult**: a, ", "~~~\n", "\t", "* ", "\x01\n", "- `a/{", "#", "|", "\n", "1. "}) {
    for (const std::string& lead : {std::string(), head, head + "## Memory\n**Write**:\n",
                                    head + "## Collaboration\n- **Consult**: "}) {
      // Whole where the front matter ends the reading, less where each line is looked at.
      const std::size_t size = lead.empty() ? 1u << 20 : 1u << 17;
      std::string text = lead;
      while (text.size() + unit.size() <= size) text += unit;
      CAPTURE(unit);
      check_sane(text);
    }
  }
  const auto spent = std::chrono::steady_clock::now() - begin;
  MESSAGE(
      "uniform texts took " << std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()
                            << " ms");
}

TEST_CASE("an alias bomb in the front matter is refused before it is walked") {
  std::string text = "---\nname: x\ndescription: d\na0: &a0 [x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before +
            ", " + before + "]\n";
  }
  const Persona bomb = parsed(text + "---\n");
  CHECK_FALSE(bomb.ok);
  CHECK(codes(bomb.diagnostics).starts_with("E-FM-06"));
  const Persona loop = parsed("---\nname: x\ndescription: d\na: &a [*a]\n---\n");
  CHECK_FALSE(loop.ok);
}

TEST_CASE("more lines than are read refuse the persona instead of dropping some") {
  std::string many = "## Memory\n**Read**:\n";
  for (int i = 0; i < 2049; ++i) many += "- `a/" + std::to_string(i) + "`\n";
  CHECK_FALSE(compiled(with_body(many)).ok);
  std::string edges = "## Collaboration\n- **Consult**: a0";
  for (int i = 1; i < 2049; ++i) edges += ", a" + std::to_string(i);
  CHECK_FALSE(compiled(with_body(edges + "\n")).ok);
}
