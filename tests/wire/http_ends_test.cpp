// How a server over HTTP begins and ends: addresses, signals, what is at work meanwhile.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

#include "tests/wire/hostile_messages.h"

namespace remit::wire_test {
namespace {

const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_CASE("SIGTERM: calls at work are finished, idle connections end, nothing new is taken") {
  HttpProcess server(http_command());
  HttpClient idle(server.address()), busy(server.address()), session(server.address());
  idle.send(kHealth);
  CHECK(idle.read().status == 200);
  session.send(post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"));
  const std::string id = session.read().field("mcp-session-id");
  session.send("GET /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: " + id + "\r\n\r\n");
  CHECK(session.read_until(": open"));
  // Shorter than kHttpDrainTime, and long enough to be at work when the signal comes.
  busy.send(post(modern_call("1", "slow", R"({"ms":400})"), fields("slow")));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 2; }));
  server.signal(SIGTERM);
  CHECK(idle.ends());
  CHECK(session.read_until("0\r\n\r\n"));
  CHECK(busy.read().body.find("waited") != std::string::npos);
  CHECK(server.wait(seconds(10)) == 0);
  HttpClient late(server.address());
  CHECK(late.fd() < 0);
}

TEST_CASE("SIGTERM: a listener gets its last result, which names the subscription") {
  std::vector<std::string> with_tasks = http_command();
  with_tasks.emplace_back("--tasks");
  HttpProcess server(with_tasks);
  HttpClient client(server.address());
  client.send(post(
      R"({"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{},)"
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})",
      "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n"));
  CHECK(client.read_until("notifications/subscriptions/acknowledged"));
  server.signal(SIGTERM);
  CHECK(client.read_until(R"("id":"L","result":{)"));
  CHECK(client.read_until(R"("io.modelcontextprotocol/subscriptionId":"L")"));
  CHECK(client.read_until("0\r\n\r\n"));
  CHECK(server.wait(seconds(10)) == 0);
}

TEST_CASE("SIGTERM: a task that heeds no stop does not keep the process") {
  std::vector<std::string> with_tasks = http_command();
  with_tasks.emplace_back("--tasks");
  HttpProcess server(with_tasks);
  HttpClient client(server.address());
  std::string body = modern_call("1", "slow", R"({"ms":60000,"stubborn":true})");
  const std::string none = R"(clientCapabilities":{)";
  body.insert(body.find(none) + none.size(),
              R"("extensions":{"io.modelcontextprotocol/tasks":{}})");
  client.send(post(body, fields("slow")));
  CHECK(client.read().body.find("taskId") != std::string::npos);
  server.signal(SIGTERM);
  CHECK(server.wait(seconds(20)) == 0);
}

TEST_CASE("a second signal ends the process at once") {
  HttpProcess server(http_command());
  HttpClient busy(server.address());
  busy.send(post(modern_call("1", "slow", R"({"ms":60000})"), fields("slow")));
  REQUIRE(within(kPatience, [&] { return server.requests_in_flight() == 1; }));
  HttpClient probe(server.address());
  server.signal(SIGTERM);
  CHECK(probe.ends());  // the first was seen
  server.signal(SIGINT);
  CHECK(server.wait(seconds(5)) == 1);
}

TEST_CASE("addresses: loopback, in use, a unix socket") {
  const auto fails = [](std::vector<std::string> more) {
    more.insert(more.begin(), server_path());
    HttpProcess server(more);
    return server.wait(seconds(5));
  };
  // An address of nobody's (RFC 5737): the refusal comes before the address is tried, and with a
  // proxy in front it is tried.
  const auto says = [](const std::string& more) {
    const std::string command =
        "timeout 10 '" + server_path() + "' --http 192.0.2.1:0 " + more + " 2>&1 >/dev/null";
    std::string text;
    std::FILE* out = ::popen(command.c_str(), "r");
    REQUIRE(out != nullptr);
    for (int c = 0; (c = std::fgetc(out)) != EOF;) text += static_cast<char>(c);
    CHECK(::pclose(out) == 3 << 8);
    return text;
  };
  CHECK(says("").find("is no loopback address") != std::string::npos);
  CHECK(says("--behind-proxy").find("cannot bind") != std::string::npos);
  CHECK(fails({"--http", "nonsense"}) == 3);
  CHECK(fails({"--http", "127.0.0.1:99999"}) == 3);
  const HttpProcess server(http_command());
  CHECK(fails({"--http", server.address()}) == 3);

  char name[] = "/tmp/remit-http-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  const std::string path = folder + "/s";
  {
    const HttpProcess first({server_path(), "--socket", path});
    struct stat status{};
    CHECK(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    HttpClient client(path);
    client.send(kHealth);
    CHECK(client.read().body == "ok\n");
    CHECK(fails({"--socket", path}) == 3);
  }
  {
    const HttpProcess second({server_path(), "--socket", path});  // over the dead one's
    HttpClient client(path);
    client.send(kHealth);
    CHECK(client.read().body == "ok\n");
  }
  std::ofstream(folder + "/file") << "x";
  CHECK(fails({"--socket", folder + "/file"}) == 3);
  CHECK(fails({"--socket", folder + "/" + std::string(200, 's')}) == 3);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace remit::wire_test
