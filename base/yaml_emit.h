// YAML that we write ourselves: block style, keys in the given order, every text double-quoted
// unless it can be read in no other way than as itself. Whatever a text holds, it comes back as
// that text from any YAML 1.1 or 1.2 reader (no `no`, `1e3`, `0x10`, anchors, tags or second
// documents). Pure. Malformed UTF-8 becomes U+FFFD; nesting beyond kYamlDepth is an error.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit {

// An object or array of JSON values as a YAML document.
Result<std::string> yaml_of(const nlohmann::ordered_json& value);

// One scalar: plain where that is safe, else double-quoted on one line.
std::string yaml_scalar(std::string_view text);

}  // namespace remit
