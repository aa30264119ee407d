// More than a server can take, on both transports: clients that never read, thousands of requests,
// large ones at once, storms of cancellations. What is refused is told so, and memory stays below
// 64 MiB.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "tests/wire/hostile_messages.h"

namespace remit::wire_test {
namespace {

constexpr const char* kBusyCount = "busy: 64 requests are in flight; retry when one is answered";
constexpr const char* kBusyMemory =
    "busy: the requests in flight hold all the memory that they may; retry when one is answered";

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
  CHECK(within(kPatience, [&] { return http.requests_in_flight() == 64; }));
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    HttpClient& one = *many[static_cast<std::size_t>(i)];
    pollfd ready{one.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 0) != 1) continue;
    const Answer answer = one.read_head();
    if (answer.status != 503) continue;  // a stream, begun because the call takes its time
    CHECK(answer.field("retry-after") == "1");
    CHECK(one.has_come(refusal(-32603, kBusyCount, std::to_string(i))));
    ++refused;
  }
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
  for (int i = 15; i < 64; ++i)
    REQUIRE(server.line() == refusal(-32603, kBusyMemory, std::to_string(i)));
  if (!kSanitized) CHECK(server.peak_mib() < kPeakMib);
  // Once they are cancelled and gone there is room again.
  all.clear();
  for (int i = 0; i < 15; ++i) all += cancelled(std::to_string(i)) + "\n";
  REQUIRE(server.say(all));
  CHECK(within(kPatience, [&] {
    REQUIRE(server.say(call("\"again\"", "echo", R"({"text":")" + megabyte + "\"}") + "\n"));
    return server.line().find("result") != std::string::npos;
  }));
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
