// Each trap of cpp-httplib 0.11.4 (docs/protocol.md has the table) and what a hostile or unlucky
// client can do to a connection, against a running server.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include <doctest/doctest.h>

#include "tests/wire/http_client.h"
#include "tests/wire/http_server_path.h"
#include "tests/within.h"

namespace remit::wire_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kFields =
    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: ";

std::string call(const std::string& tool, const std::string& arguments) {
  return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments +
         R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
}
std::string echo(const std::string& text) {
  return post(call("echo", R"({"text":")" + text + "\"}"), kFields + "echo\r\n");
}
std::vector<std::string> command() {
  return {server_path(), "--http", "127.0.0.1:0"};
}

void check_memory(const HttpProcess& server) {
  const auto peak = server.peak_rss_mib();
  if (!peak) {
    MESSAGE("not looked at: the memory of a server that was built with a sanitizer");
    return;
  }
  CHECK(*peak > 0);
  CHECK(*peak < 61);  // 64 MB
}

TEST_CASE("a response comes in one piece, and a connection serves more than five requests") {
  const HttpProcess server(command());
  HttpClient client(server.address());
  for (int i = 0; i < 50; ++i) {
    client.send(echo("x"));
    char piece[4096];
    const ssize_t got = ::recv(client.fd(), piece, sizeof piece, 0);
    REQUIRE(got > 0);
    const std::string text(piece, static_cast<std::size_t>(got));
    CHECK(text.starts_with("HTTP/1.1 200 "));
    CHECK(text.ends_with("}}}}"));  // head and body together: nothing waits for an ACK
    CHECK(text.find("Keep-Alive") == std::string::npos);
  }
}

TEST_CASE("pipelined requests are all answered, in order") {
  const HttpProcess server(command());
  HttpClient client(server.address());
  std::string all;
  for (int i = 0; i < 20; ++i) all += i % 2 == 0 ? echo("n" + std::to_string(i)) : kHealth;
  client.send(all);
  for (int i = 0; i < 20; ++i) {
    const Answer answer = client.read();
    CHECK(answer.status == 200);
    CHECK(answer.body.find(i % 2 == 0 ? "\"n" + std::to_string(i) + "\"" : "ok") !=
          std::string::npos);
  }
}

TEST_CASE("connections up to the cap are served, one more is told to come back") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 1500) {
    MESSAGE("skipped: this machine gives a process only ", files.rlim_max, " descriptors");
    return;
  }
  files.rlim_cur = 1500;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const HttpProcess server(command());
  std::vector<std::unique_ptr<HttpClient>> open;
  for (int i = 0; i < 512; ++i) {
    open.push_back(std::make_unique<HttpClient>(server.address()));
    open.back()->send(echo("x"));
    REQUIRE(open.back()->read().status == 200);
  }
  HttpClient more(server.address());
  const Answer busy = more.read();
  CHECK(busy.status == 503);
  CHECK(busy.field("retry-after") == "1");
  CHECK(more.ends());
  // The last one, whose descriptor select() could not take, and the first still answer.
  for (HttpClient* one : {open.back().get(), open.front().get()}) {
    one->send(echo("y"));
    CHECK(one->read().status == 200);
  }
  open.resize(500);
  CHECK(within(kPatience, [&] {
    HttpClient again(server.address());
    again.send(kHealth);
    return again.read().status == 200;
  }));
  check_memory(server);
}

TEST_CASE("a connection that no descriptor is left to serve is told to come back") {
  int refused = 0;
  for (const char* most : {"24", "25"}) {  // with one of them the last descriptor is the socket's
    const HttpProcess server(
        {"/bin/sh", "-c", std::string("ulimit -n ") + most + R"(; exec "$0" --http 127.0.0.1:0)",
         server_path()});
    REQUIRE_FALSE(server.address().empty());
    std::vector<std::unique_ptr<HttpClient>> open;
    for (int i = 0; i < 16; ++i) {
      open.push_back(std::make_unique<HttpClient>(server.address()));
      open.back()->send(kHealth);
      const Answer answer = open.back()->read(seconds(3));
      if (answer.status == 200) continue;
      if (answer.status == 503 && answer.field("retry-after") == "1") ++refused;
      break;
    }
  }
  CHECK(refused >= 1);
}

TEST_CASE("what could be read in two ways ends the connection") {
  const HttpProcess server(command());
  const std::string json = "Content-Type: application/json\r\n";
  const std::string start = "POST /mcp HTTP/1.1\r\nHost: localhost\r\n" + json;
  const std::string inner = kHealth;
  struct Row {
    const char* what;
    std::string bytes;
    int status;
  };
  const Row rows[] = {
      {"CL + TE", start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"two CL", start + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"CL zz", start + "Content-Length: zz\r\n\r\nhello", 400},
      {"CL sign", start + "Content-Length: +5\r\n\r\nhello", 400},
      {"no CL", start + "\r\nhello", 411},
      {"two hosts", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
      {"no host", "GET /healthz HTTP/1.1\r\n\r\n", 400},
      {"obs-fold", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400},
      {"bare CR", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\rc\r\n\r\n", 400},
      {"bare LF", "GET /healthz HTTP/1.1\nHost: localhost\n\n", 400},
      {"NUL", std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n", 50), 400},
      {"chunk sign", start + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", 400},
      {"chunk plus", start + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n", 400},
      {"chunk 0x", start + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400},
      {"trailer", start + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nHost: evil\r\n\r\n",
       400},
      {"TE other", start + "Transfer-Encoding: identity\r\n\r\n", 400},
      {"refused with a body",
       "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
           std::to_string(inner.size()) + "\r\n\r\n",
       404},
      {"GET with a body",
       "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
           std::to_string(inner.size()) + "\r\n\r\n",
       200},
      {"HTTP/0.9", "GET /healthz\r\n\r\n", 400},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01\x02\x01\r\n\r\n", 400},
      {"long path", "GET /" + std::string(8'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
       404},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    HttpClient client(server.address());
    client.send(row.bytes + inner);  // must never be taken for a request
    CHECK(client.read().status == row.status);
    if (row.status != 404 || std::string(row.what) != "long path") CHECK(client.ends());
  }
}

TEST_CASE("what the library would do with a field is not done") {
  const HttpProcess server(command());
  HttpClient client(server.address());
  std::string request = echo(std::string(5'000, 'z'));
  request.insert(request.find("Accept"),
                 "Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nREMOTE_ADDR: 10.0.0.1\r\n");
  client.send(request);
  const Answer answer = client.read();
  CHECK(answer.status == 200);
  CHECK(answer.field("content-encoding").empty());
  CHECK(answer.body.find(std::string(5'000, 'z')) != std::string::npos);
  client.send("HEAD /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_head().status == 405);
  client.send(kHealth);
  CHECK(client.read().body == "ok\n");  // no body came with the HEAD
}

TEST_CASE("bodies: chunked, announced, too large, cut off") {
  const HttpProcess server(command());
  HttpClient client(server.address());
  const std::string body = call("echo", R"({"text":"hi"})");
  const std::string head =
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + kFields +
      "echo\r\n";
  std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (const char c : body) chunked += std::string("1\r\n") + c + "\r\n";
  client.send(chunked + "0\r\n\r\n" + kHealth);
  CHECK(client.read().status == 200);
  CHECK(client.read().body == "ok\n");
  // Expect: 100-continue: the body is asked for only if the head passed.
  client.send(head + "Expect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  CHECK(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send(body);
  CHECK(client.read().status == 200);
  client.send(
      "POST /mcp HTTP/1.1\r\nHost: evil\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(client.read_head().status == 403);

  // At the limit it is read (and is no message), one byte more is not, chunked or not.
  const std::size_t limit = 8u << 20;
  for (const std::size_t size : {limit, limit + 1}) {
    HttpClient large(server.address());
    std::string bytes = head + "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t left = size; left > 0;) {
      const std::size_t piece = std::min<std::size_t>(left, 1u << 20);
      char line[32];
      std::snprintf(line, sizeof line, "%zx\r\n", piece);
      bytes += line + std::string(piece, ' ') + "\r\n";
      left -= piece;
    }
    large.send(bytes + "0\r\n\r\n");
    CHECK(large.read().status == (size == limit ? 400 : 413));
  }
  HttpClient announced(server.address());
  announced.send(head + "Content-Length: " + std::to_string(limit + 1) + "\r\n\r\n");
  CHECK(announced.read().status == 413);
  {
    HttpClient cut(server.address());
    cut.send(head + "Content-Length: 100\r\n\r\n{");
  }
  {
    HttpClient endless(server.address());
    endless.send(head + "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 64 && endless.send("100000\r\n" + std::string(1u << 20, ' ') + "\r\n");
         ++i) {
    }
    CHECK(endless.read().status == 413);
  }
  HttpClient alive(server.address());
  alive.send(kHealth);
  CHECK(alive.read().status == 200);
  check_memory(server);
}

TEST_CASE("heads: too long, too many, too slow") {
  const HttpProcess server(command());
  {
    HttpClient many(server.address());
    many.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 10'000 && many.send("A" + std::to_string(i) + ": b\r\n"); ++i) {
    }
    CHECK(many.read().status == 431);
  }
  {
    HttpClient endless(server.address());
    endless.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: ");
    for (int i = 0; i < 64 && endless.send(std::string(1u << 20, 'b')); ++i) {
    }
    CHECK(endless.read().status == 431);
  }
  check_memory(server);
  // One byte a second does not keep a head open for ever.
  HttpClient slow(server.address());
  const std::string head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  for (std::size_t i = 0; i < head.size() && slow.send(head.substr(i, 1)); ++i)
    if (slow.read_until("408 Request Timeout", milliseconds(500))) break;
  CHECK(slow.ends());
  HttpClient silent(server.address());
  CHECK(silent.ends(seconds(20)));
}

}  // namespace
}  // namespace remit::wire_test
