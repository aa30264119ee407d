// Which list memory_write's op `entry` extends in which document: manifests/schemas/*.json with
// x-remit-entry, loaded once at start. Threads: set_document_schemas() before serving, then read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/doc_path.h"

namespace remit::tools {

struct EntryRule {
  memory::DocPattern pattern;
  std::string list_key;    // "issues"
  std::string unique_key;  // "id", or ""
};

// Reads one schema file's text; a schema without x-remit-entry gives no rule.
Result<std::vector<EntryRule>> entry_rules_of(std::string_view schema_json, const memory::Bindings& bindings);

}  // namespace remit::tools
