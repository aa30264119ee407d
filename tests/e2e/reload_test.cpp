// An operator's reload of running servers: persona, manifest and site policy are read again, what
// they take away is gone, what they would add waits, and clients of both eras are told on both
// transports.
#include <sys/prctl.h>

#include <doctest/doctest.h>

#include "tests/e2e/served.h"
#include "tests/wire/http_client.h"

namespace remit::e2e {
namespace {

constexpr const char* kTools = "tools: Read, Grep, Glob, Bash, Write";

// As an editor does it: a new file takes the old one's place.
void write_persona(const House& house, const std::string& text) {
  const std::string next = house.persona + ".new";
  std::ofstream(next) << text;
  files::rename(next, house.persona);
}
std::string with_tools(std::string text, const std::string& line) {
  const std::size_t at = text.find(kTools);
  REQUIRE(at != std::string::npos);
  return text.replace(at, std::string(kTools).size(), line);
}

struct Said {
  int code = 0;
  std::string text;
};
Said reload(const House& house, const std::string& more = "") {
  const std::string out = house.path + "/reload";
  Said said;
  said.code = shell("'" + variable("REMIT_BINARY") + "' reload --state '" + house.path +
                    "/state' " + more + " > '" + out + "' 2>&1");
  said.text = slurp(out);
  return said;
}

std::string names(Client& client) {
  client.send(R"({"jsonrpc":"2.0","id":900,"method":"tools/list"})");
  std::string out;
  const Json answer = client.take(900);
  for (const Json& tool : answer["result"]["tools"]) out += tool["name"].get<std::string>() + " ";
  return out;
}

TEST_CASE("what a reload takes away is gone, what it would add waits for a start") {
  const House house;
  const std::string text = slurp(house.persona);
  Client client(house);
  REQUIRE(has(names(client), "Write "));
  Said said = reload(house);
  CHECK(said.code == 0);
  CHECK_MESSAGE(has(said.text, "): unchanged\n"), said.text);

  write_persona(house, with_tools(text, "tools: Read, Grep, Glob, Bash"));
  said = reload(house);
  CHECK(said.code == 0);
  CHECK_MESSAGE(has(said.text, "): reloaded\n  - tool Write ("), said.text);
  CHECK(client.told("notifications/tools/list_changed"));
  CHECK_FALSE(has(names(client), "Write "));
  CHECK(has(client.call("Write", {{"file_path", "a.txt"}, {"content", "x"}}), "-32602"));
  client.works("Read", {{"file_path", "notes.txt"}});
  client.works("Bash", {{"command", "echo still here"}});

  write_persona(house, text);
  said = reload(house);
  CHECK(said.code == 1);
  CHECK_MESSAGE(has(said.text, "  waits for the next start: tool Write ("), said.text);
  CHECK_FALSE(has(names(client), "Write "));
  Client next(house);
  CHECK(has(names(next), "Write "));
}

TEST_CASE("files that do not compile are refused, and the old ones go on") {
  const House house;
  const std::string text = slurp(house.persona);
  Client client(house);
  const std::string before = names(client);
  for (const std::string& broken :
       {std::string("---\nname: torn\ntools: Read\n"), with_tools(text, "tools: [Read")}) {
    write_persona(house, broken);
    const Said said = reload(house);
    CHECK(said.code == 1);
    CHECK_MESSAGE(has(said.text, "): refused: "), said.text);
    CHECK_MESSAGE(has(said.text, "technical-support-engineer.md:"), said.text);
  }
  std::string other = text;
  other.replace(other.find("name: technical-support-engineer"), 32,
                "name: somebody-else-altogether-x");
  write_persona(house, other);
  CHECK(has(reload(house).text, "is the agent somebody-else-altogether-x now"));
  files::remove(house.persona);
  CHECK(has(reload(house).text, "): refused: cannot read "));
  CHECK(names(client) == before);
  client.works("Write", {{"file_path", "a.txt"}, {"content", "x"}});
  CHECK(has(client.errors(), "reload refused; what was granted before stays"));
}

TEST_CASE("a reload ends what runs under the old files, background shells included") {
  const House house;
  const std::string text = slurp(house.persona);
  const std::string fifo = "waits-" + std::to_string(getpid());
  REQUIRE(mkfifo((house.workspace + "/" + fifo).c_str(), 0600) == 0);
  Client client(house);
  client.works("Bash", {{"command", "cat " + fifo}, {"run_in_background", true}});
  const int id = client.start("Bash", {{"command", "cat " + fifo}});
  CHECK(within(kPatience, [&] { return alive(fifo) >= 2; }));
  write_persona(house, with_tools(text, "tools: Read, Grep, Glob, Bash"));
  CHECK(reload(house).code == 0);
  CHECK(has(client.text_of(client.take(id)), "ERROR "));
  CHECK(within(kPatience, [&] { return alive(fifo) == 0; }));
  client.works("Bash", {{"command", "echo and new ones run"}});
  CHECK(shell("'" + variable("REMIT_BINARY") + "' ledger verify --state '" + house.path +
              "/state' >/dev/null") == 0);
  CHECK(shell("'" + variable("REMIT_BINARY") + "' ledger tail -n 100 --state '" + house.path +
              "/state' | grep -q '\"server.reloaded\"'") == 0);
}

TEST_CASE("memory, roots and the site's ceiling are read again, too") {
  const House house;
  const std::string text = slurp(house.persona);
  Client client(house);
  client.works("Bash", {{"command", "ls /var/log > /dev/null"}});
  // The manifest goes: with it the log root, and nothing else.
  files::remove(house.path + "/technical-support-engineer.manifest.yaml");
  const Said said = reload(house, "--json");
  CHECK(said.code == 0);
  CHECK_MESSAGE(has(said.text, "/var/log"), said.text);
  CHECK(has(client.call("Glob", {{"pattern", "*"}, {"path", "/var/log"}}), "ERROR denied"));
  client.works("Read", {{"file_path", "notes.txt"}});
  client.works("Bash", {{"command", "echo in a narrower slot"}});
}

TEST_CASE("reload without a server says so") {
  const House house;
  {
    const Client once(house);
  }
  const Said said = reload(house);
  CHECK(said.code == 3);
  CHECK(said.text == "remit: no server is running that could reload\n");
}

// Over HTTP on a unix socket, without a token.
struct HttpServer {
  explicit HttpServer(const House& house) : path(house.path + "/socket") {
    pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 0);
      dup2(null, 1);
      dup2(open((house.path + "/stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
      const std::string binary = variable("REMIT_BINARY"), state = house.path + "/state";
      execl(binary.c_str(), "remit", "serve", "--socket", path.c_str(), "--no-auth", "--agent",
            house.persona.c_str(), "--workspace", house.workspace.c_str(), "--state", state.c_str(),
            "--instruction", "inst_20260110_001", nullptr);
      _exit(127);
    }
    REQUIRE(within(kPatience, [&] { return wire_test::HttpClient(path).fd() >= 0; }));
  }
  ~HttpServer() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  const std::string path;
  pid_t pid = 0;
};

constexpr const char* kListen =
    R"({"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{)"
    R"("toolsListChanged":true,"promptsListChanged":true},)"
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{}}}})";

TEST_CASE("clients of both eras are told over HTTP, and SIGHUP does not end the server") {
  const House house;
  const HttpServer server(house);
  wire_test::HttpClient modern(server.path), client(server.path), events(server.path);
  modern.send(wire_test::post(
      kListen, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n"));
  REQUIRE(modern.read_until("notifications/subscriptions/acknowledged"));
  client.send(wire_test::post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"));
  const wire_test::Answer hello = client.read();
  CHECK(has(hello.body, R"("tools":{"listChanged":true})"));
  const std::string session = "Mcp-Session-Id: " + hello.field("mcp-session-id") + "\r\n";
  client.send(
      wire_test::post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session));
  REQUIRE(client.read().status == 202);
  events.send("GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + session + "\r\n");
  REQUIRE(events.read_until(": open"));

  write_persona(house, with_tools(slurp(house.persona), "tools: Read, Grep, Glob, Bash"));
  const Said said = reload(house, "technical-support-engineer");
  CHECK_MESSAGE(said.code == 0, said.text);
  CHECK(modern.read_until("notifications/tools/list_changed"));
  CHECK(modern.read_until("notifications/prompts/list_changed"));
  CHECK(events.read_until("notifications/tools/list_changed"));
  client.send(wire_test::post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})", session));
  CHECK_FALSE(has(client.read().body, R"("name":"Write")"));
  CHECK(kill(server.pid, 0) == 0);
}

TEST_CASE("a listener of 2026-07-28 is told over stdio") {
  const House house;
  Client client(house);
  client.send(kListen);
  REQUIRE(client.told("notifications/subscriptions/acknowledged"));
  write_persona(house, with_tools(slurp(house.persona), "tools: Read, Grep, Glob, Bash"));
  CHECK(kill(client.pid, SIGHUP) == 0);
  CHECK(client.told("notifications/tools/list_changed"));
  CHECK_FALSE(has(names(client), "Write "));
}

}  // namespace
}  // namespace remit::e2e
