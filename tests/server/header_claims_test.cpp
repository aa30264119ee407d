// The header fields of 2026-07-28 against bodies: pure functions, table by table.
#include "server/mcp/header_claims.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "server/mcp/eras.h"

namespace remit::mcp {
namespace {

Json claimed(const char* version = "2026-07-28") {
  return Json{{"_meta", {{kMetaVersion, version}}}};
}

TEST_CASE("a field is decoded only when it is marked whole") {
  CHECK(decode_field("plain") == "plain");
  CHECK(decode_field("") == "");
  CHECK(decode_field("=?base64?w6TDtg==?=") == "äö");
  CHECK(decode_field("=?base64?"
                     "?=")
            .value_or("none")
            .empty());
  // Without its beginning or end, or in other case, it is a literal.
  for (const char* literal :
       {"=?base64?w6TDtg==", "w6TDtg==?=", "=?BASE64?w6TDtg==?=", "=?base64?="})
    CHECK(decode_field(literal) == literal);
  // Padding, alphabet, UTF-8.
  for (const char* bad : {"=?base64?w6TDtg?=", "=?base64?w6TDtg=?=", "=?base64?w6TD-_==?=",
                          "=?base64?w6 TDtg==?=", "=?base64?====?=", "=?base64?/w==?="})
    CHECK_FALSE(decode_field(bad).has_value());
}

TEST_CASE("the version field repeats the body's claim") {
  HeaderClaims claims;
  CHECK_FALSE(version_mismatch(claims, Json::object()));  // no claim: another rule's business
  CHECK(version_mismatch(claims, claimed())->code == kHeaderMismatch);
  claims.version = "2025-11-25";
  const auto error = version_mismatch(claims, claimed());
  REQUIRE(error);
  CHECK(error->message ==
        "header mismatch: MCP-Protocol-Version is \"2025-11-25\" but the body says \"2026-07-28\"; "
        "both must name the same");
  claims.version = "2026-07-28";
  CHECK_FALSE(version_mismatch(claims, claimed()));
  claims.duplicate = "Mcp-Name";
  CHECK(version_mismatch(claims, claimed())->message == "header mismatch: Mcp-Name stands twice");
}

TEST_CASE("method and name fields repeat the body") {
  struct Row {
    const char* method;
    Json params;
    std::optional<std::string> field_method, field_name;
    bool fits;
  };
  const Row rows[] = {
      {"tools/list", Json::object(), "tools/list", {}, true},
      {"tools/list", Json::object(), "tools/list", "ignored", true},
      {"tools/list", Json::object(), {}, {}, false},
      {"tools/list", Json::object(), "Tools/List", {}, false},
      {"tools/call", {{"name", "echo"}}, "tools/call", "echo", true},
      {"tools/call", {{"name", "echo"}}, "tools/call", "=?base64?ZWNobw==?=", true},
      {"tools/call", {{"name", "echo"}}, "tools/call", "=?base64?ZWNobw=?=", false},
      {"tools/call", {{"name", "echo"}}, "tools/call", "Echo", false},
      {"tools/call", {{"name", "echo"}}, "tools/call", {}, false},
      {"prompts/get", {{"name", "p"}}, "prompts/get", "p", true},
      {"resources/read", {{"uri", "a://b"}}, "resources/read", "a://b", true},
      {"resources/read", {{"uri", "a://b"}}, "resources/read", "a://c", false},
      {"tasks/get", {{"taskId", "t"}}, "tasks/get", "t", true},
      {"tasks/update", {{"taskId", "t"}}, "tasks/update", {}, false},
      {"tasks/cancel", {{"taskId", "t"}}, "tasks/cancel", "u", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method);
    HeaderClaims claims;
    claims.method = row.field_method;
    claims.name = row.field_name;
    const auto error = routing_mismatch(claims, row.method, row.params);
    CHECK(error.has_value() != row.fits);
    if (error) CHECK(error->code == kHeaderMismatch);
  }
}

TEST_CASE("an annotated argument is compared with its field") {
  tools::Tool tool;
  tool.input_schema = LazySchema([] {
    return OrderedJson::parse(
        R"({"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},)"
        R"("level":{"type":"integer","x-mcp-header":"Level"},"on":{"type":"boolean","x-mcp-header":"On"},)"
        R"("where":{"type":"object","properties":{"zone":{"type":"string","x-mcp-header":"Zone"}}},)"
        R"("free":{"type":"string"}}})");
  });
  struct Row {
    const char* arguments;
    std::vector<std::pair<std::string, std::string>> fields;
    bool fits;
  };
  const Row rows[] = {
      {R"({})", {}, true},
      {R"({"free":"x"})", {{"free", "y"}}, true},
      {R"({"region":null})", {}, true},
      {R"({"region":"eu"})", {{"region", "eu"}}, true},
      {R"({"region":"eu"})", {{"region", "=?base64?ZXU=?="}}, true},
      {R"({"region":"eu"})", {{"region", "us"}}, false},
      {R"({"region":"eu"})", {}, false},
      {R"({})", {{"region", "eu"}}, false},
      {R"({"region":"eu"})", {{"region", "=?base64?ZXU?="}}, false},
      {R"({"level":7})", {{"level", "7"}}, true},
      {R"({"level":7})", {{"level", "007"}}, true},
      {R"({"level":7})", {{"level", "8"}}, false},
      {R"({"level":7})", {{"level", "seven"}}, false},
      {R"({"level":-7})", {{"level", "-7"}}, true},
      {R"({"on":true})", {{"on", "true"}}, true},
      {R"({"on":true})", {{"on", "True"}}, false},
      {R"({"where":{"zone":"a"}})", {{"zone", "a"}}, true},
      {R"({"where":{"zone":"a"}})", {{"zone", "b"}}, false},
      {R"({"where":{"zone":"a"}})", {}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.arguments);
    HeaderClaims claims;
    claims.params = row.fields;
    const auto error =
        argument_mismatch(claims, tool, Json{{"arguments", Json::parse(row.arguments)}});
    CHECK(error.has_value() != row.fits);
  }
  CHECK_FALSE(argument_mismatch({}, tool, Json::object()));
}

}  // namespace
}  // namespace remit::mcp
