// A reload of many agents: whose worker is replaced, and what is refused.
#include "tests/e2e/agents_front.h"

namespace remit::e2e {
namespace {

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

}  // namespace
}  // namespace remit::e2e
