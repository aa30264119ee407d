// The ladder of docs/protocol.md over HTTP, step by step: what is sent, which status and code come
// back.
#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/wire/http_client.h"
#include "tests/wire/http_messages.h"
#include "tests/wire/http_server_path.h"
#include "tests/within.h"

namespace remit::wire_test {
namespace {

TEST_CASE("the ladder, 2026-07-28") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0"});
  struct Row {
    const char* what;
    std::string bytes;
    int status, code;
  };
  const std::string echo = R"("name":"echo","arguments":{"text":"hi"})";
  const auto get = [](const std::string& line, const std::string& more = {}) {
    return line + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  };
  const auto raw = [](const std::string& line, const std::string& more, const std::string& body) {
    return line + " HTTP/1.1\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  const std::string json = "Content-Type: application/json\r\n";
  const Row rows[] = {
      {"served", post(modern("tools/call", echo), fields("tools/call", "echo")), 200, 0},
      {"no client info needed", post(modern("tools/list"), fields("tools/list")), 200, 0},
      {"a session id means nothing",
       post(modern("tools/list"),
            fields("tools/list") + "Mcp-Session-Id: stale\r\nLast-Event-ID: 1-1\r\n"),
       200, 0},
      {"host", raw("POST /mcp", "Host: evil.example\r\n" + json, modern("tools/list")), 403,
       -32600},
      {"origin",
       post(modern("tools/list"), fields("tools/list") + "Origin: http://evil.example\r\n"), 403,
       -32600},
      {"host before path", raw("POST /nowhere", "Host: evil.example\r\n" + json, ""), 403, -32600},
      {"path", get("GET /"), 404, -32600},
      {"path of a POST", raw("POST /sse", "Host: localhost\r\n" + json, "{}"), 404, -32600},
      {"method", get("PUT /mcp"), 405, -32600},
      {"GET", get("GET /mcp", "MCP-Protocol-Version: 2026-07-28\r\n"), 405, -32600},
      {"DELETE", get("DELETE /mcp", "MCP-Protocol-Version: 2026-07-28\r\n"), 405, -32600},
      {"type",
       raw("POST /mcp", "Host: localhost\r\nContent-Type: text/plain\r\n", modern("tools/list")),
       415, -32600},
      {"no type", raw("POST /mcp", "Host: localhost\r\n", modern("tools/list")), 415, -32600},
      {"coding", post(modern("tools/list"), "Content-Encoding: gzip\r\n"), 415, -32600},
      {"multipart",
       raw("POST /mcp", "Host: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n",
           "--x--"),
       415, -32600},
      {"length", get("POST /mcp", json), 411, -32600},
      {"size", get("POST /mcp", json + "Content-Length: 8388609\r\n"), 413, -32600},
      {"accept",
       raw("POST /mcp", "Host: localhost\r\nAccept: text/html\r\n" + json, modern("tools/list")),
       406, -32600},
      {"accept anything",
       raw("POST /mcp", "Host: localhost\r\nAccept: */*\r\n" + fields("tools/list") + json,
           modern("tools/list")),
       200, 0},
      {"no accept",
       raw("POST /mcp", "Host: localhost\r\n" + fields("tools/list") + json, modern("tools/list")),
       200, 0},
      {"not JSON", post("{", fields("tools/list")), 400, -32700},
      {"empty", post("", fields("tools/list")), 400, -32700},
      {"blank", post("  ", fields("tools/list")), 400, -32700},
      {"invalid UTF-8", post("\"\xff\"", fields("tools/list")), 400, -32700},
      {"too deep", post(std::string(100'000, '['), fields("tools/list")), 400, -32700},
      {"no message", post("{}", fields("tools/list")), 400, -32600},
      {"id null",
       post(R"({"jsonrpc":"2.0","id":null,"method":"tools/list"})", fields("tools/list")), 400,
       -32600},
      {"duplicate key",
       post(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"})", fields("tools/list")), 400,
       -32600},
      {"batch", post("[" + modern("tools/list") + "]", fields("tools/list")), 400, -32600},
      {"response", post(R"({"jsonrpc":"2.0","id":1,"result":{}})", fields("tools/list")), 400,
       -32600},
      {"no claim", post(request("tools/list", ""), fields("tools/list")), 400, -32602},
      {"claim, no field", post(modern("tools/list"), "Mcp-Method: tools/list\r\n"), 400, -32020},
      {"claim, other field",
       post(modern("tools/list"), "MCP-Protocol-Version: 2025-11-25\r\nMcp-Method: tools/list\r\n"),
       400, -32020},
      {"two version fields",
       post(modern("tools/list"), fields("tools/list") + "MCP-Protocol-Version: 2026-07-28\r\n"),
       400, -32020},
      {"unsupported version",
       post(request("tools/list",
                    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01",)"
                    R"("io.modelcontextprotocol/clientCapabilities":{}})"),
            "MCP-Protocol-Version: 1999-01-01\r\nMcp-Method: tools/list\r\n"),
       400, -32022},
      {"no capabilities",
       post(request("tools/list",
                    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"})"),
            fields("tools/list")),
       400, -32602},
      {"unknown method", post(modern("no/such"), fields("no/such")), 404, -32601},
      {"unknown method before its field", post(modern("no/such"), fields("other")), 404, -32601},
      {"initialize", post(modern("initialize"), fields("initialize")), 404, -32601},
      {"ping", post(modern("ping"), fields("ping")), 404, -32601},
      {"unknown tool", post(modern("tools/call", R"("name":"none")"), fields("tools/call", "none")),
       200, -32602},
      {"unknown tool before its field",
       post(modern("tools/call", R"("name":"none")"), fields("tools/call", "other")), 200, -32602},
      {"method field missing", post(modern("tools/list"), "MCP-Protocol-Version: 2026-07-28\r\n"),
       400, -32020},
      {"method field differs", post(modern("tools/list"), fields("tools/call")), 400, -32020},
      {"method field's case", post(modern("tools/list"), fields("Tools/List")), 400, -32020},
      {"name field missing", post(modern("tools/call", echo), fields("tools/call")), 400, -32020},
      {"name field differs", post(modern("tools/call", echo), fields("tools/call", "add")), 400,
       -32020},
      {"name field encoded",
       post(modern("tools/call", echo), fields("tools/call", "=?base64?ZWNobw==?=")), 200, 0},
      {"name field badly encoded",
       post(modern("tools/call", echo), fields("tools/call", "=?base64?ZWNobw=?=")), 400, -32020},
      {"name field is not percent-decoded",
       post(modern("tools/call", echo), fields("tools/call", "ech%6f")), 400, -32020},
      {"field names' case",
       post(modern("tools/call", echo),
            "mcp-PROTOCOL-version: 2026-07-28\r\nMCP-METHOD:tools/call\r\nmcp-name: \techo \r\n"),
       200, 0},
      {"notification",
       post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})",
            fields("notifications/cancelled")),
       202, 0},
      {"resource not found",
       post(modern("resources/read", R"("uri":"toy://none")"),
            fields("resources/read", "toy://none")),
       200, -32602},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    HttpClient client(server.address());
    client.send(row.bytes);
    const Answer answer = client.read();
    CHECK(answer.status == row.status);
    CHECK(code_of(answer) == row.code);
    CHECK(answer.field("mcp-session-id").empty());
    CHECK(answer.field("access-control-allow-origin").empty());
    if (answer.status == 202) CHECK(answer.body.empty());
  }
  // The text names the field, what came and what the body says.
  HttpClient client(server.address());
  client.send(post(modern("tools/list"), fields("tools/call")));
  CHECK(
      client.read().body.find(R"(Mcp-Method is \"tools/call\" but the body says \"tools/list\")") !=
      std::string::npos);
}

TEST_CASE("the initialize eras: sessions") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0"});
  HttpClient client(server.address());
  const auto ask = [&](const std::string& bytes) {
    client.send(bytes);
    return client.read();
  };
  // Without a session.
  CHECK(ask(post(request("tools/list", ""))).status == 400);
  CHECK(ask(post(request("tools/list", ""), "MCP-Protocol-Version: 2025-11-25\r\n")).status == 400);
  CHECK(ask(post(request("tools/list", ""), "Mcp-Session-Id: 00000000000000000000000000000000\r\n"))
            .status == 404);
  CHECK(ask(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})")).status == 400);
  Answer refused = ask(post(request("initialize", "")));
  CHECK(refused.status == 200);
  CHECK(code_of(refused) == -32602);
  CHECK(refused.field("mcp-session-id").empty());

  const Answer hello = ask(post(initialize(), "Mcp-Session-Id: stale\r\n"));
  CHECK(hello.status == 200);
  const std::string id = hello.field("mcp-session-id");
  CHECK(id.size() == 32);
  const std::string session = "Mcp-Session-Id: " + id + "\r\n";
  CHECK(ask(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session)).status ==
        202);
  CHECK(ask(post(R"({"jsonrpc":"2.0","id":9,"result":{}})", session)).status == 202);
  CHECK(ask(post(request("tools/list", ""), session)).status == 200);  // no version: the agreed one
  CHECK(ask(post(request("tools/list", ""), session + "MCP-Protocol-Version: 2025-11-25\r\n"))
            .status == 200);
  CHECK(ask(post(request("tools/list", ""), session + "MCP-Protocol-Version: 1999-01-01\r\n"))
            .status == 400);
  CHECK(ask(post(request("tools/list", ""), session + session)).status == 400);
  Answer unknown = ask(post(request("no/such", ""), session));
  CHECK(unknown.status == 200);
  CHECK(code_of(unknown) == -32601);
  CHECK(code_of(ask(post("[" + request("ping", "") + "]", session))) == -32600);  // no batches here
  Answer malformed = ask(post("{", session));
  CHECK(malformed.status == 400);
  CHECK(code_of(malformed) == -32700);
  // The body decides: a claim is served without the session.
  CHECK(ask(post(modern("tools/list"), fields("tools/list") + session)).status == 200);
  // Each handshake opens a session of its own.
  CHECK(ask(post(initialize(), session)).field("mcp-session-id") != id);

  const auto line = [](const std::string& method, const std::string& more) {
    return method + " /mcp HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  };
  CHECK(ask(line("GET", "")).status == 405);
  CHECK(ask(line("DELETE", "")).status == 405);
  CHECK(ask(line("GET", "Mcp-Session-Id: none\r\n")).status == 404);
  CHECK(ask(line("GET", session + "Accept: application/json\r\n")).status == 406);
  CHECK(ask(line("GET", session + "Last-Event-ID: nonsense\r\n")).status == 400);
  CHECK(ask(line("GET", session + "Last-Event-ID: 77-1\r\n")).status == 400);
  CHECK(ask(line("DELETE", session)).status == 200);
  CHECK(ask(line("DELETE", session)).status == 404);
  CHECK(ask(post(request("tools/list", ""), session)).status == 404);

  // 2025-03-26 alone has batches.
  const std::string oldest =
      "Mcp-Session-Id: " + ask(post(initialize("2025-03-26"))).field("mcp-session-id") + "\r\n";
  const Answer batch =
      ask(post("[" + request("ping", "", "1") + "," + request("ping", "", "\"b\"") + "]", oldest));
  CHECK(batch.status == 200);
  CHECK(parse_json(batch.body)->size() == 2);
  CHECK(ask(post(R"([{"jsonrpc":"2.0","method":"notifications/initialized"}])", oldest)).status ==
        202);
  CHECK(ask(post("[]", oldest)).status == 400);
}

TEST_CASE("tokens and what needs none") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0", "--token", "secret"});
  HttpClient client(server.address());
  const auto ask = [&](const std::string& bytes) {
    HttpClient one(server.address());
    one.send(bytes);
    return one.read();
  };
  const std::string list = modern("tools/list");
  const Answer none = ask(post(list, fields("tools/list")));
  CHECK(none.status == 401);
  CHECK(none.field("www-authenticate") == "Bearer");
  CHECK(ask(post(list, fields("tools/list") + "Authorization: Bearer wrong\r\n")).status == 401);
  CHECK(ask(post(list, fields("tools/list") +
                           "Authorization: Bearer secret\r\nAuthorization: Bearer secret\r\n"))
            .status == 401);
  CHECK(ask(post(list, fields("tools/list") + "Authorization: Bearer secret\r\n")).status == 200);
  const auto get = [&](const std::string& path, const std::string& more = {}) {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n").status;
  };
  CHECK(get("/healthz") == 200);
  CHECK(get("/readyz") == 200);
  CHECK(get("/metrics") == 401);
  CHECK(get("/metrics?token=secret") == 401);
  CHECK(get("/metrics", "Authorization: Bearer secret\r\n") == 200);
  CHECK(get("/nowhere") == 404);
}

}  // namespace
}  // namespace remit::wire_test
