#include "base/yaml_simple.h"

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "base/fs.h"

using namespace remit;

namespace {

// Kind, position and text of every node, on one line.
std::string shape(const yaml::Node& node) {
  std::string out = std::string(to_string(node.kind)) + "@" + std::to_string(node.at.line) + ":" +
                    std::to_string(node.at.col);
  if (node.kind == yaml::Kind::scalar) out += (node.plain ? " " : " !") + node.text;
  for (const yaml::Node& item : node.items) out += " [" + shape(item) + "]";
  for (const yaml::Entry& entry : node.entries) {
    out += " {" + entry.key + "@" + std::to_string(entry.key_at.line) + ":" +
           std::to_string(entry.key_at.col) + " " + shape(entry.value) + "}";
  }
  return out;
}

bool read_alike(std::string_view text, const yaml::Bounds& bounds = {}) {
  const auto simple = yaml::parse_simple(text, bounds);
  if (!simple) return false;
  const yaml::Parsed any = yaml::parse_any(text, bounds);
  REQUIRE(any.ok());
  CHECK(shape(*simple) == shape(any.root));
  return true;
}

}  // namespace

TEST_CASE("simple texts are read in one pass, as yaml-cpp reads them") {
  for (const char* text : {
           "a: b",
           "a: b\n",
           "# c\n\n  # d\na: b   # e\n",
           "a: b c  d\nb: x:y http://z/?q#r\n",
           "a: 'it''s'\nb: \"q \\\\ \\\" # r\"\nc: ''\n",
           "a: []\nb: {}\nc: [ ]\nd: [x, \"y, z\", [1, -2], {k: v, l: [m]}]\n",
           "a: {b: c d, e: 'f'}  # g\n",
           "a:\n  b:\n    c: d\n  e: f\ng: h\n",
           "a:\n- b\n- c\nd: e\n",
           "a:\n    - b # c\n    -   d: 1\n        e: 2\n    - f: [g]\n",
           "a:\n  - b:\n      c: d\n    e:\n    - f\n  - g\nh: i\n",
           "a: -1\nb: .5\nc: /x y/\nd: 012\ne: no\nf: a'b\"c[d]{e},f\n",
           "a: x #y\nb: x# y\nc: 1\n",
       }) {
    CAPTURE(text);
    CHECK(read_alike(text));
  }
}

TEST_CASE("everything else is left to yaml-cpp") {
  for (const char* text : {
           "",
           "# only\n",
           "- a\n",
           " a: b\n",
           "a\n",
           "a:b\n",
           "a : b\n",
           "a:\n",
           "a:\nb: c\n",
           "a: null\n",
           "a: ~\n",
           "a: # c\n",
           "a: [~]\n",
           "a: [b,]\n",
           "a: b\n  c\n",
           "a: b\n  c: d\n",
           "a: b: c\n",
           "a: b:\n",
           "a: 'b\n",
           "a: 'b' c\n",
           "a: \"b\n  c\"\n",
           "a: \"\\n\"\n",
           "a: |\n  b\n",
           "a: >-\n  b\n",
           "a: &x b\n",
           "a: *x\n",
           "a: !t b\n",
           "a: @b\n",
           "a: `b\n",
           "a: %b\n",
           "a: ?b\n",
           "a: [b\n  , c]\n",
           "a: [b: c]\n",
           "a: [b]#c\n",
           "a: [b] c\n",
           "a: {b}\n",
           "a: {b:c}\n",
           "a: {\"b\": c}\n",
           "a: 1\na: 2\n",
           "a: {b: 1, b: 2}\n",
           "true: a\n",
           "null: a\n",
           "1: a\n",
           "<<: a\n",
           "\"a\": b\n",
           "a: b\n---\nc: d\n",
           "---\na: b\n",
           "%YAML 1.2\na: b\n",
           "a:\tb\n",
           "a: b\r\n",
           "a: \xc3\xa9\n",
           "a: \x01\n",
           "a:\n  - b\n - c\n",
           "a:\n  b: 1\n c: 2\n",
           "a:\n  b: 1\n  - c\n",
           "a:\n- - b\n",
           "a:\n-\n  b\n",
           "a: - b\n",
       }) {
    CAPTURE(text);
    CHECK_FALSE(yaml::parse_simple(text, {}));
  }
}

TEST_CASE("the bounds hold as they do for yaml-cpp") {
  const std::string text = "a: [x, y]\nb:\n  - c: {d: e}\n";
  for (std::size_t nodes = 1; nodes < 16; ++nodes) {
    const yaml::Bounds bounds{64, nodes, 9};
    CHECK(read_alike(text, bounds) == yaml::parse_any(text, bounds).ok());
  }
  for (int depth = 1; depth < 7; ++depth) {
    const yaml::Bounds bounds{64, 99, depth};
    CHECK(read_alike(text, bounds) == yaml::parse_any(text, bounds).ok());
  }
  CHECK_FALSE(yaml::parse_simple(text, {text.size() - 1, 99, 9}));
  CHECK(read_alike(text, {text.size(), 99, 9}));
}

TEST_CASE("what every start reads is simple") {
  const char* const source = std::getenv("REMIT_SOURCE");
  REQUIRE(source != nullptr);
  const std::string folder = std::string(source) + "/manifests/";
  for (const char* name : {"site.yaml", "directory.yaml", "capabilities.yaml", "labels.yaml",
                           "exec/default.yaml", "sandbox/default.yaml", "sandbox/reproduce.yaml",
                           "../agent_definitions/technical-support-engineer.manifest.yaml"}) {
    CAPTURE(name);
    const auto text = fs::read_file(folder + name, 1u << 20);
    REQUIRE(text.has_value());
    CHECK(read_alike(*text));
  }
}
