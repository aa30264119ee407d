#include "policy/collaboration_section.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/policy/personas.h"

using namespace remit::policy;
using namespace remit::policy::test;

namespace {

// "consult:dba(why)A" for each edge, joined by ", "; documentation in lower case brackets.
std::string edges(std::string_view body) {
  const Persona persona = parsed(with_body(body));
  REQUIRE(persona.ok);
  std::string out;
  for (const CollaborationEntry& entry : persona.collaboration.entries) {
    out += (out.empty() ? "" : ", ") + std::string(to_string(entry.kind)) + ":" + entry.target +
           "(" + entry.reason + ")" + entry.form + (entry.authority ? "" : "-");
  }
  return out;
}

}  // namespace

TEST_CASE("which headings open a section") {
  const auto opens = [](std::string_view heading) {
    return !edges(std::string(heading) + "\n- **Consult**: dba\n").empty();
  };
  for (const std::string_view yes :
       {"## Collaboration Protocols", "# Collaboration", "## Collaborates",
        "### Executive Collaboration", "## Cross-Functional Collaboration",
        "## COLLABORATION & INFLUENCE"}) {
    CAPTURE(yes);
    CHECK(opens(yes));
  }
  for (const std::string_view no :
       {"## Team Collaboration", "## Collaborative work", "## Communication"}) {
    CAPTURE(no);
    CHECK_FALSE(opens(no));
  }
}

TEST_CASE("forms A and B: a verb label and its targets") {
  CHECK(edges("## Collaboration\n- **Consult**: a (x, y), b - why, c\n**Escalate to**: d for "
              "speed\n") == "consult:a(x, y)A, consult:b(why)A, consult:c()A, escalate:d(speed)B");
  CHECK(edges("## Collaboration\n- **Delegates to:** **Tech Lead** (plans), `qa-lead`, @ops.\n") ==
        "delegate:tech-lead(plans)A, delegate:qa-lead()A, delegate:ops()A");
  CHECK(edges("## Collaboration\n- **Consult** (blocking): a\n") == "consult:a()A");
}

TEST_CASE("columns are those of the target's first byte") {
  const Persona persona =
      parsed(with_body("## Collaboration\n- **Consult**: **\xC3\xA9 A** (x), b\n"));
  REQUIRE(persona.collaboration.entries.size() == 2);
  CHECK(persona.collaboration.entries[0].origin.line == 7);
  CHECK(persona.collaboration.entries[0].origin.col == 18);
  CHECK(persona.collaboration.entries[0].source == "\xC3\xA9 A");
  CHECK(persona.collaboration.entries[1].origin.col == 30);
}

TEST_CASE("form C: a verb alone, its targets as bullets") {
  CHECK(
      edges(
          "## Collaboration\n**Consults**:\n- **CFO**: money\n- dba (data)\n\nprose\n- nobody\n") ==
      "consult:cfo(money)C, consult:dba(data)C");
  CHECK(edges("## Collaboration\n### Escalation\n- CEO: crisis\n### Else\n- x\n") ==
        "escalate:ceo(crisis)C");
  CHECK(edges("## Collaboration\n- **Delegate to**:\n  - a\n  - b (r)\n- c\n") ==
        "delegate:a()C, delegate:b(r)C");
}

TEST_CASE("forms W and H are documentation") {
  CHECK(
      edges(
          "## Collaboration\n**With Sales**: prose\n### With Tech Lead\n- **Joint decision** on x\n"
          "#### With DevOps Engineer (if exists)\n") ==
      "coordinate:sales()W-, coordinate:tech-lead()H-, coordinate:devops-engineer(if exists)H-");
}

TEST_CASE("form HW: a heading that names verb, target and When") {
  CHECK(edges("## Collaboration\n### Consult General Counsel When:\n- matter\n### Escalate to CTO "
              "When\n") == "consult:general-counsel()HW, escalate:cto()HW");
}

TEST_CASE("documentation verbs carry no authority") {
  CHECK(
      edges("## Collaboration\n- **Reports to**: a\n- **Coordinates with**: b\n- **Supports**: c\n"
            "- **Receives from**: d\n- **Hands off to**: e\n") ==
      "report:a()A-, coordinate:b()A-, support:c()A-, receive:d()A-, hand_off:e()A-");
}

TEST_CASE("prose makes no edge") {
  CHECK(edges("## Collaboration\n**Engineering Team**:\n- Escalate bugs and performance issues\n"
              "- **Escalate bugs**: fast\nConsult the manual.\nEscalation: call us\n"
              "| Consultation | Often | x |\n```\n- **Consult**: x\n```\n")
            .empty());
  CHECK(edges("## Other\n- **Consult**: a\n").empty());
}

TEST_CASE("nobody, and nobody in particular") {
  CHECK(edges("## Collaboration\n- **Delegate to**: N/A (front line)\n- **Consult**: None, etc.\n")
            .empty());
  const Persona persona =
      parsed(with_body("## Collaboration\n- **Consult**: All support agents, a or b\n"));
  REQUIRE(persona.collaboration.entries.size() == 2);
  CHECK(persona.collaboration.entries[0].vague);
  CHECK(persona.collaboration.entries[1].vague);
}

TEST_CASE("resolution: directory, alias, persona, several, self, nobody") {
  PersonaIndex known;
  known.add("sysadmin", "a.md");
  known.add("twin", "b.md");
  known.add("twin", "c.md");
  known.add("x", "x.md");
  const Compiled result = compiled(with_body("## Collaboration\n- **Consult**: sysadmin, Systems "
                                             "Administrator, twin, x, nobody, on-call, "
                                             "all sysadmin agents\n- **Reports to**: nobody\n"),
                                   {}, {}, known);
  REQUIRE(result.ok);
  std::string out;
  for (const CollaborationEntry& entry : result.collaboration) {
    out += std::string(to_string(entry.resolution)) + " ";
  }
  CHECK(out == "agent agent ambiguous self unresolved human unresolved unresolved ");
  CHECK(result.remit.edges.size() == 7);
  CHECK(result.remit.edges[1].target == "sysadmin");  // the alias is followed
  CHECK(result.collaboration[1].target == "systems-administrator");
  std::string found;
  for (const Diagnostic& one : result.diagnostics) {
    if (one.code.find("-COL-") != std::string::npos) found += one.code + " ";
  }
  CHECK(found == "W-COL-03 W-COL-04 W-COL-01 W-COL-01 I-COL-02 ");
}

TEST_CASE("reports to is an escalation only when the manifest says so") {
  const std::string text = with_body("## Collaboration\n- **Reports to**: on-call\n");
  CHECK(compiled(text).remit.edges.empty());
  const Compiled widened = compiled(text, "version: 1\nreports_to_is_escalation: true\n");
  REQUIRE(widened.remit.edges.size() == 1);
  CHECK(widened.remit.edges[0].kind == HandoffKind::escalate);
}
