// The ladder of docs/protocol.md over HTTP, step by step: what is sent, which status and code come
// back.
#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/wire/http_client.h"
#include "tests/wire/http_server_path.h"
#include "tests/within.h"

namespace remit::wire_test {
namespace {

constexpr const char* kModern =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{}})";

std::string request(const std::string& method, const std::string& params,
                    const std::string& id = "1") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
         "}}";
}
std::string modern(const std::string& method, const std::string& params = {}) {
  return request(method, params.empty() ? kModern : params + "," + kModern);
}
std::string fields(const std::string& method, const std::string& name = {}) {
  return "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " + method + "\r\n" +
         (name.empty() ? "" : "Mcp-Name: " + name + "\r\n");
}
std::string initialize(const std::string& version = "2025-11-25") {
  return request(
      "initialize",
      R"("protocolVersion":")" + version +
          R"(","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"})");
}
int code_of(const Answer& answer) {
  const auto body = parse_json(answer.body);
  if (!body || !body->is_object() || !body->contains("error")) return 0;
  return (*body)["error"]["code"].get<int>();
}

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

TEST_CASE("answers as streams of events") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0"});
  HttpClient client(server.address());
  const auto token = [](const std::string& method, const std::string& params) {
    return request(method, params + R"(,"_meta":{"progressToken":"t",)" + (kModern + 9));
  };
  const std::string steps = R"("name":"steps","arguments":{"count":2})";
  client.send(post(token("tools/call", steps), fields("tools/call", "steps")));
  const Answer stream = client.read();
  CHECK(stream.status == 200);
  CHECK(stream.field("content-type") == "text/event-stream");
  CHECK(stream.field("x-accel-buffering") == "no");
  CHECK(stream.field("cache-control") == "no-store");
  CHECK(stream.body.find("notifications/progress") < stream.body.find("resultType"));
  CHECK(stream.body.find("\nid: ") == std::string::npos);  // nothing to resume
  // The connection goes on, and a client that takes no events gets the answer alone.
  client.send(
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Accept: application/json\r\n" +
      fields("tools/call", "steps") + "Content-Length: " +
      std::to_string(token("tools/call", steps).size()) + "\r\n\r\n" + token("tools/call", steps));
  const Answer alone = client.read();
  CHECK(alone.field("content-type") == "application/json");
  CHECK(parse_json(alone.body)->contains("result"));
  // And one that takes nothing else gets events even for one message.
  const std::string list = modern("tools/list");
  client.send(
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Accept: text/event-stream\r\n" +
      fields("tools/list") + "Content-Length: " + std::to_string(list.size()) + "\r\n\r\n" + list);
  CHECK(client.read().body.starts_with("event: message\ndata: {"));
  // HTTP/1.0 has no chunks: the stream lasts as long as the connection.
  std::string old = post(token("tools/call", steps), fields("tools/call", "steps"));
  old.replace(old.find("HTTP/1.1"), 8, "HTTP/1.0");
  client.send(old);
  const Answer ten = client.read();
  CHECK(ten.field("transfer-encoding").empty());
  CHECK(ten.body.find("resultType") != std::string::npos);
}

TEST_CASE("a listener takes events") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0", "--tasks"});
  const std::string body = modern("subscriptions/listen", R"("notifications":{})");
  const auto ask = [&](const std::string& accept) {
    return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: " +
           accept + "\r\n" + fields("subscriptions/listen") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  HttpClient client(server.address());
  client.send(ask("application/json"));
  const Answer refused = client.read();
  CHECK(refused.status == 406);
  CHECK(code_of(refused) == -32600);
  CHECK(refused.body.find("subscriptions/listen is answered with text/event-stream; Accept does "
                          "not take it") != std::string::npos);
  client.send(ask("text/event-stream"));
  CHECK(client.read_head().status == 200);
  CHECK(client.read_until("notifications/subscriptions/acknowledged"));
}

TEST_CASE("2026-07-28: who leaves cancels") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0"});
  {
    HttpClient client(server.address());
    client.send(post(modern("tools/call", R"("name":"slow","arguments":{"ms":60000})"),
                     fields("tools/call", "slow")));
    REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  }
  CHECK(within(kPatience, [&] { return server.requests_in_flight() == 0; }));
}

TEST_CASE("the initialize eras: who leaves comes back for the rest") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0", "--heartbeat", "50"});
  HttpClient first(server.address());
  first.send(post(initialize()));
  const std::string session = "Mcp-Session-Id: " + first.read().field("mcp-session-id") + "\r\n";
  const auto resume = [&](const std::string& last) {
    return "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" + session +
           "Last-Event-ID: " + last + "\r\n\r\n";
  };
  {
    HttpClient leaving(server.address());
    leaving.send(
        post(request("tools/call",
                     R"("name":"slow","arguments":{"ms":600},"_meta":{"progressToken":1})", "7"),
             session));
    CHECK(leaving.read_head().status == 200);
    CHECK(leaving.read_until("id: 1-0\nretry: 1000\ndata: \n\n"));  // priming, before anything
    CHECK(leaving.read_until("id: 1-1\ndata: "));
  }
  HttpClient back(server.address());
  back.send(resume("1-1"));
  CHECK(back.read_head().status == 200);
  CHECK(back.read_until("id: 1-2\n"));
  CHECK(back.read_until(R"("id":7,"result")"));
  CHECK(back.read_until("0\r\n\r\n"));  // and the stream ends with it
  // A second time, from the start; another session's stream is none.
  back.send(resume("1-0"));
  const Answer again = back.read();
  CHECK(again.body.find("id: 1-1\n") != std::string::npos);
  CHECK(again.body.find("\"waited\"") != std::string::npos);
  HttpClient other(server.address());
  other.send(post(initialize()));
  const std::string stranger = "Mcp-Session-Id: " + other.read().field("mcp-session-id") + "\r\n";
  other.send("GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + stranger + "Last-Event-ID: 1-0\r\n\r\n");
  CHECK(other.read().status == 400);
  // An older revision is not primed with an event without data.
  other.send(post(initialize("2025-06-18")));
  const std::string older = "Mcp-Session-Id: " + other.read().field("mcp-session-id") + "\r\n";
  other.send(post(request("tools/call",
                          R"("name":"steps","arguments":{"count":1},"_meta":{"progressToken":1})"),
                  older));
  CHECK(other.read().body.starts_with("event: message\nid: 1-1\ndata: {"));
}

TEST_CASE("a question goes out on its call's stream, and its answer comes by POST") {
  const HttpProcess server({server_path(), "--http", "127.0.0.1:0", "--heartbeat", "50"});
  HttpClient client(server.address()), call(server.address());
  client.send(post(initialize()));
  const std::string session = "Mcp-Session-Id: " + client.read().field("mcp-session-id") + "\r\n";
  client.send(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session));
  CHECK(client.read().status == 202);
  call.send(post(request("tools/call", R"("name":"ask","arguments":{"command":"ls"})"), session));
  CHECK(call.read_until(R"("id":"remit-1")"));
  CHECK(call.seen().find("elicitation/create") != std::string::npos);
  client.send(post(R"({"jsonrpc":"2.0","id":"remit-1","result":{"action":"decline"}})", session));
  CHECK(client.read().status == 202);
  CHECK(call.read_until("ls"));
  // Cancelled by a POST of its own: the stream ends without an answer.
  call.close();
  HttpClient slow(server.address());
  slow.send(
      post(request("tools/call",
                   R"("name":"slow","arguments":{"ms":60000},"_meta":{"progressToken":1})", "8"),
           session));
  REQUIRE(slow.has_come("notifications/progress"));  // it is at work
  CHECK(server.requests_in_flight() == 1);
  client.send(post(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}})", session));
  CHECK(client.read().status == 202);
  const Answer answer = slow.read();
  CHECK(answer.status == 200);
  CHECK(answer.complete);
  CHECK(answer.body.find("notifications/progress") != std::string::npos);
  CHECK(answer.body.find("\"id\":8") == std::string::npos);
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
