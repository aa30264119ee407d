// Many agents behind one address: who reaches whom, under which instruction, and what passes
// through.
#include <chrono>
#include <thread>

#include "tests/e2e/agents_front.h"

namespace remit::e2e {
namespace {

TEST_CASE("a credential reaches its own agent and nobody else, nor learns who there is") {
  Front front;
  const std::string engineer = front.credential(kEngineer), dba = front.credential("dba"),
                    ghost = front.credential("ghost");
  std::ofstream(front.agents + "/broken.md") << "---\nname: broken\nname: twice\n---\nx\n";
  const std::string broken = front.credential("broken");
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "bug_report "));
  CHECK_FALSE(has(tools_of(front, {"dba", dba}), "handoff "));

  const auto status = [&](const Ask& ask) {
    return send(front, ask, "tools/list", Json::object()).status;
  };
  CHECK(status({kEngineer, ""}) == 401);
  CHECK(status({kEngineer, "wrong"}) == 401);
  CHECK(status({"no-such-agent", "wrong"}) == 401);
  for (const char* path : {"/agents", "/agents/", "/agents/dba", "/agents//mcp"})
    CHECK_MESSAGE(status({kEngineer, "", "", path}) == 401, path);
  CHECK(has(slurp(front.log), "a credential for an agent that is not in the folder"));  // ghost
  const auto other = send(front, {kEngineer, dba}, "tools/list", Json::object());
  const auto none = send(front, {"no-such-agent", dba}, "tools/list", Json::object());
  const auto odd = send(front, {"..%2f..", dba}, "tools/list", Json::object());
  CHECK(other.status == 403);
  CHECK(none.status == 403);
  CHECK(other.body == none.body);
  CHECK(other.body == odd.body);
  CHECK_MESSAGE(front.worker(kEngineer, kFirst) != 0, slurp(front.log));
  CHECK(front.worker("sysadmin", kFirst) == 0);  // nobody has called it

  // A persona that is malformed is told to its own caller alone, and stops nobody else.
  const auto invalid = send(front, {"broken", broken}, "tools/list", Json::object());
  CHECK(invalid.status == 503);
  CHECK_MESSAGE(has(invalid.body, "persona_invalid: broken.md:3:1"), invalid.body);
  CHECK_FALSE(has(invalid.body, front.path));
  CHECK(has(slurp(front.log), "\"not served\""));
  CHECK(send(front, {"ghost", ghost}, "tools/list", Json::object()).status == 503);

  CHECK(status({kEngineer, engineer, "", "/mcp"}) == 404);  // which of them?
  CHECK(status({kEngineer, engineer, "", "/agents//mcp"}) == 404);
  CHECK(status({kEngineer, engineer, "", "/agents/a/b/mcp"}) == 404);
  wire_test::HttpClient client(front.address);
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read().status == 200);
  client.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read().status == 200);
  client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read().status == 401);
  CHECK(status({kEngineer, engineer, "Host: evil.example\r\n"}) == 400);
  CHECK(status({kEngineer, engineer, "Origin: https://evil.example\r\n"}) == 403);
}

TEST_CASE("the header chooses among a credential's instructions, and so the worker") {
  Front front;
  const std::string both = front.credential(kEngineer, std::string(kFirst) + "," + kSecond),
                    any = front.credential("dba", "*"), own = front.credential("sysadmin");
  front.start();
  const auto under = [](const std::string& id) { return "Remit-Instruction: " + id + "\r\n"; };
  const auto status = [&](const std::string& agent, const std::string& token,
                          const std::string& fields) {
    return send(front, {agent, token, fields}, "tools/list", Json::object()).status;
  };
  CHECK(status(kEngineer, both, "") == 400);
  CHECK(status(kEngineer, both, under("inst_other")) == 403);
  CHECK(status(kEngineer, both, under(kFirst) + under(kFirst)) == 400);
  for (const std::string& hostile : std::vector<std::string>{
           "../../etc", "inst 1", "1inst", "-", "*", "inst_1\xff", std::string(97, 'a')})
    CHECK_MESSAGE(status(kEngineer, both, under(hostile)) == 400, hostile);
  CHECK(status("dba", any, "") == 400);
  CHECK(status("dba", any, under("inst_of_today")) == 200);
  CHECK(status("sysadmin", own, "") == 200);
  CHECK(status("sysadmin", own, under(kFirst)) == 200);
  CHECK(status("sysadmin", own, under(kSecond)) == 403);
  // A caller cannot say for itself who it is.
  CHECK(status("sysadmin", "", "Remit-Principal: x\r\n") == 401);

  for (const char* id : {kFirst, kSecond}) {
    const Called wrote =
        call(front, {kEngineer, both, under(id)}, "memory_write",
             {{"path", std::string(id) + "/tasks/completed/technical_resolution.yaml"},
              {"op", "create"},
              {"content", std::string("summary: ") + id + "\n"}});
    CHECK_MESSAGE(wrote.worked, wrote.text);
    CHECK(front.worker(kEngineer, id) != 0);
  }
  CHECK(front.worker(kEngineer, kFirst) != front.worker(kEngineer, kSecond));
  const Called foreign = call(front, {kEngineer, both, under(kFirst)}, "memory_read",
                              {{"path", std::string(kSecond) + "/instruction.yaml"}});
  CHECK_FALSE(foreign.worked);
}

TEST_CASE("one persona alone is at /mcp too; without a file each agent gets a token") {
  Front front;
  for (const auto& entry : files::directory_iterator(front.agents))
    if (entry.path().filename() != "dba.md") files::remove(entry.path());
  const std::string dba = front.credential("dba");
  front.start();
  CHECK(has(tools_of(front, {"dba", dba, "", "/mcp"}), "Grep "));
  CHECK(has(tools_of(front, {"dba", dba}), "Grep "));
}

TEST_CASE("two agents at once on one memory; a waiting call is answered through the front") {
  Front front;
  const std::string engineer = front.credential(kEngineer), dba = front.credential("dba");
  front.start();
  const Called asked = call(front, {kEngineer, engineer}, "handoff",
                            {{"kind", "consult"}, {"to", "dba"}, {"question", "Is 50 enough?"}});
  REQUIRE_MESSAGE(asked.worked, asked.text);
  const std::string id = asked.data["handoff_id"];
  Called waited;
  std::thread waiting([&] {
    waited = call(front, {kEngineer, engineer}, "handoff",
                  {{"action", "wait"}, {"id", id}, {"wait_ms", 25000}});
  });
  const Called answered =
      call(front, {"dba", dba}, "respond", {{"id", id}, {"action", "answer"}, {"text", "No: 80"}});
  waiting.join();
  CHECK_MESSAGE(answered.worked, answered.text);
  CHECK_MESSAGE(has(waited.text, "answered"), waited.text);
}

TEST_CASE("a stream stays open through the front, and leaving it ends it in the worker") {
  constexpr std::chrono::milliseconds kIdle(300);
  Front front("--worker-idle " + std::to_string(kIdle.count()) + "ms");
  const std::string dba = front.credential("dba");
  front.start();
  const Ask ask{"dba", dba};
  {
    wire_test::HttpClient client(front.address);
    REQUIRE(client.send(
        request(ask, "subscriptions/listen", {{"notifications", {{"toolsListChanged", true}}}})));
    const auto head = client.read_head();
    CHECK(head.status == 200);
    CHECK(has(head.field("content-type"), "text/event-stream"));
    CHECK(client.has_come("data: "));
    const pid_t worker = front.worker("dba", kFirst);
    CHECK(worker != 0);
    // While it is open its worker is not idle, however often others come and go, and for longer
    // than it would wait without it.
    for (int round = 0; round < 5; ++round)
      CHECK(call(front, ask, "inbox", Json::object()).status == 200);
    std::this_thread::sleep_for(3 * kIdle);
    CHECK(front.worker("dba", kFirst) == worker);
  }
  CHECK(within(kPatience, [&] { return front.worker("dba", kFirst) == 0; }));
}

TEST_CASE("large bodies pass in both directions, and a unix socket serves as well") {
  Front front("--page-chars 500000");
  const std::string engineer = front.credential(kEngineer);
  front.start();
  const Ask ask{kEngineer, engineer};
  std::string text;
  for (int line = 0; line < 1500; ++line) text += std::string(300, 'x') + "\n";
  const Called wrote = call(front, ask, "Write", {{"file_path", "large.txt"}, {"content", text}});
  CHECK_MESSAGE(wrote.worked, wrote.text);
  CHECK(slurp(front.workspace + "/large.txt") == text);
  const Called read = call(front, ask, "Read", {{"file_path", "large.txt"}});
  CHECK_MESSAGE(read.worked, read.text);
  CHECK(read.text.size() > 300'000);  // more than the front keeps of an answer
  wire_test::HttpClient client(front.address);
  REQUIRE(client.send("POST /agents/" + std::string(kEngineer) +
                      "/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + engineer +
                      "\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"));
  CHECK(client.read().status == 413);
  front.end();

  front.options = "--socket '" + front.path + "/front'";
  front.where = "";
  front.start();
  CHECK(has(tools_of(front, ask), "Bash "));
}

}  // namespace
}  // namespace remit::e2e
