// packaging/nginx/remit.conf, run by Debian's nginx in front of the server of toys: what a proxy
// and a server could read differently is refused, or is one request on both sides; slow and idle
// clients stop at nginx; streams of events come through at once. Everything listens on unix sockets
// in a folder of its own. Skipped (77) where nginx or openssl is not installed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include <doctest/doctest.h>

#include "tests/proxy/proxied.h"
#include "tests/wire/http_client.h"

namespace remit::wire_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kModern = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{}})";

std::string call(const std::string& tool, const std::string& arguments,
                 const std::string& meta = {}) {
  return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + "," + (meta.empty() ? kModern : meta) + "}}";
}
std::string fields(const std::string& tool) {
  return "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + tool + "\r\n";
}

TEST_CASE("a request passes, over TLS too, and streams are not held back") {
  Proxied house;
  HttpClient client(house.plain());
  for (int i = 0; i < 3; ++i) {
    client.send(post(call("echo", R"({"text":"hi"})"), fields("echo")));
    const Answer answer = client.read();
    CHECK(answer.status == 200);
    CHECK(answer.body.find("\"hi\"") != std::string::npos);
  }
  // Through TLS, by OpenSSL's own client.
  const std::string request =
      post(call("echo", R"({"text":"over TLS"})"), fields("echo") + "Connection: close\r\n");
  std::ofstream(house.folder() + "/request") << request;
  const std::string command = "cat " + house.folder() + "/request | timeout 10 " + kOpenssl +
                              " s_client -quiet -unix " + house.folder() + "/tls 2>/dev/null";
  std::string answer;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char piece[4096];
  for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    answer.append(piece, got);
  ::pclose(pipe);
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.find("over TLS") != std::string::npos);
  // The first event arrives while the call is still at work.
  client.send(
      post(call("slow", R"({"ms":60000})", R"("_meta":{"progressToken":1,)" + kModern.substr(9)),
           fields("slow")));
  CHECK(client.read_until("notifications/progress"));
  // And who leaves cancels: Remit has nothing in flight but the question itself.
  client.close();
  for (int i = 0; i < 500; ++i) {
    HttpClient direct(house.folder() + "/remit");
    direct.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (direct.read().body.find("remit_http_requests_in_flight 1\n") != std::string::npos) return;
    ::usleep(10'000);
  }
  FAIL("the call was not cancelled");
}

TEST_CASE("what could be read in two ways is refused, or one request on both sides") {
  Proxied house;
  const std::string body = call("echo", R"({"text":"hi"})");
  const std::string start =
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
      fields("echo");
  const std::string size = std::to_string(body.size());
  const std::string inner = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const auto chunked = [&](const std::string& first) {
    return start + "Transfer-Encoding: chunked\r\n\r\n" + first + "\r\n" + body + "\r\n0\r\n\r\n";
  };
  char hex[16];
  std::snprintf(hex, sizeof hex, "%zx", body.size());
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "A" + std::to_string(i) + ": b\r\n";
  struct Row {
    const char* what;
    std::string bytes;
  };
  const Row rows[] = {
      {"CL + TE", start + "Content-Length: " + size +
                      "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner},
      {"TE + CL", start + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + hex + "\r\n" +
                      body + "\r\n0\r\n\r\n"},
      {"two CL", start + "Content-Length: " + size + "\r\nContent-Length: 0\r\n\r\n" + body},
      {"CL zz", start + "Content-Length: zz\r\n\r\n" + inner},
      {"CL sign", start + "Content-Length: +" + size + "\r\n\r\n" + body},
      {"two hosts", start + "Host: evil.example\r\nContent-Length: " + size + "\r\n\r\n" + body},
      {"obs-fold", start + "A: b\r\n c\r\nContent-Length: " + size + "\r\n\r\n" + body},
      {"bare CR", start + "A: b\rc\r\nContent-Length: " + size + "\r\n\r\n" + body},
      {"NUL",
       start + std::string("A: b\0c\r\n", 8) + "Content-Length: " + size + "\r\n\r\n" + body},
      {"chunk sign", chunked(std::string("+") + hex)},
      {"chunk minus", chunked("-1")},
      {"chunk 0x", chunked(std::string("0x") + hex)},
      {"10,000 fields", start + many + "Content-Length: " + size + "\r\n\r\n" + body},
      {"long field",
       start + "A: " + std::string(9'000, 'b') + "\r\nContent-Length: " + size + "\r\n\r\n" + body},
      {"blank before colon", start + "Content-Length : " + size + "\r\n\r\n" + body},
      {"TE in disguise",
       start + "Transfer-Encoding: xchunked\r\nContent-Length: " + size + "\r\n\r\n" + body},
      {"body over 8 MiB", start + "Content-Length: 8388609\r\n\r\n"},
      {"path", "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const long before = house.requests();
    HttpClient client(house.plain());
    client.send(row.bytes);
    const Answer answer = client.read();
    CHECK(answer.status != 0);
    const long reached = house.requests() - before;
    CHECK(reached <= 1);
    // Served means: by one request that is the one that was meant.
    if (answer.status == 200) CHECK(reached == 1);
    if (answer.status == 200 && std::string(row.what) != "CL + TE")
      CHECK(answer.body.find("\"hi\"") != std::string::npos);
  }
  // A chunked body arrives with a length.
  HttpClient client(house.plain());
  client.send(chunked(hex));
  CHECK(client.read().status == 200);
}

TEST_CASE("slow and idle clients stop at nginx") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t clients = files.rlim_cur >= 4096 ? 700 : 250;  // more than Remit has threads
  Proxied house;
  std::vector<std::unique_ptr<HttpClient>> slow;
  for (std::size_t i = 0; i < clients; ++i) {
    slow.push_back(std::make_unique<HttpClient>(house.plain()));
    REQUIRE(slow.back()->fd() >= 0);
    switch (i % 3) {
      case 0:  // a head that never ends
        slow.back()->send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nA: ");
        break;
      case 1:  // a body that never ends
        slow.back()->send(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000\r\n\r\n{");
        break;
      default:  // nothing, after an answer from nginx itself
        slow.back()->send("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
        REQUIRE(slow.back()->read().status == 404);
        break;
    }
  }
  HttpClient live(house.plain());
  for (int i = 0; i < 20; ++i) {
    live.send(post(call("echo", R"({"text":"hi"})"), fields("echo")));
    CHECK(live.read().status == 200);
  }
  CHECK(house.requests() <= 20);
}

}  // namespace
}  // namespace remit::wire_test

int main(int argc, char** argv) {
  for (const char* program : {remit::wire_test::kNginx, remit::wire_test::kOpenssl})
    if (::access(program, X_OK) != 0) {
      std::printf("skipped: %s is not installed\n", program);
      return 77;
    }
  doctest::Context context(argc, argv);
  return context.run();
}
