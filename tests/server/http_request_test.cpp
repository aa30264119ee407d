// The first steps of the ladder over HTTP, and tokens: pure functions, row by row.
#include "server/transport/http_request.h"

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "server/transport/http_auth.h"

namespace remit::transport {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Head request(const std::string& method, const std::string& target, Fields fields) {
  Head head;
  head.method = method;
  head.target = target;
  head.fields = std::move(fields);
  head.framing = Framing::length;
  head.length = 2;
  return head;
}
int status(const std::optional<Refusal>& refusal) {
  return refusal ? refusal->status : 200;
}

TEST_CASE("Host and Origin are checked against the lists") {
  const HttpNames names{{"remit.example.org"}, {"https://tools.example.org"}};
  struct Row {
    Fields fields;
    int status;
  };
  const Row rows[] = {
      {{{"host", "localhost"}}, 200},
      {{{"host", "LOCALHOST:8811"}}, 200},
      {{{"host", "127.0.0.1:1"}}, 200},
      {{{"host", "[::1]:8811"}}, 200},
      {{{"host", "remit.example.org"}}, 200},
      {{{"host", "remit.example.org:443"}}, 200},
      {{{"host", "evil.example"}}, 403},
      {{{"host", "localhost.evil.example"}}, 403},
      {{{"host", "localhost:8811@evil"}}, 403},
      {{{"host", "localhost:port"}}, 403},
      {{{"host", "127.0.0.2"}}, 403},
      {{{"host", "[::1"}}, 403},
      {{{"host", ""}}, 403},
      {{{"host", "localhost"}, {"origin", "http://localhost:3000"}}, 200},
      {{{"host", "localhost"}, {"origin", "https://127.0.0.1"}}, 200},
      {{{"host", "localhost"}, {"origin", "https://tools.example.org"}}, 200},
      {{{"host", "localhost"}, {"origin", "https://tools.example.org:444"}}, 403},
      {{{"host", "localhost"}, {"origin", "http://evil.example"}}, 403},
      {{{"host", "localhost"}, {"origin", "null"}}, 403},
      {{{"host", "localhost"}, {"origin", ""}}, 403},
      {{{"host", "localhost"}, {"origin", "http://localhost"}, {"origin", "http://evil"}}, 403},
  };
  for (const Row& row : rows) {
    CAPTURE(row.fields.back().second);
    CHECK(status(judge_names(request("POST", "/mcp", row.fields), names)) == row.status);
  }
}

TEST_CASE("routes are literal") {
  CHECK(std::get<Route>(find_route(request("POST", "/mcp?a=b", {}))) == Route::mcp);
  CHECK(std::get<Route>(find_route(request("GET", "/metrics", {}))) == Route::metrics);
  for (const char* other : {"/", "/mcp/", "/MCP", "/%6dcp", "//mcp", "/mcp/../healthz"})
    CHECK(std::get<Refusal>(find_route(request("GET", other, {}))).status == 404);
}

TEST_CASE("methods") {
  const Fields session = {{"mcp-session-id", "x"}};
  const Fields modern = {{"mcp-session-id", "x"}, {"mcp-protocol-version", "2026-07-28"}};
  CHECK(status(judge_method(request("POST", "/mcp", {}), Route::mcp)) == 200);
  CHECK(status(judge_method(request("GET", "/mcp", session), Route::mcp)) == 200);
  CHECK(status(judge_method(request("DELETE", "/mcp", session), Route::mcp)) == 200);
  CHECK(status(judge_method(request("GET", "/mcp", {}), Route::mcp)) == 405);
  CHECK(status(judge_method(request("GET", "/mcp", modern), Route::mcp)) == 405);
  CHECK(status(judge_method(request("DELETE", "/mcp", modern), Route::mcp)) == 405);
  for (const char* method : {"HEAD", "PUT", "OPTIONS", "TRACE", "post", "PROPFIND"})
    CHECK(status(judge_method(request(method, "/mcp", session), Route::mcp)) == 405);
  CHECK(status(judge_method(request("POST", "/healthz", {}), Route::healthz)) == 405);
}

TEST_CASE("the head of a POST") {
  const std::pair<std::string, std::string> json = {"content-type", "application/json"};
  const auto post = [](Fields fields) {
    return judge_post(request("POST", "/mcp", std::move(fields)));
  };
  CHECK(status(post({json})) == 200);
  CHECK(status(post({{"content-type", "Application/JSON; charset=UTF-8"}})) == 200);
  CHECK(status(post({})) == 415);
  CHECK(status(post({json, json})) == 415);
  for (const char* type : {"text/plain", "application/json; charset=latin1", "application/jsonx",
                           "application/json; boundary=x", "multipart/form-data; boundary=x"})
    CHECK(status(post({{"content-type", type}})) == 415);
  for (const char* coding : {"gzip", "br", "identity"})
    CHECK(status(post({json, {"content-encoding", coding}})) == 415);
  struct Row {
    const char* accept;
    bool json, events;
  };
  const Row rows[] = {{"*/*", true, true},
                      {"application/json, text/event-stream", true, true},
                      {"application/json", true, false},
                      {"text/event-stream;q=0.5", false, true},
                      {"text/*, application/*;q=0", false, true},
                      {"application/json;q=0.0, */*;q=0", false, false},
                      {"text/html", false, false},
                      {"", false, false}};
  for (const Row& row : rows) {
    CAPTURE(row.accept);
    const Head head = request("POST", "/mcp", {json, {"accept", row.accept}});
    CHECK(accepts(head).json == row.json);
    CHECK(accepts(head).events == row.events);
    CHECK(status(judge_post(head)) == (row.json || row.events ? 200 : 406));
  }
  Head head = request("POST", "/mcp", {json});
  head.length = limits::kFrameBytes;
  CHECK(status(judge_post(head)) == 200);
  head.length = limits::kFrameBytes + 1;
  CHECK(status(judge_post(head)) == 413);
  head.framing = Framing::none;
  CHECK(status(judge_post(head)) == 411);
}

TEST_CASE("header claims are collected once each") {
  const Head head = request("POST", "/mcp",
                            {{"mcp-protocol-version", "2026-07-28"},
                             {"mcp-method", "tools/call"},
                             {"mcp-param-region", "eu"},
                             {"mcp-param-level", "7"}});
  const mcp::HeaderClaims claims = header_claims(head);
  CHECK(claims.version == "2026-07-28");
  CHECK(claims.method == "tools/call");
  CHECK_FALSE(claims.name.has_value());
  CHECK(claims.params.size() == 2);
  CHECK(claims.duplicate.empty());
  CHECK(header_claims(request("POST", "/mcp", {{"mcp-name", "a"}, {"mcp-name", "a"}})).duplicate ==
        "Mcp-Name");
  CHECK(header_claims(request("POST", "/mcp", {{"mcp-param-a", "1"}, {"mcp-param-a", "1"}}))
            .duplicate == "Mcp-Param-a");
}

TEST_CASE("tokens are known by their digests") {
  const auto with = [](const std::string& value) {
    return request("POST", "/mcp", {{"authorization", value}});
  };
  const Tokens one = Tokens::one("secret");
  CHECK(one.principal(with("Bearer secret")) == sha256_hex("secret").substr(0, 16));
  CHECK_FALSE(one.principal(with("bearer  secret")).empty());
  for (const char* bad : {"Bearer other", "Basic secret", "secret", "Bearer", "Bearer ", ""})
    CHECK(one.principal(with(bad)).empty());
  CHECK(one.principal(request("POST", "/mcp", {})).empty());
  CHECK(one.principal(
               request("POST", "/mcp",
                       {{"authorization", "Bearer secret"}, {"authorization", "Bearer secret"}}))
            .empty());
  CHECK(one.principal(request("POST", "/mcp?token=secret", {})).empty());
  CHECK(Tokens::none().principal(request("POST", "/mcp", {})) == "-");

  const std::string mine = "engineer sha256:" + sha256_hex("mine") + "\n";
  const std::string text = "# who may call\n\n" + mine + "other  sha256:" + sha256_hex("theirs") +
                           " # another agent's\nengineer sha256:" + sha256_hex("second");
  const auto tokens = Tokens::from_file("t", text, "engineer", "inst_1");
  REQUIRE(tokens);
  const std::string first = tokens->principal(with("Bearer mine"));
  const std::string second = tokens->principal(with("Bearer second"));
  CHECK_FALSE(first.empty());
  CHECK_FALSE(second.empty());
  CHECK(first != second);
  CHECK(tokens->principal(with("Bearer theirs")).empty());
  CHECK_FALSE(Tokens::from_file("t", text, "nobody", "inst_1"));
  // A token that is bound to other instructions is none here.
  const std::string bound = mine + "engineer sha256:" + sha256_hex("other") +
                            " instructions=inst_2,inst_3\nengineer sha256:" + sha256_hex("any") +
                            " instructions=*\n";
  const auto here = Tokens::from_file("t", bound, "engineer", "inst_1");
  REQUIRE(here);
  CHECK(here->principal(with("Bearer other")).empty());
  CHECK_FALSE(here->principal(with("Bearer any")).empty());
  CHECK_FALSE(
      Tokens::from_file("t", bound, "engineer", "inst_3")->principal(with("Bearer other")).empty());
  for (const char* bad : {"engineer secret", "engineer sha256:12", "engineer", "a b c"}) {
    const auto refused = Tokens::from_file("t", "\n" + std::string(bad), "engineer", "inst_1");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("t:2:"));
  }
}

}  // namespace
}  // namespace remit::transport
