#include "policy/document_schemas.h"

#include <algorithm>
#include <array>

#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"

namespace remit::policy {
namespace {

constexpr std::string_view kSchemaEnding = ".json";

// What check() understands, and what only describes.
constexpr std::array<std::string_view, 29> kKeywords{"$schema",
                                                     "$id",
                                                     "$defs",
                                                     "$ref",
                                                     "title",
                                                     "description",
                                                     "type",
                                                     "enum",
                                                     "const",
                                                     "pattern",
                                                     "minLength",
                                                     "maxLength",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "minProperties",
                                                     "items",
                                                     "minItems",
                                                     "contains",
                                                     "anyOf",
                                                     "oneOf",
                                                     "allOf",
                                                     "if",
                                                     "then",
                                                     "x-remit-paths",
                                                     "x-remit-mode",
                                                     "x-remit-entry",
                                                     "x-remit-key",
                                                     "x-remit-complete"};

// A keyword that is ignored would be a rule that is not kept.
Result<void> know_keywords(const Json& schema) {
  if (schema.is_boolean()) return {};
  if (!schema.is_object())
    return fail(ErrorKind::invalid_argument, "a schema is an object or a boolean");
  for (const auto& [key, value] : schema.items()) {
    if (std::find(kKeywords.begin(), kKeywords.end(), key) == kKeywords.end()) {
      return fail(ErrorKind::invalid_argument, "unknown keyword " + key);
    }
    const bool named = key == "properties" || key == "$defs";
    const bool listed = key == "anyOf" || key == "oneOf" || key == "allOf";
    if (named || listed) {
      for (const Json& one : value) TRY_DO(know_keywords(one));
    } else if (key == "items" || key == "contains" || key == "if" || key == "then" ||
               key == "additionalProperties") {
      TRY_DO(know_keywords(value));
    }
  }
  return {};
}

Result<DocumentSchema> schema_of(std::string_view text, const memory::Bindings& bindings) {
  TRY(Json rules, parse_json(text));
  TRY_DO(know_keywords(rules));
  DocumentSchema out;
  const std::string mode = rules.value("x-remit-mode", "enforce");
  if (mode != "enforce" && mode != "warn")
    return fail(ErrorKind::invalid_argument, "x-remit-mode is enforce or warn");
  out.enforced = mode == "enforce";
  const std::string list = rules.value("x-remit-entry", "");
  if (list.size() > 1) out.list_key = list.substr(1);
  out.unique_key = rules.value("x-remit-key", "");
  for (const Json& path : rules.value("x-remit-paths", Json::array())) {
    if (!path.is_string())
      return fail(ErrorKind::invalid_argument, "x-remit-paths is a list of patterns");
    auto pattern = memory::DocPattern::compile(path.get<std::string>(), bindings);
    if (!pattern && pattern.error().code != "not_bound")
      return tl::unexpected<Error>(pattern.error());
    if (pattern) out.paths.push_back(std::move(*pattern));
  }
  out.rules = std::make_shared<const Json>(std::move(rules));
  return out;
}

}  // namespace

Result<DocumentSchemas> DocumentSchemas::load(const std::string& folder,
                                              const memory::Bindings& bindings) {
  std::vector<std::string> names;
  TRY(const Fd directory, fs::open_root(folder));
  TRY_DO(fs::list_directory(directory, [&](std::string_view name, unsigned char) {
    if (name.ends_with(kSchemaEnding) && !name.starts_with('.')) names.emplace_back(name);
    return true;
  }));
  std::sort(names.begin(), names.end());
  DocumentSchemas out;
  for (const std::string& name : names) {
    TRY(const std::string text, fs::read_file(fs::join(folder, name), limits::kManifestBytes));
    auto schema = schema_of(text, bindings);
    if (!schema)
      return fail(ErrorKind::invalid_argument, "schemas/" + name + ": " + schema.error().message);
    schema->name = name.substr(0, name.size() - kSchemaEnding.size());
    out.all_.push_back(std::move(*schema));
  }
  return out;
}

bool DocumentSchema::declares(std::string_view property) const {
  std::vector<const Json*> open{rules.get()};
  while (!open.empty()) {
    const Json& at = *open.back();
    open.pop_back();
    const auto properties = at.is_object() ? at.find("properties") : at.end();
    if (at.is_object() && properties != at.end() && properties->contains(property)) return true;
    if (!at.is_structured()) continue;
    for (const Json& inner : at) open.push_back(&inner);
  }
  return false;
}

const DocumentSchema* DocumentSchemas::of(std::string_view path) const {
  const DocumentSchema* found = nullptr;
  for (const DocumentSchema& schema : all_) {
    const bool fits = std::any_of(schema.paths.begin(), schema.paths.end(),
                                  [&](const auto& pattern) { return pattern.matches(path); });
    if (fits && schema.enforced) return &schema;
    if (fits && found == nullptr) found = &schema;  // one that only describes hides none that rules
  }
  return found;
}

}  // namespace remit::policy
