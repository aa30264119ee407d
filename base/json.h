// JSON at the edge: a bounded parse and a dump that cannot throw. Include this only where values are
// built or read; headers take <nlohmann/json_fwd.hpp>.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

struct JsonBounds {
  int depth = 128;
  std::size_t values = 200'000;
  bool refuse_duplicate_keys = false;  // at any level; the envelope of a message always refuses
};

// Parses strictly: bounded depth and value count by a SAX pass before any DOM (a deep DOM overflows
// the stack when copied), UTF-8 only, no BOM, no number that a double cannot hold. Errors:
// invalid_argument with the byte position; too_large with the limit's name.
Result<Json> parse_json(std::string_view text, const JsonBounds& bounds = {});

// Compact, invalid UTF-8 replaced: never throws.
std::string dump(const Json& value);
std::string dump(const OrderedJson& value);
std::string dump_pretty(const OrderedJson& value);

// "a/b~c" -> "a~1b~0c" (RFC 6901).
std::string pointer_token(std::string_view key);

}  // namespace remit
