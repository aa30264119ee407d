// Many agents behind one address: who reaches whom, and what holds when processes die, idle or are
// replaced.
#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "tests/e2e/served.h"
#include "tests/wire/http_client.h"

namespace remit::e2e {
namespace {

constexpr const char* kEngineer = "technical-support-engineer";
constexpr const char* kFirst = "inst_20260110_001";
constexpr const char* kSecond = "inst_20260110_002";

struct Said {
  int code = 0;
  std::string text;
};

struct Process {
  pid_t pid = 0;
  std::string command;
};

std::string command_line(pid_t pid) {
  std::string text = slurp("/proc/" + std::to_string(pid) + "/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// A front over a copy of the shipped personas, with the house's workspace and state.
struct Front : House {
  explicit Front(const std::string& more = "") {
    agents = path + "/agents";
    files::create_directories(agents);
    for (const auto& entry :
         files::directory_iterator(variable("REMIT_SOURCE") + "/agent_definitions"))
      files::copy_file(entry.path(), agents + "/" + entry.path().filename().string());
    options = more;
  }
  ~Front() { end(); }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  std::string credential(const std::string& agent, const std::string& instructions = "") const {
    const Said made = run("credential " + agent + " --file '" + path + "/credentials'" +
                          (instructions.empty() ? "" : " --instructions '" + instructions + "'"));
    REQUIRE_MESSAGE(made.code == 0, made.text);
    return made.text.substr(0, made.text.find('\n'));
  }
  Said run(const std::string& command) const {
    const std::string out = path + "/run";
    Said said;
    said.code = shell("cd '" + workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                      " > '" + out + "' 2>&1 </dev/null");
    said.text = slurp(out);
    return said;
  }
  void start() {
    log = path + "/stderr";
    files::remove(log);
    const std::string command = "exec '" + variable("REMIT_BINARY") + "' serve --agents '" +
                                agents + "' --workspace '" + workspace + "' --state '" + path +
                                "/state' --instruction " + kFirst + " " + where +
                                " --token-file '" + path + "/credentials' " + options + " 2> '" +
                                log + "' </dev/null >/dev/null";
    pid = fork();
    if (pid == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    REQUIRE_MESSAGE(within(kPatience, [&] { return has(slurp(log), "\"listening\""); }),
                    slurp(log));
    const std::string text = slurp(log);
    const std::size_t said = text.find("\"listening\"");
    for (const std::string mark : {"http://", "unix:"}) {
      const std::size_t at = text.find(mark, said);
      if (at == std::string::npos) continue;
      const std::size_t from = at + mark.size();
      const char* const ends = mark == "unix:" ? "\"" : "/";
      address = text.substr(from, text.find(ends, from) - from);
    }
  }
  int end() {
    if (pid <= 0) return 0;
    ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(std::exchange(pid, 0), &status, 0);
    return status;
  }
  // Everything that this front has started.
  std::vector<Process> processes(const std::string& part) const {
    std::vector<Process> out;
    for (const auto& entry : files::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const pid_t one = std::atoi(name.c_str());
      const std::string command = command_line(one);
      if (has(command, path + "/state") && has(command, part)) out.push_back({one, command});
    }
    return out;
  }
  // Workers have starters, with the same command line: the parent is the worker.
  pid_t worker(const std::string& agent, const std::string& instruction) const {
    const auto all = processes("worker --agent " + agents + "/" + agent + ".md");
    for (const Process& one : all) {
      if (!has(one.command, instruction)) continue;
      const std::string parent =
          field_of(slurp("/proc/" + std::to_string(one.pid) + "/status"), "PPid");
      if (!has(command_line(std::atoi(parent.c_str())), " worker ")) return one.pid;
    }
    return 0;
  }

  std::string agents, address, options, log, where = "--http 127.0.0.1:0";
  pid_t pid = 0;
};

struct Ask {
  std::string agent = kEngineer, token = {}, fields = {}, path = {};
};

std::string request(const Ask& ask, const std::string& method, const Json& given) {
  Json params = given;
  params["_meta"] = {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
                     {"io.modelcontextprotocol/clientCapabilities", Json::object()}};
  const std::string body =
      dump(Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}});
  const std::string path = ask.path.empty() ? "/agents/" + ask.agent + "/mcp" : ask.path;
  std::string out = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                    "Content-Type: application/json\r\n"
                    "Accept: application/json, text/event-stream\r\n"
                    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " +
                    method + "\r\n";
  if (given.contains("name")) out += "Mcp-Name: " + given["name"].get<std::string>() + "\r\n";
  if (!ask.token.empty()) out += "Authorization: Bearer " + ask.token + "\r\n";
  return out + ask.fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

wire_test::Answer send(const Front& front, const Ask& ask, const std::string& method,
                       const Json& params) {
  wire_test::HttpClient client(front.address);
  REQUIRE(client.send(request(ask, method, params)));
  return client.read(std::chrono::seconds(60));
}

// The result of a tool, from JSON or from the last event.
Json result_of(const wire_test::Answer& answer) {
  std::string text = answer.body;
  if (const std::size_t at = text.rfind("data: "); at != std::string::npos)
    text = text.substr(at + 6, text.find('\n', at) - at - 6);
  const auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, answer.status << " " << answer.body);
  return *parsed;
}

struct Called {
  int status = 0;
  bool worked = false;
  std::string text;
  Json data;
};
Called call(const Front& front, const Ask& ask, const std::string& tool, const Json& arguments) {
  const auto answer = send(front, ask, "tools/call", {{"name", tool}, {"arguments", arguments}});
  Called out;
  out.status = answer.status;
  if (answer.status != 200 || answer.body.empty()) {
    out.text = answer.body;
    return out;
  }
  const Json message = result_of(answer);
  if (!message.contains("result")) {
    out.text = dump(message);
    return out;
  }
  for (const Json& part : message["result"]["content"]) out.text += part.value("text", "");
  out.worked = !message["result"].value("isError", false);
  out.data = message["result"].value("structuredContent", Json::object());
  return out;
}

std::string tools_of(const Front& front, const Ask& ask) {
  const auto answer = send(front, ask, "tools/list", Json::object());
  REQUIRE_MESSAGE(answer.status == 200, answer.body);
  std::string out;
  const Json message = result_of(answer);
  for (const Json& tool : message["result"]["tools"]) out += tool["name"].get<std::string>() + " ";
  return out;
}

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

TEST_CASE("a worker that is killed loses nothing it acknowledged, and the next call works") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  const Ask ask{kEngineer, engineer};
  const std::string runbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";
  REQUIRE(call(front, ask, "memory_write",
               {{"path", runbooks}, {"op", "create"}, {"content", "runbooks: []\n"}})
              .worked);
  std::atomic<bool> over = false;
  std::atomic<int> sent = 0;
  std::vector<int> acknowledged;
  int unknown = 0;
  std::thread writer([&] {
    while (!over) {
      const int number = ++sent;
      const Called wrote =
          call(front, ask, "memory_write",
               {{"path", runbooks},
                {"op", "entry"},
                {"entry", {{"id", "run-" + std::to_string(number) + "-"}, {"title", "a page"}}}});
      if (wrote.worked)
        acknowledged.push_back(number);
      else
        ++unknown;
      if (!wrote.worked) CHECK_MESSAGE((wrote.status == 502 || wrote.status == 503), wrote.text);
    }
  });
  constexpr int kKills = 3;
  for (int kills = 0, seen = 0; kills < kKills; ++kills) {
    CHECK(within(kPatience, [&] { return sent > seen + 4; }));
    seen = sent;
    const pid_t worker = front.worker(kEngineer, kFirst);
    if (worker != 0) ::kill(worker, SIGKILL);
  }
  const int before = sent;
  CHECK(within(kPatience, [&] { return sent > before + 4; }));
  over = true;
  writer.join();
  const std::string kept = slurp(front.workspace + "/Agent_Memory/" + runbooks);
  CHECK_FALSE(acknowledged.empty());
  for (const int number : acknowledged)
    CHECK_MESSAGE(has(kept, "run-" + std::to_string(number) + "-"), kept);
  MESSAGE(acknowledged.size() << " writes acknowledged, " << unknown << " unknown");
  CHECK(within(kPatience,
               [&] { return call(front, ask, "memory_read", {{"path", runbooks}}).worked; }));
  CHECK(front.run("ledger verify --state '" + front.path + "/state'").code == 0);
}

TEST_CASE("nothing outlives the front, however it ends") {
  for (const int signal : {SIGKILL, SIGTERM}) {
    Front front;
    const std::string engineer = front.credential(kEngineer), dba = front.credential("dba");
    front.start();
    CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
    CHECK(has(tools_of(front, {"dba", dba}), "Bash "));
    CHECK(front.processes("worker").size() >= 2);
    CHECK(front.processes("handoffs due --follow").size() == 1);
    ::kill(front.pid, signal);
    int status = 0;
    ::waitpid(std::exchange(front.pid, 0), &status, 0);
    if (signal == SIGTERM) CHECK(status == 0);
    CHECK(within(kPatience, [&] { return front.processes("").empty(); }));
  }
}

TEST_CASE("the front ends when what starts its workers ends, and they end with it") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  for (const Process& one : front.processes("serve --agents"))
    if (one.pid != front.pid) ::kill(one.pid, SIGKILL);
  int status = 0;
  ::waitpid(std::exchange(front.pid, 0), &status, 0);
  CHECK(WEXITSTATUS(status) == 3);
  CHECK(within(kPatience, [&] { return front.processes("").empty(); }));
}

TEST_CASE("the front is locked in and holds nothing of the agents' files") {
  Front front;
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  const std::string proc = "/proc/" + std::to_string(front.pid);
  const std::string status = slurp(proc + "/status");
  CHECK(field_of(status, "NoNewPrivs") == "1");
  CHECK(field_of(status, "Seccomp") == "2");
  for (const auto& entry : files::directory_iterator(proc + "/fd")) {
    std::error_code gone;
    const std::string target = files::read_symlink(entry.path(), gone).string();
    CHECK_MESSAGE((!has(target, front.path) || target == front.log), target);
  }
  // A worker has its channel, and no token reaches it: nor its environment or command line.
  const std::string worker = "/proc/" + std::to_string(front.worker(kEngineer, kFirst));
  CHECK(field_of(slurp(worker + "/status"), "Seccomp") == "2");
  CHECK_FALSE(has(slurp(worker + "/cmdline") + slurp(worker + "/environ"), engineer));
}

TEST_CASE("a stream stays open through the front, and leaving it ends it in the worker") {
  Front front("--worker-idle 300ms");
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
    // While it is open its worker is not idle, however often others come and go.
    for (int round = 0; round < 5; ++round) {
      CHECK(call(front, ask, "inbox", Json::object()).status == 200);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
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

TEST_CASE("an agent works on so many instructions at once, and no more") {
  constexpr int kMost = 16;  // limits::kWorkersOfAgent
  Front front;
  const std::string any = front.credential("dba", "*"), other = front.credential("sysadmin");
  front.start();
  const auto answer = [&](int number) {
    return send(front, {"dba", any, "Remit-Instruction: inst_" + std::to_string(number) + "\r\n"},
                "tools/list", Json::object());
  };
  for (int number = 0; number < kMost; ++number) CHECK(answer(number).status == 200);
  const auto refused = answer(kMost);
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.field("retry-after").empty());
  CHECK_MESSAGE(has(refused.body, "16 instructions"), refused.body);
  CHECK(answer(0).status == 200);
  CHECK(has(tools_of(front, {"sysadmin", other}), "Bash "));
}

TEST_CASE("one credential cannot take every connection with bodies that never come") {
  constexpr int kMost = 128;  // limits::kFrontCallsOfAgent
  Front front;
  const std::string dba = front.credential("dba"), other = front.credential("sysadmin");
  front.start();
  std::vector<std::unique_ptr<wire_test::HttpClient>> slow;
  for (int number = 0; number < kMost; ++number) {
    slow.push_back(std::make_unique<wire_test::HttpClient>(front.address));
    REQUIRE(
        slow.back()->send("POST /agents/dba/mcp HTTP/1.1\r\nHost: localhost\r\n"
                          "Authorization: Bearer " +
                          dba +
                          "\r\nContent-Type: application/json\r\n"
                          "Accept: application/json, text/event-stream\r\n"
                          "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"));
    REQUIRE(slow.back()->has_come("100 Continue"));  // its place is taken
  }
  const auto status = [&](const std::string& agent, const std::string& token) {
    return send(front, {agent, token}, "tools/list", Json::object()).status;
  };
  CHECK(status("dba", dba) == 503);
  CHECK(status("sysadmin", other) == 200);
  slow.clear();  // they break off, and leave their places
  CHECK(within(kPatience, [&] { return status("dba", dba) == 200; }));
}

TEST_CASE("a worker that nobody calls ends, and starts again at the next call") {
  Front front("--worker-idle 400ms");
  const std::string engineer = front.credential(kEngineer);
  front.start();
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  CHECK(within(kPatience, [&] { return front.worker(kEngineer, kFirst) == 0; }));
  for (int round = 0; round < 20; ++round)  // also while one ends
    CHECK(call(front, {kEngineer, engineer}, "memory_list", Json::object()).status == 200);
  CHECK(has(slurp(front.log), "for it was idle"));
  CHECK_FALSE(has(slurp(front.log), "a worker crashed"));
}

TEST_CASE("a reload replaces the workers of what changed, and no edit counts before it") {
  Front front;
  const std::string engineer = front.credential(kEngineer), dba = front.credential("dba");
  front.start();
  const Ask to_dba{"dba", dba};
  CHECK(has(tools_of(front, to_dba), "Write "));
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  const pid_t standing = front.worker(kEngineer, kFirst);
  const std::string file = front.agents + "/dba.md", text = slurp(file);
  const std::string tools = "tools: Read, Grep, Glob, Write, Bash, TodoWrite";
  REQUIRE(has(text, tools));
  const auto with = [&](const std::string& line) {
    std::string next = text;
    next.replace(next.find(tools), tools.size(), line);
    std::ofstream(file + ".new") << next;
    files::rename(file + ".new", file);
  };
  const auto reload = [&] { return front.run("reload --state '" + front.path + "/state'"); };

  with("tools: Read, Edit");
  if (const pid_t worker = front.worker("dba", kFirst); worker != 0) ::kill(worker, SIGKILL);
  CHECK(has(tools_of(front, to_dba), "Write "));  // a new process, the old rights
  Said said = reload();
  CHECK_MESSAGE(said.code == 0, said.text);
  CHECK_MESSAGE(has(said.text, "dba: its next call finds a new worker"), said.text);
  CHECK(has(tools_of(front, to_dba), "Edit "));  // a front can also widen
  CHECK_FALSE(has(tools_of(front, to_dba), "Write "));
  CHECK(front.worker(kEngineer, kFirst) == standing);
  said = reload();
  CHECK_MESSAGE(has(said.text, ": unchanged"), said.text);

  with("tools: [Read");
  said = reload();
  CHECK_MESSAGE(has(said.text, "dba: persona_invalid: "), said.text);
  const auto refused = send(front, to_dba, "tools/list", Json::object());
  CHECK(refused.status == 503);
  CHECK(has(refused.body, "persona_invalid"));
  CHECK(within(kPatience, [&] { return front.worker("dba", kFirst) == 0; }));
  CHECK(has(tools_of(front, {kEngineer, engineer}), "Bash "));
  with(tools);
  CHECK(reload().code == 0);
  CHECK(has(tools_of(front, to_dba), "Write "));

  // A malformed file changes nothing; a credential that is gone from it counts no more, the last
  // one too.
  std::ofstream(front.path + "/credentials", std::ios::trunc) << "dba sha256:short\n";
  CHECK(reload().code == 1);
  CHECK(send(front, to_dba, "tools/list", Json::object()).status == 200);
  std::ofstream(front.path + "/credentials", std::ios::trunc) << "";
  said = reload();
  CHECK(said.code == 0);
  CHECK_MESSAGE(has(said.text, "nobody may call any more"), said.text);
  CHECK(send(front, to_dba, "tools/list", Json::object()).status == 401);
  CHECK(send(front, {kEngineer, engineer}, "tools/list", Json::object()).status == 401);
  const std::string fresh = front.credential("dba");
  CHECK(reload().code == 0);
  CHECK(send(front, to_dba, "tools/list", Json::object()).status == 401);
  CHECK(send(front, {"dba", fresh}, "tools/list", Json::object()).status == 200);
}

TEST_CASE("credentials do not lie where an agent could add a line") {
  Front front;
  const std::string dba = front.credential("dba"), elsewhere = front.path + "/credentials";
  front.put("sub/plain", "x");
  std::ofstream(front.workspace + "/sub/credentials") << slurp(elsewhere);
  std::ofstream(front.workspace + "/Agent_Memory/credentials") << slurp(elsewhere);
  files::create_symlink(front.workspace + "/sub/credentials", front.path + "/inwards");
  files::create_symlink(elsewhere, front.workspace + "/outwards");
  for (const std::string& file :
       {front.workspace + "/sub/credentials", front.workspace + "/Agent_Memory/credentials",
        front.path + "/inwards", front.workspace + "/outwards"})
    for (const std::string& who :
         {"--agents '" + front.agents + "'", "--agent '" + front.agents + "/dba.md'"}) {
      const Said said =
          front.run("serve " + who + " --workspace '" + front.workspace + "' --state '" +
                    front.path + "/state' --http 127.0.0.1:0" + " --token-file '" + file + "'");
      CHECK_MESSAGE(said.code == 2, who << " " << file << " " << said.text);
      CHECK_MESSAGE(has(said.text, "~/.config/remit/credentials"), said.text);
    }

  // Nor does a reload take them from there.
  front.start();
  files::remove(elsewhere);
  files::create_symlink(front.workspace + "/sub/credentials", elsewhere);
  const std::string file = front.agents + "/dba.md";
  std::string text = slurp(file);
  const std::string tools = "tools: Read, Grep, Glob, Write, Bash, TodoWrite";
  REQUIRE(has(text, tools));
  text.replace(text.find(tools), tools.size(), "tools: Read, Grep");
  std::ofstream(file) << text;
  const Said said = front.run("reload --state '" + front.path + "/state'");
  CHECK(said.code == 1);
  CHECK_MESSAGE(has(said.text, "which agents reach"), said.text);
  CHECK(has(tools_of(front, {"dba", dba}), "Write "));
}

TEST_CASE("a reload whose table the front cannot take is refused") {
  Front front;
  const std::string dba = front.credential("dba"), before = slurp(front.path + "/credentials");
  front.start();
  std::string line = before.substr(0, before.find('\n')) + " instructions=a";
  while (line.size() < 60'000) line += ",a";
  std::ofstream(front.path + "/credentials") << line << "\n";
  for (int number = 0; number < 150; ++number)
    std::ofstream(front.agents + "/" + std::string(180, 'x') + std::to_string(number) + ".md")
        << "x\n";
  const Said said = front.run("reload --state '" + front.path + "/state'");
  CHECK(said.code == 1);
  CHECK_MESSAGE(has(said.text, "serve fewer agents"), said.text);
  CHECK(has(tools_of(front, {"dba", dba}), "Write "));  // under the server's own instruction
}

TEST_CASE("what fails leaves no token behind") {
  Front front;
  static_cast<void>(front.credential("dba"));
  front.start();
  const std::string state = front.path + "/second";
  Said said = front.run("serve --agents '" + front.agents + "' --workspace '" + front.workspace +
                        "' --state '" + state + "' --http " + front.address);
  CHECK_MESSAGE(said.code == 3, said.text);
  CHECK_MESSAGE(has(said.text, "in use"), said.text);
  CHECK(files::is_empty(state + "/tokens"));

  std::ofstream(front.path + "/malformed") << "dba sha256:short\n";
  said = front.run("credential dba --file '" + front.path + "/malformed'");
  CHECK(said.code == 2);
  CHECK_MESSAGE(has(said.text, "malformed:1"), said.text);
  CHECK(slurp(front.path + "/malformed") == "dba sha256:short\n");
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

}  // namespace
}  // namespace remit::e2e
