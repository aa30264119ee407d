// answer_schema of a consult: what the answer must look like, as the sender says it. The subset of
// JSON Schema that documents are judged by (manifests/README.md), without references and bounded in
// size and depth, so that judging an answer ends soon whatever was sent. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace remit::policy {

// Errors: invalid_argument; `where` points at the part of the schema that cannot be judged, beneath
// `pointer`. Nothing that is let through is ignored later.
Result<void> check_answer_schema(const nlohmann::json& schema, const std::string& pointer);

// `answer`: JSON, or YAML. Errors: invalid_argument with code "answer_invalid", naming the place in
// the answer and the rule that it breaks.
Result<void> check_answer(const nlohmann::json& schema, std::string_view answer);

}  // namespace remit::policy
