#include "tools/document_schemas.h"

#include "base/json.h"

namespace remit::tools {

Result<std::vector<EntryRule>> entry_rules_of(std::string_view schema_json, const memory::Bindings& bindings) {
  TRY(const Json schema, parse_json(schema_json));
  std::vector<EntryRule> rules;
  const std::string pointer = schema.value("x-remit-entry", "");
  if (pointer.size() < 2) return rules;
  for (const Json& path : schema.value("x-remit-paths", Json::array())) {
    if (!path.is_string()) continue;
    auto pattern = memory::DocPattern::compile(path.get<std::string>(), bindings);
    if (!pattern) continue;  // a placeholder that is not bound here
    rules.push_back({std::move(*pattern), pointer.substr(1), schema.value("x-remit-key", "")});
  }
  return rules;
}

}  // namespace remit::tools
