// DocumentSchema::check(): one YAML tree against one JSON Schema 2020-12, as far as
// manifests/README.md names its keywords. DocumentSchemas::load() has refused any other.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <re2/re2.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/document_schemas.h"

namespace remit::policy {
namespace {

using Kind = yaml::Kind;
using Found = std::optional<DocumentFault>;

constexpr int kSchemaDepth = 64;  // $ref without a step into the document ends here

bool is_number(const yaml::Node& node) {
  double value = 0;
  const char* const end = node.text.data() + node.text.size();
  return node.plain && std::from_chars(node.text.data(), end, value).ptr == end &&
         !node.text.empty();
}

bool is_null(const yaml::Node& node) {
  return node.kind == Kind::null || (node.plain && (node.text == "null" || node.text == "~"));
}

bool has_type(const yaml::Node& node, std::string_view type) {
  if (type == "object") return node.kind == Kind::mapping;
  if (type == "array") return node.kind == Kind::sequence;
  if (type == "null") return is_null(node);
  if (node.kind != Kind::scalar || is_null(node)) return false;
  if (type == "string") return true;
  if (type == "boolean") return yaml::as_bool(node).has_value();
  if (type == "integer") return yaml::as_integer(node).has_value();
  return is_number(node);
}

bool equals(const yaml::Node& node, const Json& wanted) {
  if (wanted.is_null()) return is_null(node);
  if (node.kind != Kind::scalar) return false;
  if (wanted.is_string()) return node.text == wanted.get_ref<const std::string&>();
  if (wanted.is_boolean()) return yaml::as_bool(node) == wanted.get<bool>();
  return wanted.is_number_integer() && yaml::as_integer(node) == wanted.get<std::int64_t>();
}

std::string words(const Json& list) {
  std::vector<std::string> out;
  for (const Json& one : list) out.push_back(one.is_string() ? one.get<std::string>() : dump(one));
  return join_text(out, ", ");
}

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

class Checker {
 public:
  explicit Checker(const Json& root) : root_(root) {}

  Found check(const Json& schema, const yaml::Node& node, const std::string& pointer,
              int depth = 0) {
    const auto fault = [&](std::string rule) { return Found({pointer, std::move(rule), node.at}); };
    if (schema.is_boolean()) return schema.get<bool>() ? Found() : fault("must not be there");
    if (depth > kSchemaDepth) return fault("the schema refers to itself without end");
    if (const auto at = schema.find("$ref"); at != schema.end()) {
      const auto target = pointed(at->get_ref<const std::string&>());
      if (target == nullptr) return fault("the schema refers to what it does not hold");
      if (Found found = check(*target, node, pointer, depth + 1)) return found;
    }
    if (const auto type = schema.find("type"); type != schema.end()) {
      const Json list = type->is_array() ? *type : Json::array({*type});
      const bool fits = std::any_of(list.begin(), list.end(), [&](const Json& one) {
        return has_type(node, one.get_ref<const std::string&>());
      });
      if (!fits) return fault("must be of type " + words(list));
    }
    if (const auto list = schema.find("enum"); list != schema.end()) {
      if (std::none_of(list->begin(), list->end(),
                       [&](const Json& one) { return equals(node, one); })) {
        return fault("must be one of " + words(*list));
      }
    }
    if (const auto value = schema.find("const"); value != schema.end() && !equals(node, *value)) {
      return fault("must be " + words(Json::array({*value})));
    }
    const Found found = node.kind == Kind::scalar     ? check_text(schema, node, pointer)
                        : node.kind == Kind::sequence ? check_items(schema, node, pointer, depth)
                        : node.kind == Kind::mapping  ? check_entries(schema, node, pointer, depth)
                                                      : Found();
    return found ? found : check_branches(schema, node, pointer, depth);
  }

 private:
  const Json* pointed(const std::string& reference) const {
    if (!reference.starts_with("#")) return nullptr;
    const Json::json_pointer at(reference.substr(1));
    return root_.contains(at) ? &root_.at(at) : nullptr;
  }

  const RE2& compiled(const std::string& pattern) {
    auto& slot = patterns_[pattern];
    if (!slot) slot = std::make_unique<RE2>(pattern, quiet());
    return *slot;
  }

  Found check_text(const Json& schema, const yaml::Node& node, const std::string& pointer) {
    const auto fault = [&](std::string rule) { return Found({pointer, std::move(rule), node.at}); };
    const std::size_t chars = count_chars(node.text);
    if (const std::size_t least = schema.value("minLength", std::size_t{0}); chars < least) {
      return fault("must have at least " + std::to_string(least) + " characters");
    }
    if (const std::size_t most = schema.value("maxLength", chars); chars > most) {
      return fault("must have at most " + std::to_string(most) + " characters");
    }
    if (const auto pattern = schema.find("pattern"); pattern != schema.end()) {
      const RE2& wanted = compiled(pattern->get_ref<const std::string&>());
      if (!wanted.ok() || !RE2::PartialMatch(node.text, wanted)) {
        return fault("must match " + wanted.pattern());
      }
    }
    return {};
  }

  Found check_items(const Json& schema, const yaml::Node& node, const std::string& pointer,
                    int depth) {
    const auto fault = [&](std::string rule) { return Found({pointer, std::move(rule), node.at}); };
    if (const std::size_t least = schema.value("minItems", std::size_t{0});
        node.items.size() < least) {
      return fault("must have at least " + std::to_string(least) + " items");
    }
    if (const auto rule = schema.find("items"); rule != schema.end()) {
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (Found found = check(*rule, node.items[i], pointer + "/" + std::to_string(i), depth + 1))
          return found;
      }
    }
    if (const auto rule = schema.find("contains"); rule != schema.end()) {
      const bool any = std::any_of(
          node.items.begin(), node.items.end(),
          [&](const yaml::Node& item) { return !check(*rule, item, pointer, depth + 1); });
      if (!any) return fault("lacks an item that the schema asks for");
    }
    return {};
  }

  Found check_entries(const Json& schema, const yaml::Node& node, const std::string& pointer,
                      int depth) {
    const auto fault = [&](const std::string& at, std::string rule) {
      return Found({at, std::move(rule), node.at});
    };
    if (const auto names = schema.find("required"); names != schema.end()) {
      for (const Json& name : *names) {
        const auto& key = name.get_ref<const std::string&>();
        if (node.find(key) == nullptr)
          return fault(pointer + "/" + pointer_token(key), "is required");
      }
    }
    if (const std::size_t least = schema.value("minProperties", std::size_t{0});
        node.entries.size() < least) {
      return fault(pointer, "must have at least " + std::to_string(least) + " properties");
    }
    const auto properties = schema.find("properties");
    const auto others = schema.find("additionalProperties");
    for (const yaml::Entry& entry : node.entries) {
      const Json* rule = others != schema.end() ? &*others : nullptr;
      if (properties != schema.end()) {
        if (const auto known = properties->find(entry.key); known != properties->end())
          rule = &*known;
      }
      if (rule == nullptr) continue;
      const std::string at = pointer + "/" + pointer_token(entry.key);
      if (Found found = check(*rule, entry.value, at, depth + 1)) return found;
    }
    return {};
  }

  Found check_branches(const Json& schema, const yaml::Node& node, const std::string& pointer,
                       int depth) {
    if (const auto all = schema.find("allOf"); all != schema.end()) {
      for (const Json& one : *all) {
        if (Found found = check(one, node, pointer, depth + 1)) return found;
      }
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      const auto branches = schema.find(key);
      if (branches == schema.end()) continue;
      // What is told is the fault of the branch that got furthest into the document.
      std::size_t fitting = 0;
      Found furthest;
      for (const Json& one : *branches) {
        Found found = check(one, node, pointer, depth + 1);
        if (!found) ++fitting;
        if (found && (!furthest || found->pointer.size() > furthest->pointer.size()))
          furthest = std::move(found);
      }
      if (fitting == 0) return furthest;
      if (fitting > 1 && std::string_view(key) == "oneOf")
        return Found({pointer, "fits several forms", node.at});
    }
    const auto condition = schema.find("if"), then = schema.find("then");
    if (condition == schema.end() || then == schema.end()) return {};
    return check(*condition, node, pointer, depth + 1) ? Found()
                                                       : check(*then, node, pointer, depth + 1);
  }

  const Json& root_;
  std::map<std::string, std::unique_ptr<RE2>> patterns_;
};

// Two entries with one key would be one thing told twice.
Found repeated(const yaml::Node& root, const std::string& list_key, const std::string& unique_key) {
  const yaml::Node* list = root.kind == Kind::sequence ? &root : root.find(list_key);
  if (list == nullptr || unique_key.empty()) return {};
  const std::string above = list == &root ? "" : "/" + pointer_token(list_key);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const yaml::Node* key = list->items[i].find(unique_key);
    if (key == nullptr || key->kind != Kind::scalar || seen.insert(key->text).second) continue;
    return Found({above + "/" + std::to_string(i) + "/" + pointer_token(unique_key),
                  "must be unique in the list", key->at});
  }
  return {};
}

}  // namespace

bool is_schema_pattern(const std::string& pattern) {
  return RE2(pattern, quiet()).ok();
}

std::optional<DocumentFault> DocumentSchema::check(std::string_view body) const {
  const yaml::Parsed parsed =
      yaml::parse(body, {limits::kDocumentBytes, limits::kDocumentNodes, limits::kYamlDepth});
  if (!parsed.ok()) {
    // The parser's own words may quote the document.
    return DocumentFault{"", "must be YAML without anchors, tags and repeated keys",
                         parsed.problems.front().at};
  }
  try {
    if (Found found = Checker(*rules).check(*rules, parsed.root, "")) return found;
  } catch (const Json::exception& broken) {
    return DocumentFault{"", std::string("its schema is broken: ") + broken.what(), {}};
  }
  return list_key.empty() ? Found() : repeated(parsed.root, list_key, unique_key);
}

}  // namespace remit::policy
