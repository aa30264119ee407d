// The part of YAML that configuration is usually written in, read in one pass: yaml-cpp costs about
// 750 instructions a byte, and a process reads some 30 KB of it before its first answer.
//
// Simple is: printable ASCII without tabs; a mapping at the left edge; block mappings and
// sequences; plain words as keys; values on one line, plain, quoted or in [] and {}. For such a
// text the tree is exactly the one that yaml-cpp's events give, positions included
// (tests/base/yaml_simple_test and the fuzz target compare the two). Everything else, every error
// and every bound that is exceeded gives nothing: parse() then asks yaml-cpp, whose verdict alone
// refuses a text.
//
// Pure function, reentrant.
#pragma once

#include <optional>
#include <string_view>

#include "base/yaml.h"

namespace remit::yaml {

std::optional<Node> parse_simple(std::string_view text, const Bounds& bounds);

// parse() without the above: what the two are compared by.
Parsed parse_any(std::string_view text, const Bounds& bounds);

}  // namespace remit::yaml
