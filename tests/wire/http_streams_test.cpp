// Streams over HTTP: answers as events, who leaves and who comes back, questions on a call's
// stream.
#include <doctest/doctest.h>

#include "base/json.h"
#include "tests/wire/http_client.h"
#include "tests/wire/http_messages.h"
#include "tests/wire/http_server_path.h"
#include "tests/within.h"

namespace remit::wire_test {
namespace {

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

}  // namespace
}  // namespace remit::wire_test
