// Capabilities (manifests/capabilities.yaml): which diagnostics a capability of the front matter
// brings. '-' and '_' are the same. Immutable once read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::policy {

struct Capabilities {
  std::map<std::string, std::vector<std::string>, std::less<>> by_name;
  // nullptr: unknown. An empty list: known, brings no diagnostic.
  const std::vector<std::string>* find(std::string_view capability) const;
};

// Errors: invalid_argument with file:line:col.
Result<Capabilities> parse_capabilities(std::string file, std::string_view text);

}  // namespace remit::policy
