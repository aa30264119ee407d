// Credentials of many agents: where they may lie, what is left of them, and how much one of them
// can take.
#include <memory>
#include <vector>

#include "tests/e2e/agents_front.h"

namespace remit::e2e {
namespace {

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

TEST_CASE("credentials that others may write start no server") {
  Front front;
  static_cast<void>(front.credential("dba"));
  files::permissions(front.path + "/credentials", files::perms::group_write,
                     files::perm_options::add);
  const Said said = front.run(
      "serve --agents '" + front.agents + "' --workspace '" + front.workspace + "' --state '" +
      front.path + "/state' --http 127.0.0.1:0 --token-file '" + front.path + "/credentials'");
  CHECK_MESSAGE(said.code == 2, said.text);
  CHECK_MESSAGE(has(said.text, "chmod 600"), said.text);
}

TEST_CASE("the client's own dialog is offered behind the front, too") {
  Front front("--native-approval --serve-approver");
  const std::string engineer = front.credential("technical-support-engineer");
  front.start();
  const std::string tools = tools_of(front, {"technical-support-engineer", engineer});
  CHECK(has(tools, "BashApproved "));
  CHECK(has(tools, "approve "));
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

}  // namespace
}  // namespace remit::e2e
