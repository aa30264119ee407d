// The text of clients' files: one quoting for five languages, TOML both ways, JSON with comments.
#include "server/cli/client_formats.h"

#include <doctest/doctest.h>

#include "base/json.h"

namespace remit::server {
namespace {

TEST_CASE("quote_text: what every language reads alike") {
  CHECK(quote_text("a \"b\" \\ c") == R"("a \"b\" \\ c")");
  CHECK(quote_text("\n\r\t") == R"("\n\r\t")");
  CHECK(quote_text(std::string_view("\0\x1b\x7f", 3)) == R"("\u0000\u001b\u007f")");
  CHECK(quote_text("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf") ==
        R"("\u0085\u2028\u2029\ufeff")");
  CHECK(quote_text("\xc3\xa9\xf0\x9f\xa6\x80") == "\"\xc3\xa9\xf0\x9f\xa6\x80\"");
  const auto json = parse_json(quote_text("\x01 $HOME ${x} {env:Y} '"));
  REQUIRE(json);
  CHECK(*json == "\x01 $HOME ${x} {env:Y} '");
}

TEST_CASE("to_toml: scalars before tables, and back again") {
  const OrderedJson root = OrderedJson::parse(R"({
    "table": {"inner": {"x": 1}, "flag": true},
    "only": {"deeper": {"y": [1, 2]}},
    "text": "a\nb \"\"\" \\ \u0001 end",
    "odd key.": "v",
    "rule": [{"name": "*"}, {"name": ["a", "b"], "at": 9}]
  })");
  const std::string text = to_toml(root);
  CHECK(text.find("[only]\n") == std::string::npos);
  CHECK(text.find("\"odd key.\" = \"v\"\n") < text.find("[table]"));
  const auto read = parse_toml(text);
  REQUIRE(read);
  CHECK(*read == Json::parse(root.dump()));
}

TEST_CASE("parse_toml: the language as people write it") {
  const auto read = parse_toml(
      "# comment\r\n"
      "a.b.\"c d\" = 'raw \\n' # after\n"
      "list = [ 1, [2, 3],\n  'x', # inside\n ]\n"
      "date = 2026-01-10T14:00:00Z\n"
      "number = 1_000\nreal = -1.5e3\n"
      "inline = { x = 1, y.z = \"\\u00e9\\U0001F980\" }\n"
      "long = \"\"\"\nfirst \\\n   joined\n\"quoted\"\"\"\"\n"
      "raw = '''\n\\ '' '''\n"
      "[t.\"q\"]\nx = true\n[[many]]\nn = 1\n[[many]]\nn = 2\n[many.sub]\nk = 'v'\n");
  INFO((read ? std::string() : read.error().message));
  REQUIRE(read);
  CHECK((*read)["a"]["b"]["c d"] == "raw \\n");
  CHECK((*read)["list"] == Json({1, {2, 3}, "x"}));
  CHECK((*read)["date"] == "2026-01-10T14:00:00Z");
  CHECK((*read)["number"] == 1000);
  CHECK((*read)["real"] == -1500.0);
  CHECK((*read)["inline"]["y"]["z"] == "\xc3\xa9\xf0\x9f\xa6\x80");
  CHECK((*read)["long"] == "first joined\n\"quoted\"");
  CHECK((*read)["raw"] == "\\ '' ");
  CHECK((*read)["t"]["q"]["x"] == true);
  CHECK((*read)["many"][1] == Json({{"n", 2}, {"sub", {{"k", "v"}}}}));
}

TEST_CASE("parse_toml: what is no TOML, and what is too deep, is refused with its line") {
  for (const char* text : {"a", "a =", "a = 1 b = 2", "a = [1", "a = {x = 1", "[a", "a = \"x",
                           "a = 1\na = 2", "a = 1\n[a]\n", "a = \"\\q\"", "a = \"\\ud800\"", "= 1",
                           "a = 'x\n'", "\xff = 1", "a = word", "a = read-only", "a = +"}) {
    CAPTURE(text);
    CHECK(!parse_toml(text));
  }
  CHECK(*parse_toml("a = 2026-01-10T13:51:40Z\nb = -inf") ==
        Json({{"a", "2026-01-10T13:51:40Z"}, {"b", "-inf"}}));
  const auto refused = parse_toml("a = 1\n\nb = ]\n");
  REQUIRE(!refused);
  CHECK(refused.error().message.starts_with("line 3: "));
  CHECK(parse_toml("a = " + std::string(16, '[') + std::string(16, ']')));
  CHECK(!parse_toml("a = " + std::string(17, '[') + std::string(17, ']')));
  CHECK(!parse_toml("a = " + std::string(1'000'000, '[')));
  std::string keys = "k";
  for (int i = 0; i < 16; ++i) keys += ".k";
  CHECK(!parse_toml(keys + " = 1"));
}

TEST_CASE("without_comments: lines stay, strings stay, trailing commas go") {
  const std::string text =
      "{ // one\n  \"a\": \"// no /* comment */ \\\" ,]\", /* two\n three */\n  \"b\": [1, 2, "
      "],\n}\n";
  const std::string bare = without_comments(text);
  CHECK(bare.size() == text.size());
  const auto json = parse_json(bare);
  REQUIRE(json);
  CHECK((*json)["a"] == "// no /* comment */ \" ,]");
  CHECK((*json)["b"] == Json({1, 2}));
  CHECK(bare.find("\"b\"") == text.find("\"b\""));
  for (const char* end : {"/", "/*", "//", "\"", "\"\\", ",", "[1,/*"}) {
    CHECK(without_comments(end).size() == std::string_view(end).size());
  }
}

TEST_CASE("to_python: literals") {
  CHECK(to_python(OrderedJson({{"a", true}, {"b", nullptr}})) ==
        "{\n    \"a\": True,\n    \"b\": None,\n}");
  CHECK(to_python(OrderedJson::array()) == "[]");
}

}  // namespace
}  // namespace remit::server
