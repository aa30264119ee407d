#include "server/console/html.h"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "base/text.h"

namespace remit::console {
namespace {

TEST_CASE("text and values are escaped, names are literals") {
  CHECK(el("p", {{"class", "a\"b"}}, {"1 < 2 & 'x'", el("br")}).markup() ==
        "<p class=\"a&quot;b\">1 &lt; 2 &amp; &#39;x&#39;<br></p>");
  CHECK(el("pre", {}, {"\nfirst"}).markup() == "<pre>\n\nfirst</pre>");
  CHECK(Html("<b>").markup() == "&lt;b&gt;");
}

TEST_CASE("a link leads nowhere else") {
  for (const char* outside : {"javascript:alert(1)", "//evil.example/", "https://evil.example/", "",
                              "/\\evil.example", " /x", "data:text/html,x"})
    CHECK(el("a", {{"href", outside}}).markup() == "<a href=\"#\"></a>");
  CHECK(el("form", {{"action", "/console/login"}}).markup() ==
        "<form action=\"/console/login\"></form>");
}

TEST_CASE("what is not seen is shown") {
  CHECK(visible("a\tb\nc") == "a\tb\nc");
  CHECK(visible(std::string_view("a\0b\r\x1b\x7f", 6)) == "a\\u{0000}b\\u{000D}\\u{001B}\\u{007F}");
  CHECK(visible("\u202egnp.exe") == "\\u{202E}gnp.exe");  // right-to-left override
  CHECK(visible("a\u200bb\u00a0c\ufeff") == "a\\u{200B}b\\u{00A0}c\\u{FEFF}");
  CHECK(visible("\U000e0041") == "\\u{E0041}");            // tag letter
  CHECK(visible("\u3164\u2800") == "\\u{3164}\\u{2800}");  // blank letters
  CHECK(visible("\xff\xc3(") == "\\xFF\\xC3(");
  CHECK(visible("p\u0430ypal.com") == "p\\u{0430}ypal.com");  // Cyrillic a
  CHECK(visible("\u0440\u0430y") == "\\u{0440}\\u{0430}y");
  CHECK(visible("\uff52m -rf") == "\\u{FF52}m -rf");
  CHECK(visible("5\u03a9, \u03b1 x") == "5\u03a9, \u03b1 x");  // no word of ASCII letters
  CHECK(visible("Grüße, мир, 世界 🙂") == "Grüße, мир, 世界 🙂");
}

// Whatever goes in: no markup comes out of it, and the result is one that browsers read alike.
TEST_CASE("property: no text becomes markup") {
  std::mt19937 random(20261123);
  const std::string pieces[] = {
      "<script>", "\"",   "'",      "&",       "&lt;",        "-->", "]]>",  "\0x",
      "\u202e",   "\xff", "</pre>", "onload=", "javascript:", "ü",   "\r\n", "`"};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto n = random() % 8; n > 0; --n) {
      if (random() % 3 == 0)
        text += static_cast<char>(random() & 0xff);
      else
        text += pieces[random() % std::size(pieces)];
    }
    const std::string inside = Html(text).markup();
    CHECK(inside.find_first_of("<>\"'") == std::string::npos);
    CHECK(valid_utf8(inside));
    for (const char c : inside) {
      const auto byte = static_cast<unsigned char>(c);
      CHECK_FALSE(((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f));
    }
    const std::string whole = el("p", {{"title", text}, {"href", text}}, {text}).markup();
    CHECK(std::count(whole.begin(), whole.end(), '<') == 2);
    CHECK(std::count(whole.begin(), whole.end(), '"') == 4);
  }
}

}  // namespace
}  // namespace remit::console
