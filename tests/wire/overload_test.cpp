// More than a server can take, on both transports: clients that never read, thousands of requests,
// large ones at once, storms of cancellations. What is refused is told so, and memory stays below
// 64 MiB.
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "tests/wire/hostile_messages.h"

namespace remit::wire_test {
namespace {

constexpr const char* kBusyCount = "busy: 64 requests are in flight; retry when one is answered";
constexpr const char* kBusyMemory =
    "busy: what clients sent and have not read holds all the memory that it may; read answers, and "
    "retry";

TEST_CASE("stdio: a client that never reads is given up, in bounded memory") {
  for (const bool large : {true, false}) {
    CAPTURE(large);
    StdioServer server;
    const std::string one = large ? call("1", "big", R"({"bytes":1000000})") + "\n"
                                  : "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    std::string all;
    for (int i = 0; i < (large ? 60 : 1'000'000); ++i) {
      all += one;
      if (large) all.replace(all.rfind("\"id\":1,"), 7, "\"id\":" + std::to_string(i) + ",");
    }
    // It may end before it has taken everything.
    static_cast<void>(server.say(all, StdioServer::Reads::no, seconds(5)));
    if (large) server.end_input();
    long peak = 0;
    CHECK(server.wait(&peak) == 0);
    if (!kSanitized) CHECK(peak < kPeakMib);
  }
}

TEST_CASE("HTTP: clients that never read are served around, in bounded memory") {
  const HttpProcess server(http_command());
  std::vector<std::unique_ptr<HttpClient>> silent;
  for (int i = 0; i < 64; ++i) {
    silent.push_back(std::make_unique<HttpClient>(server.address()));
    silent.back()->send(post(modern_call("1", "big", R"({"bytes":1000000})"), fields("big")));
  }
  // Whoever reads is answered: served, or told to come back while what is unread fills the memory.
  bool served = false;
  CHECK(within(kPatience, [&] {
    HttpClient live(server.address());
    live.send(post(modern_call("1", "echo", R"({"text":"x"})"), fields("echo")));
    const Answer answer = live.read();
    served = answer.status == 200;
    if (served) return true;
    REQUIRE(answer.status == 503);
    CHECK(answer.field("retry-after") == "1");
    CHECK(answer.body ==
          refusal(-32603, "busy: too many answers wait to be read; read some and retry", "1"));
    return false;
  }));
  CHECK(served);
  // One that reads late gets what it asked for.
  const Answer late = silent.front()->read();
  CHECK((late.status == 200 || late.status == 503));
  check_memory(server);
}

TEST_CASE("thousands of requests at once: 64 are served, each of the others is told so") {
  StdioServer server;
  std::string all;
  for (int i = 0; i < 5000; ++i) all += call(std::to_string(i), "slow", R"({"ms":600000})") + "\n";
  REQUIRE(server.say(all));
  for (int i = 64; i < 5000; ++i)
    REQUIRE(server.line() == refusal(-32603, kBusyCount, std::to_string(i)));
  all.clear();
  for (int i = 0; i < 64; ++i) all += cancelled(std::to_string(i)) + "\n";
  REQUIRE(server.say(all + R"({"jsonrpc":"2.0","id":"p","method":"ping"})" + "\n"));
  CHECK(server.line() == R"({"jsonrpc":"2.0","id":"p","result":{}})");
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);

  const HttpProcess http(http_command());
  HttpClient client(http.address());
  const std::string session = open_session(client);
  std::vector<std::unique_ptr<HttpClient>> many;
  for (int i = 0; i < 200; ++i) {
    many.push_back(std::make_unique<HttpClient>(http.address()));
    many.back()->send(post(call(std::to_string(i), "slow", R"({"ms":600000})"), session));
  }
  // Whoever was first: 136 are refused.
  std::set<int> answered;
  int refused = 0;
  const auto look = [&] {
    for (int i = 0; i < 200; ++i) {
      HttpClient& one = *many[static_cast<std::size_t>(i)];
      pollfd ready{one.fd(), POLLIN, 0};
      if (answered.contains(i) || ::poll(&ready, 1, 0) != 1) continue;
      answered.insert(i);
      const Answer answer = one.read_head();
      if (answer.status != 503) continue;  // a stream, begun because the call takes its time
      CHECK(answer.field("retry-after") == "1");
      CHECK(one.has_come(refusal(-32603, kBusyCount, std::to_string(i))));
      ++refused;
    }
    return refused >= 136;
  };
  CHECK(within(kPatience, look));
  CHECK(http.requests_in_flight() == 64);
  look();
  CHECK(refused == 136);
  check_memory(http);
}

TEST_CASE("large requests at once: no more than the memory they may hold") {
  StdioServer server;
  const std::string megabyte(1u << 20, 'x');
  std::string all;
  for (int i = 0; i < 64; ++i)
    all += call(std::to_string(i), "slow", R"({"ms":600000,"x":")" + megabyte + "\"}") + "\n";
  REQUIRE(server.say(all));
  // Three times its text each, and four times while it is parsed (server/mcp/weight.h).
  constexpr int kServed = 12;
  for (int i = kServed; i < 64; ++i)
    REQUIRE(server.line() == refusal(-32603, kBusyMemory, std::to_string(i)));
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
  // Once they are cancelled and gone there is room again.
  all.clear();
  for (int i = 0; i < kServed; ++i) all += cancelled(std::to_string(i)) + "\n";
  REQUIRE(server.say(all));
  CHECK(within(kPatience, [&] {
    REQUIRE(server.say(call("\"again\"", "echo", R"({"text":")" + megabyte + "\"}") + "\n"));
    return server.line().find("result") != std::string::npos;
  }));
}

// What 64 clients send at the same time, each from a thread of its own.
std::vector<Answer> at_once(const HttpProcess& server, const std::string& request) {
  std::vector<Answer> answers(64);
  std::vector<std::thread> clients;
  for (Answer& answer : answers)
    clients.emplace_back([&] {
      HttpClient client(server.address());
      client.send(request);  // it may be refused before its end
      answer = client.read(seconds(60));
    });
  for (std::thread& one : clients) one.join();
  return answers;
}

TEST_CASE("HTTP: 64 bodies of 8 MiB at once are served or told to come back, in bounded memory") {
  const std::string text = R"({"text":")" + std::string(limits::kFrameBytes - 512, 'a') + "\"}";
  const std::string waiting =
      R"({"ms":300,"text":")" + std::string(limits::kFrameBytes - 512, 'a') + "\"}";
  std::string keys = R"({"text":"x")";
  for (int i = 0; i < 198'000; ++i) keys += ",\"k" + std::to_string(i) + "\":{}";
  std::string long_keys = R"({"text":"x")";
  for (int i = 0; i < 150'000; ++i)
    long_keys += ",\"" + std::string(35, 'k') + std::to_string(i) + "\":{}";
  struct Kind {
    const char* what;
    const char* tool;
    std::string arguments;
  };
  for (const Kind& kind : {Kind{"one long string", "echo", text}, Kind{"at work", "slow", waiting},
                           Kind{"198,000 small values", "echo", keys + "}"},
                           Kind{"150,000 long keys", "echo", long_keys + "}"}}) {
    INFO(std::string(kind.what));
    const HttpProcess server(http_command());
    const std::string request =
        post(modern_call("1", kind.tool, kind.arguments), fields(kind.tool));
    int served = 0;
    for (const Answer& answer : at_once(server, request)) {
      if (answer.status == 200) ++served;
      // 0: it was refused while it sent, and the refusal was lost with the connection.
      CHECK((answer.status == 200 || answer.status == 503 || answer.status == 0));
      if (answer.status == 503) CHECK(answer.field("retry-after") == "1");
    }
    CHECK(served > 0);
    // And what they held is given back.
    HttpClient client(server.address());
    client.send(request);
    CHECK(client.read(seconds(60)).status == 200);
    check_memory(server);
  }
}

TEST_CASE("stdio: the largest messages of every kind behind one another, in bounded memory") {
  const std::string text = R"({"ms":600000,"x":")" + std::string(limits::kFrameBytes - 512, 'a');
  std::string keys = R"({"ms":600000)";
  for (int i = 0; i < 198'000; ++i) keys += ",\"k" + std::to_string(i) + "\":{}";
  for (const std::string& first : {text + "\"}", keys + "}"})
    for (const std::string& second : {text + "\"}", keys + "}"}) {
      StdioServer server;
      REQUIRE(server.say(call("1", "slow", first) + "\n"));
      // Nothing of it is built, and it is answered all the same.
      REQUIRE(server.say(call("\"two\"", "slow", second) + "\n"));
      CHECK(server.line() == refusal(-32603, kBusyMemory, "\"two\""));
      REQUIRE(server.say("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n"));
      CHECK(server.line() == R"({"jsonrpc":"2.0","id":3,"result":{}})");
      if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
    }
}

TEST_CASE("a storm of cancellations: nothing is answered twice, and nothing is left") {
  StdioServer server;
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    all += call(std::to_string(i), "slow", R"({"ms":600000})") + "\n";
    all += cancelled(std::to_string(i)) + "\n" + cancelled("\"none\"") + "\n";
  }
  all += call("\"last\"", "echo", R"({"text":"alive"})") + "\n";
  REQUIRE(server.say(all));
  // A call that found 128 handlers still winding down was refused; no other is answered.
  std::set<std::string> answered;
  for (std::string line = server.line(); line.find("\"last\"") == std::string::npos;
       line = server.line()) {
    REQUIRE(!line.empty());
    const auto message = parse_json(line);
    REQUIRE(message);
    const std::string id = dump((*message)["id"]);
    CHECK(line == refusal(-32603, kBusyCount, id));
    CHECK(answered.insert(id).second);
  }
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);

  const HttpProcess http(http_command());
  for (int i = 0; i < 300; ++i) {
    HttpClient leaving(http.address());
    leaving.send(post(modern_call("1", "slow", R"({"ms":600000})"), fields("slow")));
  }
  CHECK(within(kPatience, [&] { return http.requests_in_flight() == 0; }));
  HttpClient client(http.address());
  client.send(post(modern_call("1", "echo", R"({"text":"alive"})"), fields("echo")));
  CHECK(client.read().status == 200);
  check_memory(http);
}

TEST_CASE("each signal that ends a server ends one over HTTP, too") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    HttpProcess server(http_command());
    server.signal(number);
    CHECK(server.wait(kPatience) == 0);
  }
}

}  // namespace
}  // namespace remit::wire_test
