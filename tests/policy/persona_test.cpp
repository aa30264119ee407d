// Front matter: what is refused, what is only reported, and where.
#include "policy/persona.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

std::string front(std::string_view yaml, std::string_view body = "") {
  return "---\n" + std::string(yaml) + "---\n" + std::string(body);
}

// The codes with their places; a refused persona must hold nothing.
std::string lint(std::string_view text, const std::string& file = "x.md") {
  const Persona persona = parsed(text, file);
  if (!persona.ok) {
    CHECK(persona.name.empty());
    CHECK(persona.tools.empty());
    CHECK(persona.memory.entries.empty());
    CHECK(persona.collaboration.entries.empty());
    CHECK(persona.body.empty());
  }
  return codes(persona.diagnostics);
}

constexpr std::string_view kGood = "name: x\ndescription: d\n";

}  // namespace

TEST_CASE("the fences of the front matter") {
  CHECK(lint(front(kGood)) == "");
  CHECK(lint("\xEF\xBB\xBF" + front(kGood)) == "");
  CHECK(lint("---  \t\r\nname: x\r\ndescription: d\r\n---\t\r\nbody\r\n") == "");
  CHECK(lint("---\nname: x\ndescription: d\n---") == "");
  CHECK(lint("") == "E-FM-01 1:1");
  CHECK(lint("---") == "E-FM-02 1:1");
  CHECK(lint("# no front matter\n") == "E-FM-01 1:1");
  CHECK(lint("\n---\nname: x\n---\n") == "E-FM-01 1:1");
  CHECK(lint("----\nname: x\n---\n") == "E-FM-01 1:1");
  CHECK(lint("---\nname: x\n") == "E-FM-02 1:1");
  CHECK(lint("---\nname: x\n ---\n----\n") == "E-FM-02 1:1");
}

TEST_CASE("body: first line, bytes, verbatim") {
  const Persona persona = parsed(front(kGood, "a\r\n\n"));
  CHECK(persona.body_line == 5);
  CHECK(persona.body == "a\r\n\n");
}

TEST_CASE("YAML that is refused, at its place in the file") {
  CHECK(lint(front("name: x\ndescription: Use this: for that\n")) == "E-FM-03 3:22");
  CHECK(lint(front("name: x\ndescription: \"open\ntools: Read\n")) == "E-FM-03 3:14");
  CHECK(lint(front("- a\n")) == "E-FM-04 2:1");
  CHECK(lint(front("just text\n")) == "E-FM-04 2:1");
  CHECK(lint(front("")) == "E-FM-04 2:1");
  CHECK(lint(front("name: x\nname: y\ndescription: d\n")) == "E-FM-05 3:1");
  CHECK(lint(front("name: &n x\ndescription: *n\n")).starts_with("E-FM-06 2:7"));
  CHECK(lint(front("name: !x x\ndescription: d\n")) == "E-FM-07 2:7");
  CHECK(lint(front("%TAG ! x\nname: x\n")) == "E-FM-07 2:1");
  CHECK(lint(front("name: x\x01\n")) == "E-FM-08 2:8");
  CHECK(lint(front("name: x\ndescription: a\xE2\x80\xA9\n")) == "E-FM-08 3:15");
  CHECK(lint(front("name: [[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]\n")).starts_with("E-FM-10 2:"));
  CHECK(lint(front("name: x\n...\nname: y\n")).starts_with("E-FM-11"));
  CHECK(lint(front("name: x\n", "\xC3\x28")) == "E-FM-12 4:1");
  CHECK(lint(front("name: \xC0\xAF\n")) == "E-FM-12 2:7");
  CHECK(lint(front("name: [x]\ndescription: {a: b}\n")) == "E-FM-13 2:7, E-FM-13 3:14");
  CHECK(lint(front(std::string(kGood) + "tools: {a: b}\n")) == "E-FM-13 4:8");
  CHECK(lint(front(std::string(kGood) + "tools: [a, [b]]\n")) == "E-FM-13 4:12");
  CHECK(lint(front(std::string(kGood) + "1: a\n")) == "E-FM-13 4:1");
  CHECK(lint(front(kGood, std::string_view("a\0", 2))) == "E-FM-08 5:2");
}

TEST_CASE("sizes, at the limit and one more") {
  const std::string lead = "name: x\ndescription: d\nother: ";
  CHECK(lint(front(lead + std::string((64u << 10) - lead.size() - 1, 'a') + "\n")) ==
        "I-FM-01 4:1");
  CHECK(lint(front(lead + std::string((64u << 10) - lead.size(), 'a') + "\n")) == "E-FM-09 2:1");
  const std::string head = front(kGood);
  CHECK(lint(head + std::string((1u << 20) - head.size(), 'a')) == "");
  CHECK(lint(head + std::string((1u << 20) - head.size() + 1, 'a')) == "E-FM-09 1:1");
  const std::string name = "name: x\ndescription: ";
  CHECK(lint(front(name + std::string(8192, 'd') + "\n")) == "");
  CHECK(lint(front(name + std::string(8193, 'd') + "\n")) == "E-DESC-01 3:14");
}

TEST_CASE("names") {
  const auto name = [](std::string_view text, const std::string& file = "x.md") {
    return lint(front("name: " + std::string(text) + "\ndescription: d\n"), file);
  };
  CHECK(name("") == "E-NAME-01 2:1");
  CHECK(name("~") == "E-NAME-01 2:7");
  CHECK(name("''") == "E-NAME-01 2:7");
  CHECK(lint(front("description: d\n")) == "E-NAME-01 2:1");
  CHECK(name("_x") == "E-NAME-02 2:7");
  CHECK(name("a/b") == "E-NAME-02 2:7");
  CHECK(name("x\xC3\xA9") == "E-NAME-02 2:7");
  CHECK(name(std::string(64, 'a'), std::string(64, 'a') + ".md") == "");
  CHECK(name(std::string(65, 'a')) == "E-NAME-02 2:7");
  CHECK(name("My Agent", "my-agent.md") == "W-NAME-05 2:7");
  CHECK(name("other") == "W-NAME-05 2:7");
  for (const std::string_view reserved :
       {"remit", "hitl", "all", "self", "system", "workspace", "computer-use", "HITL"}) {
    CAPTURE(reserved);
    CHECK(name(reserved, std::string(reserved) + ".md").find("E-NAME-04 2:7") != std::string::npos);
  }
  // Text, never a boolean or a number.
  CHECK(parsed(front("name: no\ndescription: 012\n"), "no.md").description == "012");
}

TEST_CASE("keys that are kept and never executed") {
  CHECK(lint(front(std::string(kGood) + "tier: 1\nhooks: {a: [b]}\npermissionMode: x\n")) ==
        "I-FM-01 4:1, I-FM-02 5:1, I-FM-02 6:1");
  const Persona persona = parsed(front(std::string(kGood) + "tier: 1\nmodel: opus\n"));
  CHECK(persona.model == "opus");
  REQUIRE(persona.other.entries.size() == 1);
  CHECK(persona.other.entries[0].value.text == "1");
}

TEST_CASE("what a reader of the file cannot see") {
  CHECK(lint(front(kGood, "a\x1B[2J\n")) == "W-TEXT-01 5:2");
  CHECK(lint(front(kGood,
                   "a\xE2\x80\xAE"
                   "b\n")) == "W-TEXT-02 5:2");
  CHECK(lint(front("name: x\ndescription: a\xE2\x80\x8B"
                   "b\n")) == "W-TEXT-02 3:15");
  CHECK(lint(front(kGood, "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x92\xBB\n")) == "");
  const std::string shown = render(parsed(front(kGood, "a\x1B[2J\n")).diagnostics[0]);
  CHECK(shown.find('\x1B') == std::string::npos);
}

TEST_CASE("tools as text or list; every diagnostic of a file in one pass") {
  const Persona list =
      parsed(front(std::string(kGood) + "tools:\n  - Read\n  - Bash(git log:*)\n"));
  REQUIRE(list.tools.size() == 2);
  CHECK(list.tools[1].text == "Bash(git log:*)");
  CHECK(list.tools[1].origin.text() == "x.md:6:5");
  const Persona text = parsed(front(std::string(kGood) + "tools: Read, Bash(a, b:*), Read,\n"));
  REQUIRE(text.tools.size() == 2);
  CHECK(text.tools[1].text == "Bash(a, b:*)");
  CHECK(lint(front("name: _\ndescription:\ntier: 1\nmodel: [a]\n", "\x01\n## Memory\n- `a/b`\n")) ==
        "E-NAME-02 2:7, E-DESC-01 3:1, I-FM-01 4:1, E-FM-13 5:8, W-TEXT-01 7:1, W-MEM-01 9:4");
}

TEST_CASE("other dialects are refused") {
  CHECK(lint(front(kGood), "sub/AGENTS.md") == "E-DIA-01 1:1");
  CHECK(lint("name = 'x'\n", "x.toml") == "E-DIA-01 1:1");
}
