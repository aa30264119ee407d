// YAML as Remit accepts it: a small tree of text, read from yaml-cpp's event stream (included only
// in yaml.cpp). Scalars stay the text that was written: `no` is "no" and `012` is "012"; whoever
// needs a boolean or a number asks for it and gets an error otherwise.
//
// Refused, each with its position: anchors, aliases and merge keys (an alias bomb is cheap to load
// and costly to walk), tags and directives, duplicate keys (yaml-cpp would keep the first
// silently), keys that are not text, a second document, control characters, invalid UTF-8, and
// whatever exceeds the bounds. A text with any problem has no tree: nothing of it can be used by
// mistake.
//
// Positions count from 1; columns are UTF-8 bytes. Pure functions, reentrant.
//
//   yaml::Parsed parsed = yaml::parse("a: [1, 2]\n", {});
//   if (parsed.ok()) parsed.root.find("a")->items[0].text == "1";
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace remit::yaml {

struct Position {
  int line = 1;
  int col = 1;
  bool operator==(const Position&) const = default;
  auto operator<=>(const Position&) const = default;
};

struct Entry;

enum class Kind { null, scalar, sequence, mapping };
const char* to_string(Kind kind);

struct Node {
  Kind kind = Kind::null;
  std::string text;    // scalar: its text
  bool plain = false;  // scalar: written without quotes
  Position at;
  std::vector<Node> items;                       // sequence
  std::vector<Entry> entries;                    // mapping, in source order
  const Node* find(std::string_view key) const;  // of a mapping; nullptr: no such key
};

struct Entry {
  std::string key;
  Position key_at;
  Node value;
};

// Why a text was refused. The order is that of the E-FM codes (policy/lint/diagnostics.h).
enum class Fault {
  syntax,
  duplicate_key,
  alias,    // anchor, alias or merge key
  tag,      // tag or directive
  control,  // control character, U+2028, U+2029
  size,
  depth,  // depth or number of nodes
  second_document,
  not_utf8,
  key_type,  // a key that is not text
};

struct Problem {
  Fault fault = Fault::syntax;
  std::string message;
  Position at;
};

struct Bounds {
  std::size_t bytes = limits::kManifestBytes;
  std::size_t nodes = limits::kYamlNodes;
  int depth = limits::kYamlDepth;
};

struct Parsed {
  Node root;                      // Kind::null for an empty text
  std::vector<Problem> problems;  // in source order
  bool ok() const { return problems.empty(); }
};

Parsed parse(std::string_view text, const Bounds& bounds = {});

// The strict readings of a scalar. Only `true` and `false`, unquoted; only decimal digits with an
// optional leading '-', no leading zero.
std::optional<bool> as_bool(const Node& node);
std::optional<std::int64_t> as_integer(const Node& node);

// `text` as a double-quoted YAML scalar on one line.
std::string quoted(std::string_view text);

// One code point of well-formed UTF-8 at `offset`; *length is its bytes (1 for a malformed byte,
// which is returned as U+FFFD).
char32_t code_point(std::string_view text, std::size_t offset, std::size_t* length);

// C0 other than TAB, LF and CR; DEL; C1; U+2028 and U+2029: what front matter may not hold.
bool is_refused_control(char32_t c);

}  // namespace remit::yaml
