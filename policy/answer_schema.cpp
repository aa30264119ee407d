#include "policy/answer_schema.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/document_schemas.h"

namespace remit::policy {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};

class Judge {
 public:
  Result<void> schema(const Json& schema, const std::string& at, int depth) {
    if (depth > limits::kAnswerSchemaDepth) {
      return refuse(
          at, "lies more than " + std::to_string(limits::kAnswerSchemaDepth) + " schemas deep");
    }
    if (++count_ > limits::kAnswerSchemaNodes) {
      return refuse(at, "is one schema too many; " + std::to_string(limits::kAnswerSchemaNodes) +
                            " are judged");
    }
    if (schema.is_boolean()) return {};
    if (!schema.is_object()) return refuse(at, "must be a schema: an object, true or false");
    for (const auto& [key, value] : schema.items())
      TRY_DO(keyword(key, value, at + "/" + pointer_token(key), depth));
    return {};
  }

 private:
  static Result<void> refuse(const std::string& at, const std::string& why) {
    return fail(ErrorKind::invalid_argument, why, at);
  }

  Result<void> keyword(const std::string& key, const Json& value, const std::string& at,
                       int depth) {
    if (key == "title" || key == "description" || key == "$schema")
      return value.is_string() ? Result<void>() : refuse(at, "must be a text");
    if (key == "type") return type(value, at);
    if (key == "enum") return constants(value, at);
    if (key == "const") return constants(Json::array({value}), at);
    if (key == "pattern") {
      const bool good = value.is_string() && is_schema_pattern(value.get_ref<const std::string&>());
      return good ? Result<void>() : refuse(at, "must be a regular expression of RE2");
    }
    if (key == "minLength" || key == "maxLength" || key == "minItems" || key == "minProperties")
      return value.is_number_integer() && value.get<std::int64_t>() >= 0
                 ? Result<void>()
                 : refuse(at, "must be a whole number");
    if (key == "required") {
      const bool names = value.is_array() && std::ranges::all_of(value, [](const Json& one) {
                           return one.is_string();
                         });
      return names ? Result<void>() : refuse(at, "must be a list of names");
    }
    if (key == "properties") {
      if (!value.is_object()) return refuse(at, "must be an object of schemas");
      for (const auto& [name, one] : value.items())
        TRY_DO(schema(one, at + "/" + pointer_token(name), depth + 1));
      return {};
    }
    if (key == "anyOf" || key == "oneOf" || key == "allOf") {
      if (!value.is_array() || value.empty()) return refuse(at, "must be a list of schemas");
      for (std::size_t n = 0; n < value.size(); ++n)
        TRY_DO(schema(value[n], at + "/" + std::to_string(n), depth + 1));
      return {};
    }
    if (key == "items" || key == "contains" || key == "additionalProperties" || key == "if" ||
        key == "then")
      return schema(value, at, depth + 1);
    return refuse(at,
                  "cannot be judged; an answer_schema knows type, properties, required, "
                  "additionalProperties, minProperties, items, minItems, contains, enum, const, "
                  "pattern, minLength, maxLength, anyOf, oneOf, allOf, if and then");
  }

  static Result<void> type(const Json& value, const std::string& at) {
    const Json list = value.is_array() ? value : Json::array({value});
    const bool known = !list.empty() && std::ranges::all_of(list, [](const Json& one) {
      return one.is_string() &&
             std::ranges::find(kTypes, one.get_ref<const std::string&>()) != kTypes.end();
    });
    if (known) return {};
    return refuse(at,
                  "must be object, array, string, number, integer, boolean, null or a list of "
                  "them");
  }

  // What can be compared with a value of an answer.
  static Result<void> constants(const Json& list, const std::string& at) {
    const bool simple =
        list.is_array() && !list.empty() && std::ranges::all_of(list, [](const Json& one) {
          return one.is_null() || one.is_string() || one.is_boolean() || one.is_number_integer();
        });
    if (simple) return {};
    return refuse(at, "must be texts, whole numbers, true, false or null");
  }

  std::size_t count_ = 0;
};

}  // namespace

Result<void> check_answer_schema(const Json& schema, const std::string& pointer) {
  const std::size_t bytes = dump(schema).size();
  if (bytes > limits::kAnswerSchemaBytes) {
    return fail(ErrorKind::too_large,
                "has " + human_bytes(bytes) + ", over the limit of " +
                    human_bytes(limits::kAnswerSchemaBytes),
                pointer);
  }
  return Judge().schema(schema, pointer, 0);
}

Result<void> check_answer(const Json& schema, std::string_view answer) {
  // JSON on one line is YAML, however it was laid out before.
  const auto json = parse_json(answer);
  DocumentSchema rules;
  rules.rules = std::make_shared<const Json>(schema);
  const auto fault = rules.check(json ? dump(*json) : std::string(answer));
  if (!fault) return {};
  return fail(ErrorKind::invalid_argument,
              "the answer must fit the sender's answer_schema: " +
                  (fault->pointer.empty() ? "it" : escape_ascii(fault->pointer)) + " " +
                  fault->rule + "; give it as JSON in text",
              "/text", "answer_invalid");
}

}  // namespace remit::policy
