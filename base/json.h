// JSON at the edge: a bounded parse and a dump that cannot throw. Include this only where values
// are built or read; headers take <nlohmann/json_fwd.hpp>. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "base/result.h"

namespace remit {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

struct JsonBounds {
  int depth = limits::kJsonDepth;
  std::size_t values = limits::kJsonValues;
  bool refuse_duplicate_keys = false;  // at any level
  // If given: receives a key that stands twice in the outermost object, or in an object of the
  // outermost array, and the first value is kept. For the envelope of a message, which is refused
  // for that but must still be answered by its id.
  std::string* envelope_duplicate = nullptr;
  std::size_t* counted = nullptr;  // if given: receives how many values there are
};

// Parses strictly: depth and value count are checked while the values are read, so that no document
// deeper than the bound is ever built (copying or dumping a deep one overflows the stack); UTF-8
// only, no BOM, no NUL byte, no number that a double cannot hold. Errors: invalid_argument with the
// byte position; too_large with the limit.
Result<Json> parse_json(std::string_view text, const JsonBounds& bounds = {});

// Compact, invalid UTF-8 replaced: never throws.
std::string dump(const Json& value);
std::string dump(const OrderedJson& value);
std::string dump_pretty(const OrderedJson& value);

// Appends `text` as a JSON string with its quotes; malformed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// "a/b~c" -> "a~1b~0c" (RFC 6901).
std::string pointer_token(std::string_view key);

}  // namespace remit
