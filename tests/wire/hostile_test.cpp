// What a hostile or broken client may send, on both transports: each thing has one exact answer,
// and the server lives on. Transcripts have the same for what needs no large input
// (malformed.jsonl, cancel.jsonl, ends*.jsonl); many things at once: overload_test.cpp.
#include <sys/socket.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "tests/wire/hostile_messages.h"

namespace remit::wire_test {
namespace {

constexpr const char* kIdRule =
    "invalid request: an id is a string of at most 1024 bytes or an integer within +-(2^53 - 1)";

struct Row {
  const char* what;
  std::string frame;
  std::string answer;
};

// Frames whose answer is the same on every transport; over HTTP its status is 400.
std::vector<Row> hostile_frames() {
  const std::string ping = R"(,"method":"ping"})";
  const std::string head = R"({"jsonrpc":"2.0","id":)";
  const auto not_json = [](std::size_t at, const std::string& why) {
    return refusal(-32700,
                   "parse error: not valid JSON at byte " + std::to_string(at) + ": " + why);
  };
  const auto twice = [](const std::string& key, const std::string& id) {
    return refusal(-32600, "invalid request: the key \"" + key + "\" stands twice", id);
  };
  const std::string deep = refusal(-32700, "parse error: JSON nested deeper than 128 levels");
  return {
      {"invalid UTF-8", head + "\"\xff\"" + ping,
       not_json(24, "invalid string: ill-formed UTF-8 byte")},
      {"a cut UTF-8 sequence", head + "\"\xe2\x82\"" + ping,
       not_json(26, "invalid string: ill-formed UTF-8 byte")},
      {"an overlong NUL", head + "\"\xc0\x80\"" + ping,
       not_json(24, "invalid string: ill-formed UTF-8 byte")},
      {"a NUL byte in a string", head + std::string("\"a\0b\"", 5) + ping,
       not_json(25, "NUL byte")},
      {"a NUL byte after the message", head + "1" + ping + std::string(1, '\0'),
       not_json(41, "NUL byte")},
      {"100,000 arrays", repeated("[", 100'000), deep},
      {"100,000 arrays, closed", repeated("[", 100'000) + repeated("]", 100'000), deep},
      {"100,000 objects", repeated("{\"a\":", 100'000), deep},
      {"100,000 arrays as parameters",
       head + R"(1,"method":"ping","params":{"x":)" + repeated("[", 100'000), deep},
      {"200,001 values", "[" + repeated("1,", 200'000) + "1]",
       refusal(-32700, "parse error: more than 200000 JSON values")},
      {"two ids", head + R"(1,"id":2)" + ping, twice("id", "")},
      {"two ids alike", head + R"(1,"id":1)" + ping, twice("id", "")},
      {"two methods", head + R"(1,"method":"tools/list")" + ping, twice("method", "1")},
      {"two methods, one escaped", head + R"(1,"m\u0065thod":"tools/list")" + ping,
       twice("method", "1")},
      {"two versions", R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1)" + ping, twice("jsonrpc", "1")},
      {"two params", head + R"(1,"params":{},"params":{})" + ping, twice("params", "1")},
      {"id null", head + "null" + ping, refusal(-32600, kIdRule)},
      {"id 1.0", head + "1.0" + ping, refusal(-32600, kIdRule)},
      {"id 1.5", head + "1.5" + ping, refusal(-32600, kIdRule)},
      {"id 1e0", head + "1e0" + ping, refusal(-32600, kIdRule)},
      {"id -0.0", head + "-0.0" + ping, refusal(-32600, kIdRule)},
      {"id 2^53", head + "9007199254740992" + ping, refusal(-32600, kIdRule)},
      {"id 2^64", head + "18446744073709551616" + ping, refusal(-32600, kIdRule)},
      {"id true", head + "true" + ping, refusal(-32600, kIdRule)},
      {"id {}", head + "{}" + ping, refusal(-32600, kIdRule)},
      {"id []", head + "[]" + ping, refusal(-32600, kIdRule)},
      {"an id of 1,025 bytes", head + "\"" + std::string(1025, 'i') + "\"" + ping,
       refusal(-32600, kIdRule)},
      {"half a message", head + "1", not_json(24, "unexpected end of input; expected '}'")},
      {"two messages in one", head + "1" + ping + head + "2" + ping,
       not_json(41, "unexpected '{'; expected end of input")},
  };
}

TEST_CASE("hostile frames over stdio: one exact answer each") {
  StdioServer server;
  for (const Row& row : hostile_frames()) {
    CAPTURE(row.what);
    REQUIRE(server.say(row.frame + "\n"));
    CHECK(server.line() == row.answer);
  }
  const std::string large = std::to_string(limits::kFrameBytes);
  // 64 MiB: skipped to the newline; the next frame is read.
  REQUIRE(server.say(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":")" +
                     std::string(64u << 20, 'x') + "\"}}\n"));
  CHECK(server.line() ==
        refusal(-32600, "invalid request: a message has at most " + large + " bytes"));
  REQUIRE(server.say(call("2", "echo", R"({"text":"alive"})") + "\n"));
  CHECK(server.line().find("\"alive\"") != std::string::npos);
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
}

TEST_CASE("hostile bodies over HTTP: one exact answer each") {
  const HttpProcess server(http_command());
  HttpClient client(server.address());
  const std::string session = open_session(client);
  for (const Row& row : hostile_frames()) {
    CAPTURE(row.what);
    for (const std::string& more : {std::string("MCP-Protocol-Version: 2026-07-28\r\n"), session}) {
      HttpClient one(server.address());
      REQUIRE(one.send(post(row.frame, more)));
      const Answer answer = one.read();
      CHECK(answer.status == 400);
      CHECK(answer.field("content-type") == "application/json");
      CHECK(answer.body == row.answer);
    }
  }
  {
    HttpClient large(server.address());
    large.send(post(std::string(64u << 20, 'x'), session));
    const Answer answer = large.read();
    CHECK(answer.status == 413);
    CHECK(answer.body == refusal(-32600, "a message has at most 8388608 bytes"));
  }
  client.send(post(call("2", "echo", R"({"text":"alive"})"), session));
  CHECK(client.read().status == 200);
  check_memory(server);
}

TEST_CASE("the largest messages that are served stay within the bound") {
  const std::string text = R"({"text":")" + std::string(limits::kFrameBytes - 512, 'a') + "\"}";
  std::string keys = R"({"text":"x")";
  for (int i = 0; i < 198'000; ++i) keys += ",\"k" + std::to_string(i) + "\":{}";
  keys += "}";
  for (const std::string& arguments : {text, keys}) {
    CAPTURE(arguments.size());
    StdioServer server;
    REQUIRE(server.say(call("1", "echo", arguments) + "\n"));
    CHECK(server.line().find(R"("id":1,"result":)") != std::string::npos);
    if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
    const HttpProcess http(http_command());
    HttpClient client(http.address());
    REQUIRE(client.send(post(modern_call("1", "echo", arguments), fields("echo"))));
    CHECK(client.read().status == 200);
    check_memory(http);
  }
}

TEST_CASE("arguments that come as a string are parsed within bounds of their own") {
  StdioServer server;
  std::string deep = "\"{\\\"text\\\":" + repeated("[", 100'000) + repeated("]", 100'000) + "}\"";
  std::string wide = "\"{\\\"text\\\":[" + repeated("1,", 100'000) + "1]}\"";
  for (const std::string& arguments : {deep, wide}) {
    REQUIRE(server.say(call("1", "echo", arguments) + "\n"));
    CHECK(server.line() == refusal(-32602, "params.arguments must be an object", "1"));
  }
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
}

TEST_CASE("partial frames: a byte at a time, and input that ends in the middle") {
  StdioServer server;
  for (const char c : call("1", "echo", R"({"text":"slowly"})") + "\n")
    REQUIRE(server.say(std::string(1, c)));
  CHECK(server.line().find("slowly") != std::string::npos);
  REQUIRE(server.say(R"({"jsonrpc":"2.0","id":2,)"));
  server.end_input();
  CHECK(server.line() ==
        refusal(-32700,
                "parse error: not valid JSON at byte 25: unexpected end of input; expected "
                "string literal"));
  long peak = 0;
  CHECK(server.wait(&peak) == 0);

  const HttpProcess http(http_command());
  HttpClient cut(http.address());
  cut.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
           fields("echo") + "Content-Length: 100\r\n\r\n{");
  ::shutdown(cut.fd(), SHUT_WR);
  const Answer answer = cut.read();
  CHECK(answer.status == 400);
  CHECK(answer.body ==
        refusal(-32600, "bad request: the body ends early, is malformed or too slow"));
}

TEST_CASE("a notification to the method of a request is accepted and does nothing") {
  const HttpProcess server(http_command());
  HttpClient client(server.address());
  const std::string session = open_session(client);
  const std::string legacy =
      R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"slow","arguments":{"ms":60000}}})";
  std::string modern = modern_call("1", "slow", R"({"ms":60000})");
  modern.erase(modern.find(R"("id":1,)"), 7);
  for (const auto& [body, more] : {std::pair(legacy, session), std::pair(modern, fields("slow"))}) {
    client.send(post(body, more));
    const Answer answer = client.read();
    CHECK(answer.status == 202);
    CHECK(answer.body.empty());
  }
  // Calls that had begun would hold every thread for a minute.
  for (std::size_t i = 0; i < limits::kToolThreads; ++i) {
    for (const auto& [body, more] :
         {std::pair(legacy, session), std::pair(modern, fields("slow"))}) {
      client.send(post(body, more));
      CHECK(client.read().status == 202);
    }
  }
  client.send(post(modern_call("2", "echo", R"({"text":"x"})"), fields("echo")));
  CHECK(client.read().status == 200);
}

TEST_CASE("an id in flight: refused in a session, another request's where there is none") {
  const HttpProcess server(http_command());
  HttpClient first(server.address()), second(server.address());
  const std::string session = open_session(first);
  first.send(post(call("7", "slow", R"({"ms":4000})"), session));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  second.send(post(call("7", "echo", R"({"text":"x"})"), session));
  const Answer refused = second.read();
  CHECK(refused.status == 400);
  CHECK(refused.body == refusal(-32600, "a request with this id is in flight", "7"));
  CHECK(first.read().body.find("waited") != std::string::npos);
  first.send(post(modern_call("7", "slow", R"({"ms":4000})"), fields("slow")));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  second.send(post(modern_call("7", "echo", R"({"text":"x"})"), fields("echo")));
  CHECK(second.read().status == 200);
  CHECK(first.read().status == 200);
}
}  // namespace
}  // namespace remit::wire_test
