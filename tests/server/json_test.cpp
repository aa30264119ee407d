#include "base/json.h"

#include <string>

#include <doctest/doctest.h>

namespace remit {
namespace {

TEST_CASE("parse_json keeps to its bounds, at the bound and one beyond") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(parse_json(nested(128)));
  CHECK(parse_json(nested(129)).error().kind == ErrorKind::too_large);
  CHECK(parse_json(std::string(100'000, '[')).error().kind == ErrorKind::too_large);
  JsonBounds few;
  few.values = 3;
  CHECK(parse_json("[1,2]", few));
  CHECK(parse_json("[1,2,3]", few).error().kind == ErrorKind::too_large);
}

TEST_CASE("parse_json refuses what JSON is not") {
  const std::string nul("{}\0{}", 5);
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[1,]"), std::string("{} x"), nul,
        std::string("\xEF\xBB\xBF{}"), std::string("\"\xff\""), std::string("1e400"),
        std::string("\"\xed\xa0\x80\""), std::string("nan"), std::string("'a'")}) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == ErrorKind::invalid_argument);
    CHECK(parsed.error().message.rfind("not valid JSON at byte ", 0) == 0);
  }
}

TEST_CASE("duplicate keys: refused when asked, reported for an envelope") {
  JsonBounds strict;
  strict.refuse_duplicate_keys = true;
  CHECK_FALSE(parse_json(R"({"a":{"b":1,"\u0062":2}})", strict));
  std::string twice;
  JsonBounds envelope;
  envelope.envelope_duplicate = &twice;
  const auto kept = parse_json(R"({"id":1,"\u0069d":{"x":[2]},"m":3})", envelope);
  REQUIRE(kept);
  CHECK(dump(*kept) == R"({"id":1,"m":3})");
  CHECK(twice == "id");
  twice.clear();
  CHECK(parse_json(R"({"params":{"b":1,"b":2}})", envelope));
  CHECK(twice.empty());
  CHECK(parse_json(R"([{"a":1,"a":2}])", envelope));
  CHECK(twice == "a");
}

TEST_CASE("append_json_string writes what the parser reads back") {
  std::string text =
      "quote\" back\\ tab\t nl\n bell\x07 euro\xE2\x82\xAC face\xF0\x9F\x98\x80 del\x7F";
  std::string out;
  append_json_string(out, text);
  const auto parsed = parse_json(out);
  REQUIRE(parsed);
  CHECK(parsed->get<std::string>() == text);
  out.clear();
  append_json_string(out, "a\xFFz\xED\xA0\x80");
  REQUIRE(parse_json(out));
  CHECK(out.find("\xEF\xBF\xBD") != std::string::npos);
}

TEST_CASE("pointer_token escapes as RFC 6901 says") {
  CHECK(pointer_token("a/b~c") == "a~1b~0c");
}

}  // namespace
}  // namespace remit
