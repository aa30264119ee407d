// Agent_Memory in PostgreSQL as a client and a person see it: the tools, resources and what they
// announce, two replicas with a state of their own, handoffs, commands, and what the locked server
// itself can still reach.
#include <memory>

#include <doctest/doctest.h>

#include "memory/postgres_session.h"
#include "tests/e2e/served.h"
#include "tests/memory/postgres_cluster.h"

namespace remit::e2e {

memory::PostgresCluster& cluster();

namespace {

constexpr const char* kRunbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";

struct Served : House {
  explicit Served(const std::string& persona_slug = "") {
    if (!persona_slug.empty())
      persona = variable("REMIT_SOURCE") + "/agent_definitions/" + persona_slug + ".md";
    files::remove_all(workspace + "/Agent_Memory");
  }
  std::vector<std::string> flags() const { return {"--memory", url.text, "--structured", "all"}; }
  std::string run(const std::string& command, int* code) const {
    const std::string out = path + "/run";
    *code = shell("cd '" + workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                  " --state '" + path + "/state' > '" + out + "' 2>&1 </dev/null");
    return slurp(out);
  }
  std::string memory(const std::string& command, int* code) const {
    return run("memory " + command + " --memory '" + url.text + "'", code);
  }
  // Puts a document there as a person at a terminal does.
  void write(const std::string& document, const std::string& text) {
    std::ofstream(path + "/given") << text;
    int code = 0;
    const std::string said =
        pty(*this, std::string("--expect PIN: --secret ") + kPin,
            "memory put " + document + " '" + path + "/given' --memory '" + url.text + "'", &code);
    REQUIRE_MESSAGE(code == 0, said);
  }
  memory::PostgresUrl url = cluster().make_database();
};

std::string etag_in(const Json& answer) {
  const auto found = answer.find("result");
  if (found == answer.end() || !found->contains("structuredContent")) return "";
  return found->at("structuredContent").value("etag", "");
}

TEST_CASE("PostgreSQL: tools, a stale etag and a second replica") {
  Served house;
  Client client(house, house.flags());
  CHECK_FALSE(files::exists(house.workspace + "/Agent_Memory"));
  const Json made = client.take(
      client.start("memory_write", {{"path", kRunbooks}, {"op", "create"}, {"content", "z: 1\n"}}));
  REQUIRE_MESSAGE(!etag_in(made).empty(), dump(made));
  client.works("memory_write", {{"path", kRunbooks}, {"op", "append"}, {"content", "b: 1\n"}});
  CHECK(has(client.call("memory_write", {{"path", kRunbooks},
                                         {"op", "replace"},
                                         {"content", "c: 1\n"},
                                         {"if_match", etag_in(made)}}),
            "ERROR"));
  // A replica with a state of its own meets the same document under the same etag.
  Served other;
  other.url = house.url;
  Client replica(other, other.flags());
  CHECK(has(replica.works("memory_list", Json::object()), "troubleshooting_runbooks.yaml"));
  const Json again = replica.take(replica.start(
      "memory_write", {{"path", kRunbooks}, {"op", "append"}, {"content", "d: 1\n"}}));
  CHECK(!etag_in(again).empty());
  int code = 0;
  CHECK(house.memory(std::string("cat ") + kRunbooks, &code) == "z: 1\nb: 1\nd: 1\n");
  CHECK(code == 0);
  CHECK(has(house.memory(std::string("history ") + kRunbooks, &code), "append"));
  CHECK(has(house.memory("verify", &code), "1 as last written"));
  CHECK(code == 0);
}

TEST_CASE("PostgreSQL: what may be read is read by every tool, and the rest by none") {
  Served house;
  set_pin(house);
  house.write("inst_20260110_001/instruction.yaml",
              "instruction_id: inst_20260110_001\ngoal: mend the pool\nstatus: active\n");
  house.write("_knowledge/private/secret.md", "hidden goal\n");
  // A folder from before has the name of Agent_Memory: nothing in it is served.
  house.put("Agent_Memory/_knowledge/private/old.md", "an old goal\n");
  house.put("Agent_Memory/inst_20260110_001/instruction.yaml", "stale\n");
  Client client(house, house.flags());
  const std::string document = "inst_20260110_001/instruction.yaml";
  CHECK(has(client.works("memory_read", {{"path", document}}), "mend the pool"));
  const std::string shown = client.works("Read", {{"file_path", "Agent_Memory/" + document}});
  CHECK_MESSAGE(has(shown, "mend the pool"), shown);
  CHECK(has(
      client.works("Read", {{"file_path", house.workspace + "/sub/../Agent_Memory/" + document}}),
      "mend the pool"));
  const std::string found = client.works("Grep", {{"pattern", "goal"}, {"output_mode", "content"}});
  CHECK(has(found, "mend the pool"));
  CHECK_FALSE(has(found, "hidden"));
  CHECK_FALSE(has(found, "old goal"));
  const std::string names = client.works("Glob", {{"pattern", "**/*"}});
  CHECK(has(names, "Agent_Memory/" + document));
  CHECK_FALSE(has(names, "secret.md"));
  CHECK_FALSE(has(names, "old.md"));
  for (const char* path :
       {"Agent_Memory/_knowledge/private/secret.md", "Agent_Memory/_knowledge/private/old.md"}) {
    CHECK(has(client.call("Read", {{"file_path", path}}), "ERROR"));
  }
  const Json listed = client.result_of("resources/list", Json::object());
  CHECK(has(dump(listed), "remit://memory/" + document));
  const Json read = client.result_of("resources/read", {{"uri", "remit://memory/" + document}});
  CHECK(has(dump(read), "mend the pool"));
}

TEST_CASE("PostgreSQL: a change on one replica is announced on another") {
  Served house;
  set_pin(house);
  const std::string document = "inst_20260110_001/instruction.yaml";
  house.write(document, "instruction_id: inst_20260110_001\ngoal: one\nstatus: active\n");
  Client client(house, house.flags());
  static_cast<void>(
      client.result_of("resources/subscribe", {{"uri", "remit://memory/" + document}}));
  Served other;
  other.url = house.url;
  set_pin(other);
  other.write(document, "instruction_id: inst_20260110_001\ngoal: two\nstatus: active\n");
  CHECK(client.hears("notifications/resources/updated", document));
  CHECK(has(client.works("memory_read", {{"path", document}}), "goal: two"));
}

TEST_CASE("PostgreSQL: a handoff's file lies in the inbox of the database") {
  Served house;
  house.persona = variable("REMIT_SOURCE") + "/agent_definitions/technical-support-engineer.md";
  Client client(house, house.flags());
  const Json sent = client.take(client.start(
      "handoff", {{"kind", "consult"}, {"to", "dba"}, {"question", "Is the pool too small?"}}));
  REQUIRE_MESSAGE(sent["result"].contains("structuredContent"), dump(sent));
  const std::string id = sent["result"]["structuredContent"]["handoff_id"];
  int code = 0;
  const std::string file = "_communication/inbox/dba/consultation_" + id + ".yaml";
  CHECK(has(house.memory("cat " + file, &code), "Is the pool too small?"));
  CHECK(code == 0);
}

TEST_CASE("PostgreSQL: the server survives a restart of the database, and says when it is away") {
  Served house;
  Client client(house, house.flags());
  client.works("memory_write", {{"path", kRunbooks}, {"op", "create"}, {"content", "a: 1\n"}});
  cluster().stop(SIGQUIT);
  const std::string refused =
      client.call("memory_write", {{"path", kRunbooks}, {"op", "append"}, {"content", "b: 1\n"}});
  CHECK(has(refused, "ERROR"));
  CHECK(has(refused, "cannot be reached"));
  CHECK_FALSE(files::exists(house.workspace + "/Agent_Memory"));
  REQUIRE(cluster().resume());
  client.works("memory_write", {{"path", kRunbooks}, {"op", "append"}, {"content", "c: 1\n"}});
  int code = 0;
  CHECK(house.memory(std::string("cat ") + kRunbooks, &code) == "a: 1\nc: 1\n");
}

TEST_CASE("PostgreSQL: the lock of the server is as narrow as with files") {
  Served house;
  Client client(house, house.flags());
  client.works("memory_list", Json::object());
  const std::string status = slurp("/proc/" + std::to_string(client.pid) + "/status");
  CHECK(field_of(status, "Seccomp") == "2");
  CHECK(field_of(status, "NoNewPrivs") == "1");
  // The server holds no socket of the database: every one of its sockets is a pair or a datagram.
  const std::string tables = slurp("/proc/" + std::to_string(client.pid) + "/net/unix");
  CHECK_FALSE(tables.empty());
  const std::string mark = house.url.text;
  CHECK(within(kPatience, [&] { return alive(mark) >= 2; }));  // the server and its keeper
  client.end();
  CHECK(within(kPatience, [&] { return alive(mark) == 0; }));
}

TEST_CASE("PostgreSQL: a URL with a password, one that leads nowhere, and doctor") {
  Served house;
  int code = 0;
  std::string said = house.run("memory ls --memory 'postgresql://anna:geheim@db/memory'", &code);
  CHECK(code == 2);
  CHECK(has(said, "PGPASSFILE"));
  CHECK_FALSE(has(said, "geheim"));
  said = house.run("memory ls --memory 'postgresql:///nowhere?host=/nonexistent'", &code);
  CHECK(code == 3);
  CHECK(has(said, "cannot be reached"));
  said = house.run("doctor --agent technical-support-engineer --memory '" + house.url.text + "'",
                   &code);
  CHECK(has(said, "tables at step"));
}

TEST_CASE("PostgreSQL: export and import carry an Agent_Memory there and back") {
  Served house;
  set_pin(house);
  house.write("_knowledge/a.md", "one\n");
  house.write("_knowledge/a.md", "two\n");
  house.write("_knowledge/b.md", "b\n");
  int code = 0;
  const std::string file = house.path + "/all.jsonl";
  CHECK(has(house.memory("export '" + file + "'", &code), "exported 2 documents, 3 versions"));
  CHECK(code == 0);
  house.memory("export '" + file + "'", &code);
  CHECK(code != 0);  // it is there
  const auto import = [&](const House& to, const std::string& into) {
    return pty(to, std::string("--expect PIN: --secret ") + kPin,
               "memory import '" + file + "' --memory '" + into + "'", &code);
  };
  House other;
  set_pin(other);
  const std::string folder = other.path + "/memory";
  files::create_directories(folder);
  CHECK(has(import(other, folder), "imported 2 documents, 3 versions"));
  CHECK(code == 0);
  CHECK(slurp(folder + "/_knowledge/a.md") == "two\n");
  CHECK(has(import(other, folder), "empty Agent_Memory"));
  CHECK(code != 0);
  const memory::PostgresUrl next = cluster().make_database();
  CHECK(has(import(house, next.text), "imported 2 documents, 3 versions"));
  house.url = next;
  CHECK(has(house.memory("history _knowledge/a.md", &code), "operator"));
  CHECK(house.memory("cat _knowledge/a.md 1", &code) == "one\n");
  // A file that was cut off or changed is refused before anything is asked.
  std::ofstream(file, std::ios::app) << "x\n";
  CHECK(has(pty(house, "", "memory import '" + file + "' --memory '" + next.text + "'", &code),
            "not a whole file"));
  CHECK(code == 2);
}

}  // namespace
}  // namespace remit::e2e
