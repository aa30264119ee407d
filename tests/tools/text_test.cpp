#include <random>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "base/unified_diff.h"
#include "tools/text_file.h"

using namespace remit;
using namespace remit::tools;

TEST_CASE("every encoding round-trips; windows-1252 for every byte") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string text = to_text(all, Encoding::windows1252);
  CHECK(*to_bytes(text, Encoding::windows1252) == all);
  const std::string sample = "aé漢😀\n";
  for (const Encoding encoding : {Encoding::utf8, Encoding::utf16le, Encoding::utf16be,
                                  Encoding::utf32le, Encoding::utf32be}) {
    auto bytes = to_bytes(sample, encoding);
    REQUIRE(bytes);
    bool lossy = false;
    CHECK(to_text(*bytes, encoding, &lossy) == sample);
    CHECK_FALSE(lossy);
    const Detected found = detect_encoding(std::string(byte_order_mark(encoding)) + *bytes, true);
    CHECK(found.encoding == encoding);
  }
}

TEST_CASE("detection") {
  CHECK(detect_encoding("plain", true).encoding == Encoding::utf8);
  CHECK(detect_encoding(std::string("h\0e\0l\0l\0o\0", 10), true).encoding == Encoding::utf16le);
  CHECK(detect_encoding(std::string("\0h\0e\0l\0l\0o", 10), true).encoding == Encoding::utf16be);
  CHECK(detect_encoding(std::string("a\0b", 3), true).binary);
  CHECK(detect_encoding("caf\xc3", false).encoding == Encoding::utf8);
  CHECK(detect_encoding("caf\xc3", true).encoding == Encoding::windows1252);
  CHECK(line_ending("a\r\nb\n") == "mixed");
  CHECK(image_dimensions(std::string("GIF89a\x02\x00\x03\x00", 10), "image/gif").height == 3);
}

TEST_CASE("unified diffs rebuild the new text, whatever the texts") {
  std::mt19937 random(3);
  for (int round = 0; round < 400; ++round) {
    auto make = [&] {
      std::string text;
      for (unsigned i = 0, n = static_cast<unsigned>(random() % 30); i < n; ++i)
        text += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
      return text;
    };
    const std::string before = make(), after = make();
    const UnifiedDiff diff = unified_diff(before, after, "f");
    // Apply it.
    std::vector<std::string> old_lines;
    for (std::size_t at = 0; at < before.size(); at += 2) old_lines.push_back(before.substr(at, 1));
    std::string rebuilt;
    std::size_t next = 0;
    for (const DiffHunk& hunk : diff.hunks) {
      const std::size_t start = hunk.old_start - 1;
      while (next < start) rebuilt += old_lines[next++] + "\n";
      for (const std::string& line : hunk.lines) {
        if (line[0] != '-') rebuilt += line.substr(1) + "\n";
        if (line[0] != '+') {
          REQUIRE(old_lines[next] == line.substr(1));
          ++next;
        }
      }
    }
    while (next < old_lines.size()) rebuilt += old_lines[next++] + "\n";
    REQUIRE(rebuilt == after);
    REQUIRE(diff.whole);
  }
  CHECK(unified_diff("same\n", "same\n", "f").text.empty());
}

TEST_CASE("a diff names the lines of the text, however much is common around it") {
  std::string before;
  for (int i = 1; i <= 10'000; ++i) before += "line " + std::to_string(i) + "\n";
  std::string after = before;
  after.replace(after.find("line 5000\n"), 10, "another\nand one more\n");
  const UnifiedDiff middle = unified_diff(before, after, "f");
  REQUIRE(middle.hunks.size() == 1);
  CHECK(middle.text ==
        "--- f\n+++ f\n@@ -4997,7 +4997,8 @@\n line 4997\n line 4998\n line 4999\n-line 5000\n"
        "+another\n+and one more\n line 5001\n line 5002\n line 5003");
  CHECK(unified_diff("", "a\nb\n", "f").text == "--- f\n+++ f\n@@ -1,0 +1,2 @@\n+a\n+b");
  CHECK(unified_diff("a\nb", "a\nb\n", "f").text ==
        "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b [no newline at the end]\n+b");
  CHECK(unified_diff("x\ny", "x\nz\ny", "f").text ==
        "--- f\n+++ f\n@@ -1,2 +1,3 @@\n x\n+z\n y [no newline at the end]");
  CHECK(unified_diff("\n\n", "\n", "f").text == "--- f\n+++ f\n@@ -1,2 +1,1 @@\n \n-");
}

TEST_CASE("what differs in more lines than are compared is one replacement") {
  const std::string many(limits::kDiffCompared + 1, '\n');
  const UnifiedDiff diff = unified_diff("a\n" + many, "a\nb\n" + many + "c\n", "f");
  CHECK_FALSE(diff.whole);
  CHECK(diff.text.starts_with("--- f\n+++ f\n@@ -1,100002 +1,100004 @@\n a\n-\n"));
  CHECK(diff.text.find("more lines of the diff are not shown") != std::string::npos);
}

TEST_CASE("a diff is cut at its limit and says so") {
  const auto lines = [](std::size_t count, const char* text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text + std::to_string(i) + "\n";
    return out;
  };
  // Two headers and one hunk line.
  const UnifiedDiff at = unified_diff("", lines(limits::kDiffLines - 3, "x"), "f");
  CHECK(at.whole);
  const UnifiedDiff over = unified_diff("", lines(limits::kDiffLines - 2, "x"), "f");
  CHECK_FALSE(over.whole);
  CHECK(over.text.find("2 more lines") != std::string::npos);
  // Too different for the algorithm: one block, still bounded.
  CHECK_FALSE(unified_diff(lines(5000, "a"), lines(5000, "b"), "f").whole);
}
