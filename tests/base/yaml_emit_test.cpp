#include "base/yaml_emit.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"

namespace remit {
namespace {

TEST_CASE("every text comes back as itself from a reader") {
  const std::string texts[] = {"plain words",
                               "no",
                               "Yes",
                               "NULL",
                               "~",
                               "y",
                               "1",
                               "0x1f",
                               "1e3",
                               "1_000",
                               "12:30:45",
                               "2026-07-28",
                               ".inf",
                               "a: b",
                               "a #b",
                               "- x",
                               "? x",
                               "*alias",
                               "&anchor",
                               "!tag",
                               "|",
                               ">",
                               "%YAML 1.2",
                               "---",
                               "...",
                               "'single'",
                               "\"double\"",
                               "back\\slash",
                               "line\nbreak",
                               "tab\tbed",
                               "",
                               " lead",
                               "trail ",
                               "{flow}",
                               "[flow]",
                               "a,b",
                               "@at",
                               "`tick",
                               "\x01\x1b[31m",
                               "\x7f",
                               "caf\xc3\xa9",
                               "\xf0\x9f\x92\xa5",
                               "\xc2\x85next",
                               "\xe2\x80\xa8sep",
                               "\xef\xbb\xbf"
                               "bom",
                               "\xc2\x9b"
                               "c1",
                               "<<",
                               "=",
                               "key:",
                               "0o17",
                               "NaN",
                               "01KA7Y5W0Z3T8N6Q4M2P1R9S7V",
                               "a//b/c.yaml"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    const std::string yaml = yaml_of(OrderedJson{{"key", text}, {"list", {text, text}}}).value();
    const yaml::Parsed parsed = yaml::parse(yaml);
    REQUIRE(parsed.ok());
    CHECK(parsed.root.find("key")->text == text);
    CHECK(parsed.root.find("list")->items.at(1).text == text);
    if (parsed.root.find("key")->plain)
      CHECK(yaml::as_bool(*parsed.root.find("key")) == std::nullopt);
  }
  CHECK(yaml_scalar("no") == "\"no\"");
  CHECK(yaml_scalar("plain words") == "plain words");
  CHECK(yaml_scalar("\xef\xbf\xbe\xef\xbf\xbf") ==
        "\"\\ufffe\\uffff\"");  // readers refuse them bare
  CHECK(yaml_scalar("bad \xff byte") == "\"bad \xef\xbf\xbd byte\"");
}

TEST_CASE("keys are texts too, and structure keeps its order") {
  const OrderedJson value = {{"b: c", 1},
                             {"a", {{"x", true}, {"y", nullptr}, {"z", OrderedJson::array()}}},
                             {"list", OrderedJson::array({OrderedJson{{"k", "v"}, {"l", 2.5}}})}};
  CHECK(yaml_of(value).value() ==
        "\"b: c\": 1\na:\n  x: true\n  \"y\": null\n  z: []\nlist:\n  -\n    k: v\n    l: 2.5\n");
  CHECK(yaml::parse(yaml_of(value).value()).ok());
}

TEST_CASE("depth is bounded, a bare scalar is no document") {
  OrderedJson deep = "x";
  for (int n = 0; n < limits::kYamlDepth; ++n) deep = OrderedJson{{"k", deep}};
  CHECK(yaml_of(deep));
  CHECK(!yaml_of(OrderedJson{{"k", deep}}));
  CHECK(!yaml_of(OrderedJson("x")));
}

}  // namespace
}  // namespace remit
