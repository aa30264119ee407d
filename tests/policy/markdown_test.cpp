#include "policy/markdown.h"

#include <string>

#include <doctest/doctest.h>

using namespace remit::policy;

TEST_CASE("lines: numbers, headings, fences, CRLF") {
  const auto lines = read_lines("# A #\r\n```\n# no\n~~~\n````\n## **B**\n#x\n       # deep\n", 9);
  REQUIRE(lines.size() == 8);
  CHECK(lines[0].number == 9);
  CHECK(lines[0].text == "# A #");
  CHECK(lines[0].level == 1);
  CHECK(lines[0].heading == "A");
  CHECK(lines[1].fenced);
  CHECK(lines[2].fenced);
  CHECK(lines[2].level == 0);
  CHECK(lines[3].fenced);  // ~~~ does not close ```
  CHECK(lines[4].fenced);  // four close three
  CHECK_FALSE(lines[5].fenced);
  CHECK(lines[5].heading == "B");
  CHECK(lines[6].level == 0);
  CHECK(lines[7].level == 0);
}

TEST_CASE("a fence that is never closed hides the rest") {
  const auto lines = read_lines("~~~yaml\n# x\n```\n", 1);
  for (const Line& line : lines) CHECK(line.fenced);
}

TEST_CASE("bullets") {
  CHECK(read_bullet("- x")->content == "x");
  CHECK(read_bullet("  * x ")->indent == 2);
  CHECK(read_bullet("\t+ x")->indent == 4);
  CHECK(read_bullet("12. x")->content == "x");
  CHECK(read_bullet("1) x")->content == "x");
  CHECK_FALSE(read_bullet("-x"));
  CHECK_FALSE(read_bullet("**bold** x"));
  CHECK_FALSE(read_bullet("---"));
  CHECK_FALSE(read_bullet("- "));
  CHECK_FALSE(read_bullet(""));
}

TEST_CASE("labels") {
  const auto label = [](std::string_view text) {
    const auto found = read_label(text);
    if (!found) return std::string("none");
    return found->text + "|" + std::string(found->qualifier) + "|" + std::string(found->rest);
  };
  CHECK(label("**Write to**:") == "Write to||");
  CHECK(label("**Write to:** `a`") == "Write to||`a`");
  CHECK(label("**Write** (mine): `a`") == "Write|mine|`a`");
  CHECK(label("Reads: `a`") == "Reads||`a`");
  CHECK(label("Reads (all): `a`") == "Reads|all|`a`");
  CHECK(label("https://x") == "none");
  CHECK(label("`a`: b") == "none");
  CHECK(label("plain words") == "none");
  CHECK(label("****") == "none");
  CHECK(label("**open") == "none");
}

TEST_CASE("slugs") {
  CHECK(slug_of("VP of R&D") == "vp-of-randd");
  CHECK(slug_of("  A--b__C ") == "a-b-c");
  CHECK(slug_of("\xC3\xA9t\xC3\xA9") == "t");
  CHECK(slug_of("!!") == "");
}
