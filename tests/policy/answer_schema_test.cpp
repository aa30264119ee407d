// answer_schema of a consult: which schemas are taken, which answers fit.
#include "policy/answer_schema.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/limits.h"

using namespace remit;
using namespace remit::policy;

namespace {

// Where a schema is refused, or "taken".
std::string place(const Json& schema) {
  const auto judged = check_answer_schema(schema, "/s");
  return judged ? "taken" : judged.error().where;
}

// What is wrong with an answer, or "fits".
std::string fault(const Json& schema, std::string_view answer) {
  REQUIRE(check_answer_schema(schema, ""));
  const auto judged = check_answer(schema, answer);
  if (judged) return "fits";
  CHECK(judged.error().code == "answer_invalid");
  const std::string text = judged.error().message;
  constexpr std::string_view kHead = "the answer must fit the sender's answer_schema: ";
  return text.substr(kHead.size(), text.find("; give it") - kHead.size());
}

Json nested(int depth) {
  Json out = {{"type", "object"}};
  for (int n = 0; n < depth; ++n) out = {{"items", out}};
  return out;
}

}  // namespace

TEST_CASE("what is not judged is refused, with its place") {
  CHECK(place(Json::object()) == "taken");
  CHECK(place({{"type", "object"},
               {"required", {"size"}},
               {"additionalProperties", false},
               {"properties", {{"size", {{"type", "integer"}}}}}}) == "taken");
  CHECK(place({{"$ref", "#"}}) == "/s/$ref");
  CHECK(place({{"$defs", Json::object()}}) == "/s/$defs");
  CHECK(place({{"x-remit-paths", {"a"}}}) == "/s/x-remit-paths");
  CHECK(place({{"maximum", 5}}) == "/s/maximum");
  CHECK(place({{"format", "email"}}) == "/s/format");
  CHECK(place({{"type", "text"}}) == "/s/type");
  CHECK(place({{"type", Json::array()}}) == "/s/type");
  CHECK(place({{"required", "size"}}) == "/s/required");
  CHECK(place({{"minLength", -1}}) == "/s/minLength");
  CHECK(place({{"minItems", 1.5}}) == "/s/minItems");
  CHECK(place({{"pattern", "a(?=b)"}}) == "/s/pattern");
  CHECK(place({{"pattern", 1}}) == "/s/pattern");
  CHECK(place({{"enum", {1, 2.5}}}) == "/s/enum");
  CHECK(place({{"const", {{"a", 1}}}}) == "/s/const");
  CHECK(place({{"anyOf", Json::array()}}) == "/s/anyOf");
  CHECK(place({{"properties", {{"a/b", {{"type", 1}}}}}}) == "/s/properties/a~1b/type");
  CHECK(place({{"anyOf", {true, {{"items", {{"not", true}}}}}}}) == "/s/anyOf/1/items/not");
  CHECK(place({{"items", 5}}) == "/s/items");
}

TEST_CASE("size, depth and number of schemas are bounded") {
  CHECK(place(nested(limits::kAnswerSchemaDepth)) == "taken");
  CHECK(place(nested(limits::kAnswerSchemaDepth + 1)).starts_with("/s/items/items"));
  Json many = {{"anyOf", Json::array()}};
  for (std::size_t n = 1; n < limits::kAnswerSchemaNodes; ++n) many["anyOf"].push_back(true);
  CHECK(place(many) == "taken");
  many["anyOf"].push_back(true);
  CHECK(place(many) == "/s/anyOf/" + std::to_string(limits::kAnswerSchemaNodes - 1));
  const std::size_t frame = std::string_view(R"({"title":""})").size();
  Json large = {{"title", std::string(limits::kAnswerSchemaBytes - frame, 'x')}};
  CHECK(place(large) == "taken");
  large["title"] = std::string(limits::kAnswerSchemaBytes - frame + 1, 'x');
  CHECK(check_answer_schema(large, "/s").error().kind == ErrorKind::too_large);
}

TEST_CASE("an answer fits, or the fault says where and which rule") {
  const Json schema = {
      {"type", "object"},
      {"required", Json::array({"enough", "size"})},
      {"additionalProperties", false},
      {"properties",
       {{"enough", {{"type", "boolean"}}},
        {"size", {{"type", "integer"}}},
        {"why", {{"type", "array"}, {"minItems", 1}, {"items", {{"pattern", "^[a-z ]+$"}}}}}}}};
  CHECK(fault(schema, R"({"enough": false, "size": 80})") == "fits");
  CHECK(fault(schema, "{\n\t\"enough\": false,\n\t\"size\": 80\n}") == "fits");
  CHECK(fault(schema, "enough: false\nsize: 80\nwhy: [too small]\n") == "fits");
  CHECK(fault(schema, "No: raise it to 80") != "fits");
  CHECK(fault(schema, "raise it") == "it must be of type object");
  CHECK(fault(schema, R"({"enough": false})") == "/size is required");
  CHECK(fault(schema, R"({"enough": "false", "size": 80})") == "/enough must be of type boolean");
  CHECK(fault(schema, R"({"enough": true, "size": 80.5})") == "/size must be of type integer");
  CHECK(fault(schema, R"({"enough": true, "size": 8, "x": 1})") == "/x must not be there");
  CHECK(fault(schema, R"({"enough": true, "size": 8, "why": []})") ==
        "/why must have at least 1 items");
  CHECK(fault(schema, R"({"enough": true, "size": 8, "why": ["ok", "NO"]})") ==
        "/why/1 must match ^[a-z ]+$");
  CHECK(fault(schema, "enough: &a true\nsize: 1\n") ==
        "it must be YAML without anchors, tags and repeated keys");
}
