// What the front decides without a socket: who may call what, what goes on to a worker, what of its
// answer goes back, and how long a worker that crashes rests.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include <doctest/doctest.h>

#include "base/crypto.h"
#include "server/front/link.h"
#include "server/front/relay.h"
#include "server/front/table.h"
#include "server/front/workers.h"
#include "server/limits.h"
#include "server/transport/handing.h"
#include "tests/within.h"

namespace remit::front {
namespace {

transport::Head head_of(const std::string& fields, const std::string& path = "/agents/dba/mcp") {
  auto parsed = transport::parse_head(
      "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + fields + "\r\n");
  REQUIRE(std::holds_alternative<transport::Head>(parsed));
  return std::get<transport::Head>(parsed);
}

Table table_of_two() {
  Table table;
  table.agents["dba"] = {"", 3};
  table.agents["broken"] = {"broken.md:1:1: no front matter", 1};
  table.credentials = {{"dba", sha256_hex("one"), {"inst_1", "inst_2"}, false},
                       {"dba", sha256_hex("any"), {}, true},
                       {"dba", sha256_hex("own"), {}, false},
                       {"broken", sha256_hex("bad"), {}, false}};
  table.instruction = "inst_0";
  return table;
}

// "dba inst_1", or the status of the refusal.
std::string chosen(const Table& table, const std::string& token, const std::string& agent,
                   const std::string& fields = "") {
  const transport::Head head = head_of("Authorization: Bearer " + token + "\r\n" + fields);
  const auto caller = find_caller(table, head);
  if (!caller) return "401";
  const auto found = choose(table, *caller, agent, head);
  if (const auto* refusal = std::get_if<transport::Refusal>(&found))
    return std::to_string(refusal->status);
  const auto& to = std::get<Destination>(found);
  return to.agent + " " + to.instruction;
}

TEST_CASE("a credential and a header make a destination") {
  const Table table = table_of_two();
  const auto under = [](const std::string& id) { return "Remit-Instruction: " + id + "\r\n"; };
  CHECK(chosen(table, "nobody", "dba") == "401");
  CHECK(chosen(table, "own", "dba") == "dba inst_0");
  CHECK(chosen(table, "own", "dba", under("inst_1")) == "403");
  CHECK(chosen(table, "one", "dba") == "400");
  CHECK(chosen(table, "one", "dba", under("inst_2")) == "dba inst_2");
  CHECK(chosen(table, "one", "dba", under("inst_2") + under("inst_2")) == "400");
  CHECK(chosen(table, "any", "dba", under("inst_9")) == "dba inst_9");
  CHECK(chosen(table, "any", "dba", under("../x")) == "400");
  CHECK(chosen(table, "any", "dba") == "400");
  CHECK(chosen(table, "own", "sysadmin") == "403");
  CHECK(chosen(table, "own", "broken") == "403");
  CHECK(chosen(table, "bad", "broken") == "503");
}

TEST_CASE("a table survives its way between two processes") {
  const Table table = table_of_two();
  const auto back = decode(encode(table));
  REQUIRE(back);
  CHECK(encode(*back) == encode(table));
  CHECK(chosen(*back, "one", "dba", "Remit-Instruction: inst_1\r\n") == "dba inst_1");
  for (const char* bad : {"", "[]", "{}", R"({"agents":{"a":1}})"}) CHECK_FALSE(decode(bad));
}

TEST_CASE("a path names an agent") {
  Table table = table_of_two();
  CHECK(agent_of_path(table, "/agents/dba/mcp") == "dba");
  CHECK(agent_of_path(table, "/agents/no-such/mcp") == "no-such");
  for (const char* path : {"/mcp", "/agents", "/agents/", "/agents/mcp", "/agents//mcp",
                           "/agents/a/b/mcp", "/agents/dba/mcp/", "/agents/dba"})
    CHECK_MESSAGE(agent_of_path(table, path).empty(), path);
  table.agents.erase("broken");
  CHECK(agent_of_path(table, "/mcp") == "dba");
}

TEST_CASE("of a request only what MCP knows goes on, never the token") {
  const transport::Head head = head_of(
      "Authorization: Bearer secret\r\nCookie: a=b\r\nRemit-Principal: me\r\n"
      "Origin: http://localhost\r\nMcp-Method: ping\r\nAccept: */*\r\nX-Other: 1\r\n");
  const std::string sent = worker_request(head, {"dba", "inst_1", "1234", 1}, 2);
  CHECK(sent ==
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nremit-principal: 1234\r\nmcp-method: ping\r\n"
        "accept: */*\r\nContent-Length: 2\r\n\r\n");
}

TEST_CASE("a worker's answer is read strictly") {
  const auto good = parse_worker_head(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s\r\n"
      "Set-Cookie: a=b\r\nContent-Length: 12\r\n\r\n");
  REQUIRE(good);
  CHECK(good->status == 200);
  CHECK(good->length == 12);
  CHECK(good->type == "application/json");
  REQUIRE(good->fields.size() == 1);
  CHECK(good->fields[0].first == "mcp-session-id");
  const auto events = parse_worker_head(
      "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  REQUIRE(events);
  CHECK(events->framing == transport::Framing::chunked);
  CHECK_FALSE(events->keep_alive);
  for (const char* bad :
       {"", "\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 101 Go\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 20x\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nRetry-After: 1\nX: y\r\nContent-Length: 1\r\n\r\n"})
    CHECK_MESSAGE(!parse_worker_head(bad), bad);
}

TEST_CASE("the first crash costs no rest, the next ones more and more") {
  CHECK(rest_after(1) == std::chrono::milliseconds(0));
  CHECK(rest_after(2) == limits::kWorkerBackoff);
  CHECK(rest_after(3) == 2 * limits::kWorkerBackoff);
  CHECK(rest_after(100) == limits::kWorkerBackoffMax);
}

TEST_CASE("a worker that heeds no end is killed") {
  Workers workers("/bin/sh");
  Workers::Plan plan;
  plan.words = {"sh", "-c", "trap '' TERM; echo >&3; exec sleep 60"};
  auto channel = workers.open({"dba", "inst_1"}, std::move(plan));
  REQUIRE(channel);
  REQUIRE(transport::hand_over(channel->get(), "c", -1));
  workers.start_waiting();
  REQUIRE(workers.running() == 1);
  CHECK(workers.kill_late() == std::chrono::milliseconds(-1));
  REQUIRE(transport::receive_handed(channel->get()));  // it ignores the signal from here on
  workers.retire("dba");
  CHECK(workers.running() == 0);
  int status = 0;
  pid_t ended = 0;
  CHECK(within(std::chrono::seconds(30), [&] {
    CHECK(workers.kill_late() <= limits::kWorkerEnd);
    return (ended = ::waitpid(-1, &status, WNOHANG)) > 0;
  }));
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(workers.ended(ended, status));
  CHECK(workers.kill_late() == std::chrono::milliseconds(-1));
}

TEST_CASE("a question that the launcher does not answer ends, and a late answer is nobody's") {
  auto ends = transport::make_channel();
  REQUIRE(ends);
  Link link(std::move(ends->first), table_of_two());
  REQUIRE(link.start([] {}));
  const Destination to{"dba", "inst_1", "1234", 3};
  std::string first;
  std::thread asking([&] {
    const auto got = link.connect(to, true);
    first = got ? "connected" : got.error().message;
  });
  REQUIRE(transport::receive_handed(ends->second.get()));
  asking.join();
  CHECK(first == "the process that starts workers does not answer");
  std::thread again([&] {
    const auto got = link.connect(to, true);
    first = got ? "connected" : got.error().message;
  });
  CHECK(transport::receive_handed(ends->second.get()));
  for (const char* answer :
       {R"({"opened":1,"error":"too late"})", R"({"opened":2,"error":"it rests"})"})
    CHECK(transport::hand_over(ends->second.get(), answer, -1));
  again.join();
  CHECK(first == "it rests");
}

}  // namespace
}  // namespace remit::front
