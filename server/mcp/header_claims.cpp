#include "server/mcp/header_claims.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "server/mcp/eras.h"

namespace remit::mcp {
namespace {

constexpr std::string_view kEncodedPrefix = "=?base64?";
constexpr std::string_view kEncodedSuffix = "?=";

RpcError mismatch(std::string_view field, std::string_view problem) {
  return {kHeaderMismatch, "header mismatch: " + std::string(field) + " " + std::string(problem)};
}

RpcError differs(std::string_view field, std::string_view received, std::string_view body) {
  return mismatch(field, "is " + quoted_input(received) + " but the body says " +
                             quoted_input(body) + "; both must name the same");
}

RpcError missing(std::string_view field, std::string_view body) {
  return mismatch(field, "is missing; the body says " + quoted_input(body) +
                             " (a proxy in between may have dropped it)");
}

// Which member of params Mcp-Name repeats, or nullptr.
const char* named_member(std::string_view method) {
  struct Row {
    std::string_view method;
    const char* member;
  };
  static constexpr std::array<Row, 6> kRows = {{{"prompts/get", "name"},
                                                {"resources/read", "uri"},
                                                {"tasks/cancel", "taskId"},
                                                {"tasks/get", "taskId"},
                                                {"tasks/update", "taskId"},
                                                {"tools/call", "name"}}};
  for (const Row& row : kRows)
    if (row.method == method) return row.member;
  return nullptr;
}

const std::string* text_member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? &at->get_ref<const std::string&>() : nullptr;
}

std::optional<RpcError> compare(std::string_view field, const std::optional<std::string>& received,
                                const std::string& body) {
  if (!received) return missing(field, body);
  const auto decoded = decode_field(*received);
  if (!decoded)
    return mismatch(field, "is " + quoted_input(*received) + ", which is no base64 of a text");
  if (*decoded != body) return differs(field, *decoded, body);
  return std::nullopt;
}

bool same_integer(std::string_view text, const Json& value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && value == Json(number);
}

bool says(std::string_view text, const Json& value) {
  if (value.is_string()) return text == value.get_ref<const std::string&>();
  if (value.is_boolean()) return text == (value.get<bool>() ? "true" : "false");
  return value.is_number() && same_integer(text, value);
}

// The annotated properties of `schema`, each with its value in `arguments` (null: absent). Depth is
// bounded by that of the schema, which is ours.
struct Annotated {
  std::string name;  // {Name}, lower case
  const Json* value = nullptr;
};
void collect(const OrderedJson& schema, const Json* arguments, std::vector<Annotated>& out) {
  const auto properties = schema.find("properties");
  if (properties == schema.end() || !properties->is_object()) return;
  for (const auto& [key, property] : properties->items()) {
    if (!property.is_object()) continue;
    const Json* value = nullptr;
    if (arguments != nullptr && arguments->is_object())
      if (const auto at = arguments->find(key); at != arguments->end() && !at->is_null())
        value = &*at;
    if (const auto name = property.find("x-mcp-header");
        name != property.end() && name->is_string())
      out.push_back({lower_ascii(name->get_ref<const std::string&>()), value});
    collect(property, value, out);
  }
}

}  // namespace

std::optional<std::string> decode_field(std::string_view value) {
  if (!value.starts_with(kEncodedPrefix) || !value.ends_with(kEncodedSuffix) ||
      value.size() < kEncodedPrefix.size() + kEncodedSuffix.size())
    return std::string(value);
  std::string text(value.substr(kEncodedPrefix.size(),
                                value.size() - kEncodedPrefix.size() - kEncodedSuffix.size()));
  if (text.size() % 4 != 0 || text.find_first_of("-_") != std::string::npos) return std::nullopt;
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.pop_back();
  auto decoded = decode_base64url(text);
  if (!decoded || !valid_utf8(*decoded)) return std::nullopt;
  return std::move(*decoded);
}

std::optional<RpcError> version_mismatch(const HeaderClaims& claims, const Json& params) {
  if (!claims_version(params)) return std::nullopt;
  if (!claims.duplicate.empty()) return mismatch(claims.duplicate, "stands twice");
  const Json& claimed = params["_meta"][kMetaVersion];
  if (!claimed.is_string()) return std::nullopt;  // refused as such
  const auto& version = claimed.get_ref<const std::string&>();
  if (!claims.version) return missing("MCP-Protocol-Version", version);
  if (*claims.version != version) return differs("MCP-Protocol-Version", *claims.version, version);
  return std::nullopt;
}

std::optional<RpcError> routing_mismatch(const HeaderClaims& claims, std::string_view method,
                                         const Json& params) {
  if (!claims.method) return missing("Mcp-Method", method);
  if (*claims.method != method) return differs("Mcp-Method", *claims.method, method);
  const char* member = named_member(method);
  const std::string* name = member != nullptr ? text_member(params, member) : nullptr;
  if (name == nullptr) return std::nullopt;
  return compare("Mcp-Name", claims.name, *name);
}

std::optional<RpcError> argument_mismatch(const HeaderClaims& claims, const tools::Tool& tool,
                                          const Json& params) {
  if (!tool.input_schema || !tool.input_schema->is_object()) return std::nullopt;
  const auto arguments = params.find("arguments");
  std::vector<Annotated> annotated;
  collect(*tool.input_schema, arguments != params.end() ? &*arguments : nullptr, annotated);
  for (const Annotated& one : annotated) {
    const auto given = std::find_if(claims.params.begin(), claims.params.end(),
                                    [&](const auto& field) { return field.first == one.name; });
    const std::string field = "Mcp-Param-" + one.name;
    if (given == claims.params.end()) {
      if (one.value != nullptr) return missing(field, dump(*one.value));
      continue;
    }
    const auto decoded = decode_field(given->second);
    if (!decoded)
      return mismatch(field,
                      "is " + quoted_input(given->second) + ", which is no base64 of a text");
    if (one.value == nullptr)
      return mismatch(field, "is " + quoted_input(*decoded) + " but the body has no such argument");
    if (!says(*decoded, *one.value)) return differs(field, *decoded, dump(*one.value));
  }
  return std::nullopt;
}

}  // namespace remit::mcp
