// Two servers of two agents on one Agent_Memory, at the same time, and the person beside them.
#include <doctest/doctest.h>

#include "base/clock.h"
#include "base/yaml.h"
#include "tests/e2e/served.h"

namespace remit::e2e {
namespace {

constexpr const char* kEngineer = "technical-support-engineer";

struct Two : House {
  Two() : engineer(*this) {
    persona = variable("REMIT_SOURCE") + "/agent_definitions/escalation-manager.md";
    manager = std::make_unique<Client>(*this);
  }
  // The evidence that an escalation needs.
  Json evidence() {
    const std::string found = engineer.works("log_patterns", {{"source", {"logs/api.log"}}});
    const std::string mark = "remit://result/";
    const std::size_t at = found.find(mark);
    REQUIRE_MESSAGE(at != std::string::npos, found);
    return Json::array({{{"call_id", found.substr(at + mark.size(), 26)}}});
  }
  std::string escalate(const std::string& issue) {
    const Json sent = engineer.take(engineer.start("handoff", {{"kind", "escalate"},
                                                               {"to", "escalation-manager"},
                                                               {"severity", "high"},
                                                               {"issue", issue},
                                                               {"impact", "nobody can pay"},
                                                               {"evidence", evidence()}}));
    REQUIRE_MESSAGE(sent["result"].contains("structuredContent"), dump(sent));
    return sent["result"]["structuredContent"]["handoff_id"];
  }
  // An operator's command without a terminal.
  std::string run(const std::string& command, int* code) const {
    const std::string out = path + "/run";
    *code = shell("cd '" + workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                  " --state '" + path + "/state' > '" + out + "' 2>&1 </dev/null");
    return slurp(out);
  }
  Json json(const std::string& command) const {
    int code = 0;
    const std::string text = run(command + " --json", &code);
    REQUIRE_MESSAGE(code == 0, text);
    return *parse_json(text);
  }
  std::string file(const std::string& persona_slug, const std::string& word, const std::string& id,
                   const std::string& key) const {
    const yaml::Parsed parsed =
        yaml::parse(slurp(workspace + "/Agent_Memory/_communication/inbox/" + persona_slug + "/" +
                          word + "_" + id + ".yaml"));
    const yaml::Node* node = parsed.ok() ? parsed.root.find(key) : nullptr;
    return node == nullptr ? "(missing)" : node->text;
  }
  Client engineer;
  std::unique_ptr<Client> manager;
};

TEST_CASE("an escalation is seen, acknowledged, worked on and resolved while its sender waits") {
  Two two;
  const std::string id = two.escalate("The pool is exhausted");
  CHECK(has(two.manager->works("inbox", Json::object()),
            id + "  escalate from technical-support-engineer"));
  CHECK(two.file("escalation-manager", "escalation", id, "status") == "notified");
  // The sender's waiting call answers as soon as the other process has said something.
  const int waiting =
      two.engineer.start("handoff", {{"action", "wait"}, {"id", id}, {"wait_ms", 25000}});
  two.manager->works("respond", {{"id", id}, {"action", "ack"}});
  CHECK(has(two.engineer.text_of(two.engineer.take(waiting)), "acknowledged"));
  CHECK(has(two.manager->call("respond", {{"id", id}, {"action", "resolve"}, {"text", "x"}}),
            "possible: progress"));
  two.manager->works("respond",
                     {{"id", id}, {"action", "progress"}, {"text", "two people are on it"}});
  CHECK(has(two.engineer.works("handoff", {{"action", "status"}, {"id", id}}),
            "two people are on it"));
  two.manager->works("respond",
                     {{"id", id}, {"action", "resolve"}, {"text", "the pool is 80 now"}});
  const std::string seen = two.engineer.works("inbox", {{"action", "read"}, {"id", id}});
  CHECK(has(seen, "last said by escalation-manager"));
  CHECK(has(seen, "the pool is 80 now"));
  CHECK(two.file("escalation-manager", "escalation", id, "status") == "resolved");
  CHECK(two.file(kEngineer, "progress_report", id, "status") == "resolved");
  int code = 0;
  CHECK(has(two.run("ledger verify", &code), "ok: "));
}

TEST_CASE("a deadline passes while both serve: fired once, the default is flagged as assumed") {
  Two two;
  const auto soon = std::chrono::system_clock::now() + std::chrono::seconds(2);
  const std::int64_t at =
      std::chrono::duration_cast<std::chrono::milliseconds>(soon.time_since_epoch()).count();
  const Json sent = two.engineer.take(
      two.engineer.start("handoff", {{"kind", "consult"},
                                     {"to", "dba"},
                                     {"question", "Shall I restart it now?"},
                                     {"default_if_no_response", "wait for the night"},
                                     {"deadline", rfc3339(at)}}));
  const std::string id = sent["result"]["structuredContent"]["handoff_id"];
  std::string status;
  CHECK(within(kPatience, [&] {
    status = two.engineer.works("handoff", {{"action", "status"}, {"id", id}});
    return has(status, "is expired");
  }));
  CHECK(has(status, "assumed, as the sender said beforehand"));
  CHECK(has(status, "wait for the night"));
  CHECK(within(kPatience, [&] {
    return two.file(kEngineer, "consultation_response", id, "assumed") == "true";
  }));
  const Json events = two.json("handoffs show " + id)["events"];
  CHECK(std::count_if(events.begin(), events.end(),
                      [](const Json& one) { return one["to"] == "expired"; }) == 1);
}

TEST_CASE("a client is told of each step of a handoff it follows") {
  Two two;
  const std::string id = two.escalate("The queue is full");
  two.engineer.send(
      R"({"jsonrpc":"2.0","id":900,"method":"resources/subscribe","params":{"uri":"remit://handoff/)" +
      id + R"("}})");
  REQUIRE(two.engineer.take(900).contains("result"));
  two.manager->works("respond", {{"id", id}, {"action", "ack"}});
  CHECK(two.engineer.hears("notifications/resources/updated", "remit://handoff/" + id));
}

TEST_CASE("the operator sees, answers for a queue and takes back, with the PIN only") {
  Two two;
  set_pin(two);
  const std::string id = two.escalate("The disk is full");
  const Json all = two.json("handoffs ls");
  REQUIRE(all["handoffs"].size() == 1);
  CHECK(all["handoffs"][0]["id"] == id);
  CHECK(all["handoffs"][0]["from"] == kEngineer);
  int code = 0;
  CHECK(has(two.run("handoffs respond " + id + " ack", &code), "needs a terminal"));
  CHECK(code == 1);
  CHECK(has(two.run("handoffs show 01KA7Y5W0Z3T8N6Q4M2P1R9S7V", &code), "no handoff"));
  CHECK(code == 3);
  CHECK(has(two.run("handoffs respond " + id + " dance", &code), "unknown action"));
  CHECK(code == 2);
  const std::string pin = std::string("--expect PIN: --secret ") + kPin;
  const std::string here = " --workspace '" + two.workspace + "'";
  CHECK(
      has(pty(two, "--expect PIN: --secret 0000", "handoffs respond " + id + " ack" + here, &code),
          "wrong PIN"));
  CHECK(code == 1);
  CHECK(has(pty(two, pin, "handoffs respond " + id + " ack" + here, &code), "is acknowledged"));
  CHECK(code == 0);
  CHECK(has(two.engineer.works("handoff", {{"action", "status"}, {"id", id}}), "acknowledged"));
  const std::string other = two.escalate("The cache is cold");
  CHECK(has(pty(two, pin, "handoffs withdraw " + other + here, &code), "is withdrawn"));
  CHECK(two.json("handoffs ls")["handoffs"].size() == 1);
  CHECK(two.json("handoffs ls --all")["handoffs"].size() == 2);
  CHECK(two.json("handoffs due")["fired"] == 0);
  CHECK(two.json("handoffs dead")["undelivered"].empty());
  CHECK(two.json("handoffs retry " + id)["delivered"] == 0);
  CHECK(has(two.run("handoffs retry 01KA7Y5W0Z3T8N6Q4M2P1R9S7V", &code), "no handoff"));
  CHECK(code == 3);
  const std::string ledger = two.run("ledger tail -n 200", &code);
  CHECK(has(ledger, "handoff.operator"));
  // A person's act has a row of kind operator, beside the decision.
  for (const char* rule : {"handoffs.act", "handoffs.retry"}) {
    CAPTURE(rule);
    std::istringstream rows(ledger);
    std::size_t found = 0;
    for (std::string row; std::getline(rows, row);) {
      if (!has(row, std::string("\"") + rule + "\"")) continue;
      ++found;
      CHECK(has(row, "\"operator\""));
      CHECK(has(row, "attestation"));
    }
    CHECK(found > 0);
  }
}

TEST_CASE("remit explain answers what the served agents get while a task is handed over") {
  Two two;
  set_pin(two);
  const std::string path = "inst_20260110_001/tasks/completed/technical_resolution.yaml";
  const Json write{{"path", path}, {"op", "append"}, {"content", "# more\n"}};
  two.engineer.works("memory_write",
                     {{"path", path}, {"op", "create"}, {"content", "summary: small pool\n"}});
  const Json sent =
      two.engineer.take(two.engineer.start("handoff", {{"kind", "delegate"},
                                                       {"to", "technical-writer"},
                                                       {"title", "Write it up"},
                                                       {"scope", "the resolution"},
                                                       {"success_criteria", {"it is there"}},
                                                       {"task_id", "technical_resolution"}}));
  const std::string id = sent["result"]["structuredContent"]["handoff_id"];
  int code = 0;
  const auto explain = [&](const std::string& who, const std::string& more = {}) {
    return *parse_json(two.run("explain '" + variable("REMIT_SOURCE") + "/agent_definitions/" +
                                   who + ".md' memory_write '" + dump(write) + "' --json" + more,
                               &code));
  };
  const std::string bound = " --instruction inst_20260110_001";
  CHECK(explain(kEngineer, bound)["decision"] == "allow");
  CHECK(explain("technical-writer", bound)["decision"] == "deny");
  pty(two, std::string("--expect PIN: --secret ") + kPin,
      "handoffs respond " + id + " accept --workspace '" + two.workspace + "'", &code);
  REQUIRE(code == 0);
  CHECK(two.engineer.call("memory_write", write).starts_with("ERROR"));
  CHECK(explain(kEngineer, bound)["rule"] == "task_delegated");
  CHECK(explain("technical-writer", bound)["rule"] == "handoff.task");
  CHECK_FALSE(explain(kEngineer, bound).contains("not_looked_at"));
  CHECK(has(explain(kEngineer)["not_looked_at"].get<std::string>(), "--instruction"));
}

TEST_CASE("remit memory: versions, differences and the way back") {
  House house;
  set_pin(house);
  const std::string runbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";
  {
    Client client(house);
    client.works("memory_write",
                 {{"path", runbooks}, {"op", "create"}, {"content", "runbooks: []\n# one\n"}});
    client.works("memory_write", {{"path", runbooks}, {"op", "append"}, {"content", "# two\n"}});
  }
  const auto run = [&](const std::string& command, int* code) {
    const std::string out = house.path + "/run";
    *code = shell("cd '" + house.workspace + "' && '" + variable("REMIT_BINARY") + "' " + command +
                  " --state '" + house.path + "/state' > '" + out + "' 2>&1 </dev/null");
    return slurp(out);
  };
  int code = 0;
  CHECK(has(run("memory ls", &code), runbooks));
  const Json history = *parse_json(run("memory history " + runbooks + " --json", &code));
  REQUIRE(history["versions"].size() == 2);
  CHECK(history["versions"][0]["op"] == "append");
  CHECK(history["versions"][0]["persona"] == kEngineer);
  const std::string first = std::to_string(history["versions"][1]["version"].get<int>());
  CHECK(run("memory cat " + runbooks + " " + first, &code) == "runbooks: []\n# one\n");
  const std::string diff = run("memory diff " + runbooks, &code);
  CHECK(has(diff, "+# two"));
  house.put("Agent_Memory/by_hand.txt", "\x1b[31mred\n");
  CHECK(has(run("memory diff by_hand.txt", &code), "+\\x1b[31mred"));
  CHECK(has(run("memory revert " + runbooks + " " + first, &code), "needs a terminal"));
  CHECK(has(run("memory cat ../../etc/passwd", &code), "remit memory:"));
  CHECK(code == 2);
  const std::string pin = std::string("--expect PIN: --secret ") + kPin;
  const std::string here = " --workspace '" + house.workspace + "'";
  CHECK(has(pty(house, pin, "memory revert " + runbooks + " " + first + here, &code),
            "wrote " + runbooks));
  CHECK(slurp(house.workspace + "/Agent_Memory/" + runbooks) == "runbooks: []\n# one\n");
  CHECK(has(run("memory history " + runbooks, &code), "operator"));
  CHECK(has(run("memory verify", &code), "1 as last written"));
  CHECK(code == 0);
  house.put("Agent_Memory/" + runbooks, "runbooks: [{title: by hand}]\n");
  CHECK(has(run("memory verify", &code), "changed without Remit"));
  CHECK(code == 1);
  std::filesystem::remove(house.workspace + "/Agent_Memory/" + runbooks);
  const Json lost = *parse_json(run("memory verify --json", &code));
  CHECK(code == 1);
  CHECK(lost["ok"] == false);
  REQUIRE(lost["findings"].size() == 1);
  CHECK(lost["findings"][0]["path"] == runbooks);
  CHECK(has(lost["findings"][0]["finding"].get<std::string>(), "deleted without Remit"));
  const std::string last = std::to_string(lost["findings"][0]["version"].get<int>());
  CHECK(run("memory cat " + runbooks + " " + last, &code) == "runbooks: []\n# one\n");
  const std::string back = "memory revert " + runbooks + " " + last;
  CHECK(lost["findings"][0]["command"] == "remit " + back);
  CHECK(has(run("memory verify", &code), ": remit " + back));
  CHECK(has(run("memory verify _knowledge", &code), "deleted without Remit"));
  CHECK(has(run("memory verify _know", &code), "0 as last written"));
  CHECK(code == 0);
  CHECK(has(pty(house, pin, back + here, &code), "created " + runbooks));
  CHECK(has(run("memory verify", &code), "1 as last written"));
  CHECK(code == 0);
  house.put("new.yaml", "runbooks: []\n# from a file\n");
  CHECK(has(pty(house, pin, "memory put " + runbooks + " '" + house.workspace + "/new.yaml'" + here,
                &code),
            "wrote"));
  CHECK(slurp(house.workspace + "/Agent_Memory/" + runbooks) == "runbooks: []\n# from a file\n");
  CHECK(has(run("memory purge " + runbooks, &code), "needs a terminal"));
  CHECK(has(pty(house, pin, "memory purge " + runbooks + here, &code), "versions of " + runbooks));
  CHECK(code == 0);
  CHECK(
      has(run("memory cat " + runbooks + " " + last, &code), "no text is kept of version " + last));
  CHECK(has(run("ledger tail", &code), "memory.purge"));
  CHECK(has(run("memory verify", &code), "1 as last written"));
}

}  // namespace
}  // namespace remit::e2e
