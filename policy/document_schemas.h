// What the known documents of Agent_Memory must look like: manifests/schemas/*.json, read once at
// start and immutable. Which documents a schema judges, whether it is enforced, and the list that
// memory_write's op `entry` extends (manifests/README.md has the words).
//
// Threads: immutable once loaded. check() is pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/yaml.h"
#include "memory/doc_path.h"

namespace remit::policy {

// The first rule of its schema that a document breaks.
struct DocumentFault {
  std::string pointer;  // JSON pointer, "" for the whole document
  std::string rule;  // "is required", "must be one of open, fixed"; holds nothing of the document
  yaml::Position at;
};

struct DocumentSchema {
  std::string name;  // file name without ".json"
  std::vector<memory::DocPattern> paths;
  bool enforced = false;
  std::string list_key;    // "issues"; empty: no list
  std::string unique_key;  // of its entries, "id"; empty: none
  std::shared_ptr<const nlohmann::json> rules;

  // nullopt: `body` is YAML that fits. Plain scalars are text, and also the integer, number or
  // boolean that they read as.
  std::optional<DocumentFault> check(std::string_view body) const;

  // Whether some object of this schema has a property of this name: it may be told to who may not
  // read the document, since the schema is no secret.
  bool declares(std::string_view property) const;
};

// Whether check() can match texts against this pattern.
bool is_schema_pattern(const std::string& pattern);

class DocumentSchemas {
 public:
  // Reads every *.json of `folder`. Placeholders of x-remit-paths are filled from `bindings`; a
  // path that is not bound names no document. Errors: those of reading; invalid_argument naming the
  // file for what is no schema, or one with a keyword that check() does not know.
  static Result<DocumentSchemas> load(const std::string& folder, const memory::Bindings& bindings);

  // The schema of this document, or nullptr.
  const DocumentSchema* of(std::string_view path) const;

 private:
  std::vector<DocumentSchema> all_;
};

}  // namespace remit::policy
