#include "base/yaml.h"

#include <string>

#include <doctest/doctest.h>

using namespace remit;
using yaml::Fault;

namespace {

std::string fault(std::string_view text, const yaml::Bounds& bounds = {}) {
  const yaml::Parsed parsed = yaml::parse(text, bounds);
  if (parsed.ok()) return "ok";
  CHECK(parsed.root.kind == yaml::Kind::null);  // nothing of a refused text can be used
  const yaml::Problem& first = parsed.problems.front();
  return std::to_string(static_cast<int>(first.fault)) + " " + std::to_string(first.at.line) + ":" +
         std::to_string(first.at.col);
}

std::string at(Fault kind, const char* place) {
  return std::to_string(static_cast<int>(kind)) + " " + place;
}

}  // namespace

TEST_CASE("scalars stay the text that was written") {
  const yaml::Parsed parsed = yaml::parse("a: no\nb: 012\nc: 'yes'\nd: [1, ~]\ne:\n");
  REQUIRE(parsed.ok());
  CHECK(parsed.root.find("a")->text == "no");
  CHECK(parsed.root.find("a")->plain);
  CHECK(parsed.root.find("b")->text == "012");
  CHECK_FALSE(parsed.root.find("c")->plain);
  CHECK(parsed.root.find("d")->items[0].text == "1");
  CHECK(parsed.root.find("d")->items[1].kind == yaml::Kind::null);
  CHECK(parsed.root.find("e")->kind == yaml::Kind::null);
  CHECK(parsed.root.find("f") == nullptr);
}

TEST_CASE("positions count bytes, from 1") {
  const yaml::Parsed parsed = yaml::parse("a: 1\n\"\xC3\xA9\xC3\xA9\": {k: [x, \"y\"]}\n");
  REQUIRE(parsed.ok());
  const yaml::Entry& entry = parsed.root.entries[1];
  CHECK(entry.key == "\xC3\xA9\xC3\xA9");
  CHECK(entry.key_at == yaml::Position{2, 1});
  CHECK(entry.value.at == yaml::Position{2, 9});
  CHECK(entry.value.find("k")->items[1].at == yaml::Position{2, 17});
}

TEST_CASE("what is refused, and where") {
  CHECK(fault("a: b: c\n") == at(Fault::syntax, "1:5"));
  CHECK(fault("a: 1\na: 2\n") == at(Fault::duplicate_key, "2:1"));
  CHECK(fault("x: {a: 1, b: 2, a: 3}\n") == at(Fault::duplicate_key, "1:17"));
  CHECK(fault("a: \"open\nb: c\n") == at(Fault::syntax, "1:4"));
  CHECK(fault("a: 'it''s\n") == at(Fault::syntax, "1:4"));
  CHECK(fault("a: \"x\\\"\n") == at(Fault::syntax, "1:4"));
  CHECK(fault("\"a\n").starts_with(at(Fault::syntax, "")));
  CHECK(fault("a: 'it''s'\nb: \"\\\"\"\nc: it's \"so\n") == "ok");
  CHECK(fault("a: &x 1\n") == at(Fault::alias, "1:4"));
  CHECK(fault("a: &x 1\nb: *x\n").starts_with(at(Fault::alias, "1")));
  CHECK(fault("a: {<<: 1}\n") == at(Fault::alias, "1:5"));
  CHECK(fault("a: !!str 1\n").starts_with(at(Fault::tag, "1")));
  CHECK(fault("a: !local {b: 1}\n").starts_with(at(Fault::tag, "1")));
  CHECK(fault("%YAML 1.2\n---\na: 1\n") == at(Fault::tag, "1:1"));
  CHECK(fault("a: 1\n--- \nb: 2\n").starts_with(at(Fault::second_document, "")));
  CHECK(fault("a: \x01\n") == at(Fault::control, "1:4"));
  CHECK(fault("a: \xC2\x85\n") == at(Fault::control, "1:4"));
  CHECK(fault("a: \xE2\x80\xA8\n") == at(Fault::control, "1:4"));
  CHECK(fault("a: x\ry: z\n") == at(Fault::control, "1:5"));
  CHECK(fault("a: \xFF\n") == at(Fault::not_utf8, "1:4"));
  CHECK(fault(std::string_view("a: \0b", 5)) == at(Fault::control, "1:4"));
  CHECK(fault("1: a\n") == at(Fault::key_type, "1:1"));
  CHECK(fault("true: a\n") == at(Fault::key_type, "1:1"));
  CHECK(fault("? [a]\n: b\n").starts_with(at(Fault::key_type, "")));
  CHECK(fault("~: a\n") == at(Fault::key_type, "1:1"));
  CHECK(fault("'1': a\n") == "ok");
  CHECK(fault("a: x\r\nb: y\r\n") == "ok");
  // UTF-16 would be decoded silently by the library.
  CHECK(fault(std::string_view("\xFE\xFF\0a\0:\0 \0b", 10)) == at(Fault::not_utf8, "1:1"));
}

TEST_CASE("every problem of a text, in order") {
  const yaml::Parsed parsed = yaml::parse("a: &x 1\nb: 2\nb: !t 3\n");
  REQUIRE(parsed.problems.size() == 3);
  CHECK(parsed.problems[0].fault == Fault::alias);
  CHECK(parsed.problems[1].fault == Fault::duplicate_key);
  CHECK(parsed.problems[2].fault == Fault::tag);
}

TEST_CASE("bounds hold at the limit and refuse one more") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(fault(nested(16)) == "ok");
  CHECK(fault(nested(17)).starts_with(at(Fault::depth, "")));
  const yaml::Bounds few{.bytes = 100, .nodes = 4, .depth = 4};
  CHECK(fault("[a, b, c]", few) == "ok");
  CHECK(fault("[a, b, c, d]", few).starts_with(at(Fault::depth, "")));
  CHECK(fault(std::string(100, 'a'), few) == "ok");
  CHECK(fault(std::string(101, 'a'), few) == at(Fault::size, "1:1"));
}

TEST_CASE("an alias bomb and a mountain of brackets end early") {
  std::string bomb = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [*" + static_cast<char>(c - 1) + ", *" +
            static_cast<char>(c - 1) + "]\n";
  }
  CHECK(fault(bomb).starts_with(at(Fault::alias, "")));
  CHECK(fault("a: &a [*a]\n").starts_with(at(Fault::alias, "")));
  for (const char c : {'[', '{', '?', '-', '&', '*', '!', '\'', '"', '|', '%', ':', '#', ','}) {
    const std::string text(64u << 10, c);
    CAPTURE(c);
    (void)yaml::parse(text, {.bytes = 64u << 10});
    std::string spaced;
    for (int i = 0; i < 8000; ++i) spaced += std::string(1, c) + " ";
    (void)yaml::parse(spaced);
  }
}

TEST_CASE("booleans and numbers are read strictly") {
  const auto node = [](std::string_view text) { return yaml::parse(text).root; };
  CHECK(yaml::as_bool(node("true")) == true);
  CHECK(yaml::as_bool(node("false")) == false);
  CHECK_FALSE(yaml::as_bool(node("yes")).has_value());
  CHECK_FALSE(yaml::as_bool(node("True")).has_value());
  CHECK_FALSE(yaml::as_bool(node("'true'")).has_value());
  CHECK(yaml::as_integer(node("12")) == 12);
  CHECK(yaml::as_integer(node("-3")) == -3);
  CHECK(yaml::as_integer(node("0")) == 0);
  CHECK_FALSE(yaml::as_integer(node("012")).has_value());
  CHECK_FALSE(yaml::as_integer(node("1.5")).has_value());
  CHECK_FALSE(yaml::as_integer(node("0x10")).has_value());
  CHECK_FALSE(yaml::as_integer(node("99999999999999999999")).has_value());
  CHECK_FALSE(yaml::as_integer(node("'1'")).has_value());
}

TEST_CASE("quoted() survives a round trip") {
  for (const std::string text :
       {"a: b", "\"", "\\", "tab\there", "`x`", "line\nbreak", "\xC3\xA9"}) {
    const yaml::Parsed parsed = yaml::parse("k: " + yaml::quoted(text) + "\n");
    REQUIRE(parsed.ok());
    CHECK(parsed.root.find("k")->text == text);
  }
}
