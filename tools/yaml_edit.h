// Typed edits of a YAML document, made in its text so that comments and layout of others survive:
// add one item to a list, set one key. The result is parsed again and compared before it is used,
// so an edit that did anything else than asked is an error and never a document. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit::tools {

// Adds `entry` (an object) to the list under the top-level key `list_key`, making it when absent; a
// document that is a list itself gets the item at its end. `unique_key` ("" = none): an item with
// the same value there is a conflict, code "exists". Errors: invalid_argument, code
// "schema_invalid", if the document is not such YAML or writes its list in flow style.
Result<std::string> add_entry(std::string_view document, std::string_view list_key,
                              const nlohmann::json& entry, std::string_view unique_key);

// Sets one top-level key to a scalar: a new key at the end, or in place of an existing scalar on
// one line. `pointer` is "/key". Errors as above.
Result<std::string> set_key(std::string_view document, std::string_view pointer,
                            const nlohmann::json& value);

}  // namespace remit::tools
