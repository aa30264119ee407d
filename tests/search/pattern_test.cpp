#include "tools/search/pattern.h"

#include <random>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tools/search/find.h"
#include "tools/search/literals.h"

using namespace remit;
using namespace remit::search;

TEST_CASE("required literals") {
  auto of = [](std::string_view pattern, bool fold = false) {
    return required_literals(pattern, fold, false);
  };
  using Set = std::vector<std::string>;
  CHECK(of("hello").any_of == Set{"hello"});
  CHECK(of("hello").whole);
  CHECK(of("\\bword\\b").any_of == Set{"word"});
  CHECK_FALSE(of("\\bword\\b").whole);
  CHECK(of("foo|bar").any_of == Set{"bar", "foo"});
  CHECK(of("a.*longer").any_of == Set{"longer"});
  CHECK(of("(error|warn): \\d+").any_of == Set{"error: ", "warn: "});
  CHECK(of("x*").any_of.empty());
  CHECK(of("(foo)?").any_of.empty());
  CHECK(of("(foo)+").any_of == Set{"foo"});
  CHECK(of("foo{0,3}").any_of == Set{"fo"});
  CHECK(of("[Tt]est").any_of == Set{"Test", "test"});
  CHECK(of("(?i)foo").folded);
  CHECK(of("a(?i)foo").any_of.empty());
  CHECK(of("\\Qa.b\\E").any_of.empty());
  CHECK(of("foo|").any_of.empty());
  // k and s fold to characters beyond ASCII.
  CHECK(of("task", true).any_of == Set{"ta"});
  CHECK(required_literals("a.b", false, true).any_of == Set{"a.b"});
}

TEST_CASE("vector finder equals the plain one") {
  std::mt19937 random(7);
  auto word = [&](std::size_t most, int letters) {
    std::string text;
    const std::size_t size = 1 + random() % most;
    for (std::size_t i = 0; i < size; ++i)
      text += static_cast<char>('a' + static_cast<int>(random() % static_cast<unsigned>(letters)));
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    const bool folded = round % 3 == 0;
    std::vector<std::string> literals;
    const std::size_t count = round % 2 == 0 ? 1 : 2 + random() % 20;
    for (std::size_t i = 0; i < count; ++i) literals.push_back(word(6, 3));
    const Finder finder(literals, folded);
    std::string text;
    const std::size_t size = random() % 300;
    for (std::size_t i = 0; i < size; ++i) {
      text += static_cast<char>(
          (random() % 4 == 0 ? 'A' : 'a') +
          static_cast<int>(random() % 12 == 0 ? random() % 3 : 3 + random() % 20));
      if (random() % 40 == 0) text += literals[random() % literals.size()];
    }
    std::size_t from = random() % 20;
    for (int step = 0; step < 5; ++step) {
      const std::size_t fast = finder.find(text, from), slow = finder.find_plain(text, from);
      REQUIRE(fast == slow);
      if (fast == Finder::npos) break;
      from = fast + 1;
    }
  }
}

TEST_CASE("line semantics") {
  auto lines = [](const PatternOptions& options, std::string_view text) {
    auto pattern = Pattern::compile(options);
    REQUIRE(pattern);
    std::vector<std::string> out;
    std::size_t at = 0;
    unsigned noise = 0;
    while (auto line = pattern->next_line(text, at, noise)) {
      out.emplace_back(text.substr(line->begin, line->end - line->begin));
      if (line->end >= text.size()) break;
      at = line->end + 1;
    }
    return out;
  };
  using Lines = std::vector<std::string>;
  CHECK(lines({.text = "a\\sb"}, "a\nb\na b") == Lines{"a b"});
  CHECK(lines({.text = "a[^x]b"}, "a\nb\na-b") == Lines{"a-b"});
  CHECK(lines({.text = "^b$"}, "ab\nb\nbc") == Lines{"b"});
  CHECK(lines({.text = "^$"}, "a\n\nb") == Lines{""});
  CHECK(lines({.text = "A.C", .ignore_case = true}, "abc\nxyz") == Lines{"abc"});
  CHECK(lines({.text = "a.c", .literal = true}, "abc\na.c") == Lines{"a.c"});
  CHECK(lines({.text = "\xe2\x84\xaa", .ignore_case = true}, "k\nx") == Lines{"k"});
  CHECK(lines({.text = "kit", .ignore_case = true}, "\xe2\x84\xaait\nx") ==
        Lines{"\xe2\x84\xaait"});
}

TEST_CASE("bad patterns say what to do") {
  auto refuse = [](const char* text, const char* says) {
    CAPTURE(text);
    auto pattern = Pattern::compile({.text = text});
    REQUIRE_FALSE(pattern);
    CHECK(pattern.error().kind == ErrorKind::invalid_argument);
    CHECK(pattern.error().where == "/pattern");
    CAPTURE(pattern.error().message);
    CHECK(pattern.error().message.find(says) != std::string::npos);
  };
  refuse("(?=x)", "lookaround");
  refuse("(a)\\1", "backreferences");
  refuse("foo(", "-F: true");
  refuse("a{1001}", "1000");
  refuse("\\C", "\\C");
  refuse("a\\nb", "multiline");
  refuse("\xff", "UTF-8");
  CHECK(Pattern::compile({.text = std::string(limits::kPatternBytes, 'a')}));
  CHECK_FALSE(Pattern::compile({.text = std::string(limits::kPatternBytes + 1, 'a')}));
}

TEST_CASE("the prefilter never drops a line") {
  std::mt19937 random(11);
  const char* pieces[] = {"a",   "b",         "ab",   "K",  "s",         ".",    "\\w",
                          "\\b", "(a|b)",     "[ab]", "x*", "(foo|ba)+", "\\.",  "^",
                          "$",   "(?:k|foo)", "b{2}", "a?", "é",         "[^a]", "\\s"};
  for (int round = 0; round < 1500; ++round) {
    std::string text;
    for (std::size_t i = 0, n = 1 + random() % 5; i < n; ++i) {
      text += pieces[random() % std::size(pieces)];
      if (random() % 8 == 0) text += "|";
    }
    std::string hay;
    for (std::size_t i = 0, n = random() % 120; i < n; ++i) {
      const char* words[] = {"a", "b",  "foo", "ba",           " ", "\n", "K",
                             "s", "bb", "é",   "\xe2\x84\xaa", "."};
      hay += words[random() % std::size(words)];
    }
    const bool fold = random() % 2 == 0;
    auto with = Pattern::compile({.text = text, .ignore_case = fold});
    auto without = Pattern::compile({.text = text, .ignore_case = fold, .prefilter = false});
    REQUIRE(with.has_value() == without.has_value());
    if (!with) continue;
    CAPTURE(text);
    CAPTURE(hay);
    std::size_t at = 0;
    unsigned noise = 0, none = 0;
    for (;;) {
      const auto a = with->next_line(hay, at, noise);
      const auto b = without->next_line(hay, at, none);
      REQUIRE(a.has_value() == b.has_value());
      if (!a) break;
      REQUIRE(a->begin == b->begin);
      REQUIRE(a->end == b->end);
      if (a->end >= hay.size()) break;
      at = a->end + 1;
    }
  }
}
