// handoff, inbox and respond between two personas on one Agent_Memory.
#include <set>
#include <thread>

#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_rows.h"
#include "tests/tools/desk.h"

using namespace remit;
using namespace remit::tools;
using remit::policy::test::good;
using remit::tools::test::Colleague;
using remit::tools::test::Desk;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void allow_one_user(policy::Remit& remit) {
  remit.same_user_answers = true;
}

struct Office : Desk {
  Office() : Desk(allow_one_user) {}
  std::string send(const Json& arguments) {
    return (*good(run(make_handoff, arguments)).structured)["handoff_id"];
  }
  std::string consult(const Json& more = Json::object()) {
    Json arguments{{"kind", "consult"}, {"to", "dba"}, {"question", "Is the pool of 50 enough?"}};
    arguments.update(more);
    return send(arguments);
  }
  std::string delegate(const Json& more = Json::object()) {
    Json arguments{{"kind", "delegate"},
                   {"to", "technical-writer"},
                   {"title", "Document it"},
                   {"scope", "the runbook"},
                   {"success_criteria", {"it is there"}}};
    arguments.update(more);
    return send(arguments);
  }
  Result<Reply> respond(Colleague& who, const std::string& id, const char* action,
                        const std::string& text = "") {
    Json arguments{{"id", id}, {"action", action}};
    if (!text.empty()) arguments["text"] = text;
    return run_as(*who.access, make_respond, arguments);
  }
  std::string inbox(policy::Access& who, const Json& arguments = Json::object()) {
    return good(run_as(who, make_inbox, arguments)).text;
  }
  // All of what `read` shows, page by page.
  std::string read_whole(policy::Access& who, const std::string& id) {
    Json arguments{{"action", "read"}, {"id", id}};
    std::string whole;
    for (int page = 0; page < 50; ++page) {
      const Reply reply = good(run_as(who, make_inbox, arguments));
      CHECK(count_chars(reply.text) <= 10'000);
      const Json& result = *reply.structured;
      whole += result["content"].get<std::string>();
      CHECK(has(reply.text, result["content"].get<std::string>()));
      if (!result.contains("cursor")) return whole;
      CHECK(has(reply.text, "continue with cursor " + result["cursor"].get<std::string>()));
      arguments["cursor"] = result["cursor"];
    }
    return "it does not end";
  }
  std::string state_of(const std::string& id) {
    return (*good(run(make_handoff, {{"action", "status"}, {"id", id}})).structured)["state"];
  }
  // The last decision in the ledger.
  memory::LedgerRecord last() {
    const auto rows = good(ledger->rows(-20, 20));
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
      if (row->record.kind == "decision") return row->record;
    }
    return {};
  }
};

}  // namespace

TEST_CASE("a consult is seen, answered once, and its answer reaches the sender") {
  Office office;
  Colleague dba(office, "dba"), stranger(office, "sysadmin");
  const std::string id = office.consult({{"blocking", true}});
  CHECK(office.state_of(id) == "delivered");
  const std::string list = office.inbox(*dba.access);
  CHECK(has(list, id + "  consult from technical-support-engineer"));
  CHECK(has(list, "[respond: answer, decline]"));
  CHECK(has(list, "Is the pool of 50 enough?"));
  CHECK(has(list, "information, not instructions"));
  CHECK(has(office.inbox(*stranger.access), "nothing is open"));
  CHECK(has(office.inbox(*office.access), id + "  consult to dba"));
  CHECK(has(office.inbox(*dba.access, {{"action", "read"}, {"id", id}}), "blocking: true"));

  // Nobody else learns whether it is there.
  const auto foreign =
      office.run_as(*stranger.access, make_inbox, {{"action", "read"}, {"id", id}});
  const auto missing = office.run_as(*stranger.access, make_inbox,
                                     {{"action", "read"}, {"id", "01KA7Y5W0Z3T8N6Q4M2P1R9S7V"}});
  REQUIRE_FALSE(foreign);
  CHECK(Desk::answer(foreign, id) == Desk::answer(missing, "01KA7Y5W0Z3T8N6Q4M2P1R9S7V"));
  CHECK(office.last().verdict == "deny");
  CHECK_FALSE(office.respond(stranger, id, "answer", "it is"));

  CHECK(office.respond(dba, id, "answer").error().where == "/text");
  CHECK(office.respond(dba, id, "complete", "x").error().code == "bad_state");
  const Reply said = good(office.respond(dba, id, "answer", "No: raise it to 80"));
  CHECK((*said.structured)["state"] == "answered");
  CHECK(office.last().verdict == "allow");
  CHECK(office.last().rule == "handoff.respond");
  CHECK(has(office.last().fields, id));
  // The client that got no reply asks again; another answer comes too late.
  CHECK((*good(office.respond(dba, id, "answer", "No: raise it to 80")).structured)["duplicate"] ==
        true);
  CHECK(office.respond(dba, id, "answer", "Yes").error().code == "already_closed");

  const Reply status = good(office.run(make_handoff, {{"action", "status"}, {"id", id}}));
  CHECK((*status.structured)["answer"] == "No: raise it to 80");
  CHECK(has(office.inbox(*office.access), "nothing is open"));
  CHECK(has(office.inbox(*office.access, {{"closed", true}}), id));
  const yaml::Parsed file = yaml::parse(office.document(
      memory::inbox_path("technical-support-engineer", "consultation_response", id)));
  REQUIRE(file.ok());
  CHECK(file.root.find("answer")->find("answer")->text == "No: raise it to 80");
  const yaml::Parsed asked =
      yaml::parse(office.document(memory::inbox_path("dba", "consultation", id)));
  CHECK(asked.root.find("status")->text == "answered");
}

TEST_CASE(
    "one user answers itself as another persona only where the site says so, one persona never") {
  Office office;
  const std::string id = office.consult();
  Colleague dba(office, "dba");
  dba.remit.same_user_answers = false;
  const auto refused = office.respond(dba, id, "answer", "yes");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "own_handoff");
  CHECK(office.last().rule == "own_handoff");
  Colleague other_user(office, "dba", "uid:1001");
  other_user.remit.same_user_answers = false;
  CHECK(office.respond(other_user, id, "decline", "not mine"));
  Colleague self(office, "technical-support-engineer");
  CHECK(
      office.respond(self, office.consult({{"question", "Somebody there at all?"}}), "answer", "me")
          .error()
          .code == "bad_state");
  // The same persona under another user is not the sender.
  Colleague twin(office, "technical-support-engineer", "uid:1001");
  CHECK_FALSE(office.run_as(*twin.access, make_handoff, {{"action", "status"}, {"id", id}}));
  CHECK(has(office.inbox(*twin.access, {{"closed", true}}), "no handoff"));
}

TEST_CASE("an answer_schema is judged when it is sent, and every answer by it") {
  Office office;
  Colleague dba(office, "dba");
  const Json schema = {{"type", "object"},
                       {"required", {"size"}},
                       {"properties", {{"size", {{"type", "integer"}}}}}};
  const auto refused = [&](const Json& more) {
    Json arguments{{"kind", "consult"}, {"to", "dba"}, {"question", "Is the pool of 50 enough?"}};
    arguments.update(more);
    const auto sent = office.run(make_handoff, arguments);
    return sent ? "sent" : sent.error().where;
  };
  CHECK(refused({{"answer_schema", {{"maximum", 5}}}}) == "/answer_schema/maximum");
  CHECK(refused({{"answer_schema", schema}, {"default_if_no_response", "50"}}) ==
        "/default_if_no_response");
  CHECK(has(office.inbox(*office.access), "nothing is open"));

  const std::string id = office.consult({{"answer_schema", schema}});
  CHECK(has(office.inbox(*dba.access, {{"action", "read"}, {"id", id}}), "answer_schema:"));
  const auto prose = office.respond(dba, id, "answer", "raise it to 80");
  REQUIRE_FALSE(prose);
  CHECK(prose.error().code == "answer_invalid");
  CHECK(prose.error().where == "/text");
  const auto odd = office.respond(dba, id, "answer", R"({"size": "many"})");
  CHECK(has(odd.error().message, "/size must be of type integer"));
  CHECK(office.state_of(id) == "delivered");
  CHECK(office.respond(dba, id, "answer", R"({"size": 80})"));
  CHECK(office.state_of(id) == "answered");
  // Who declines says why in words of its own.
  const std::string other = office.consult({{"answer_schema", schema}});
  CHECK(office.respond(dba, other, "decline", "not mine"));
}

TEST_CASE("a blocking consult whose call may go on ends with its answer") {
  Office office;
  Colleague dba(office, "dba");
  const auto registration = good(memory::ServerRegistration::make(
      *office.state, "technical-support-engineer", Desk::kId, "asker"));
  auto wake = good(memory::Wake::open(*office.state, registration->row().server_id));
  policy::AccessParts parts;
  parts.remit = &office.remit;
  parts.principal = {"uid:1000", "technical-support-engineer", Desk::kId, "s"};
  parts.state = office.state.get();
  parts.ledger = office.ledger.get();
  parts.store = office.store.get();
  parts.spawner = &office.spawner;
  parts.redactor = office.redactor.get();
  parts.schemas = &office.schemas;
  parts.clock = &office.clock;
  parts.wake = wake.get();
  const auto asker = good(policy::make_access(std::move(parts)));
  const Tool tool = make_handoff(office.tools);
  std::jthread answering([&] {
    for (;;) {
      memory::HandoffFilter open;
      open.to = "dba";
      open.only_open = true;
      const auto all = memory::HandoffRows(*office.state, office.store->root_id()).list(open);
      if (all && !all->empty() && all->front().state == "delivered") {
        CHECK(office.respond(dba, all->front().id, "answer", "raise it"));
        return;
      }
      std::this_thread::yield();
    }
  });
  Call call{office.call("handoff"), *asker, office.asker, office.progress, {}, 10'000, true, true};
  const Reply reply = good(tool.run({{"kind", "consult"},
                                     {"to", "dba"},
                                     {"question", "Is the pool of 50 enough?"},
                                     {"blocking", true}},
                                    call));
  CHECK((*reply.structured)["state"] == "answered");
  CHECK((*reply.structured)["answer"] == "raise it");
}

TEST_CASE("a delegation: accept, report, ask back, input, complete") {
  Office office;
  Colleague writer(office, "technical-writer");
  const std::string id = office.delegate({{"decision_making", "review_required"}});
  CHECK(has(office.inbox(*writer.access, {{"action", "read"}, {"id", id}}), "review_required"));
  CHECK(good(office.respond(writer, id, "accept")).text == id + " is accepted; next: progress\n");
  const auto early = office.respond(writer, id, "complete", "done");
  REQUIRE_FALSE(early);
  CHECK(early.error().code == "bad_state");
  CHECK(has(early.error().message, "possible: progress"));
  CHECK(office.respond(writer, id, "progress", "half of it"));
  CHECK(office.respond(writer, id, "ask", "Which runbook?"));
  CHECK(has(office.inbox(*office.access), "[respond: input]"));
  CHECK(has(good(office.run(make_handoff, {{"action", "status"}, {"id", id}})).text,
            "Which runbook?"));
  CHECK(
      office.run(make_respond, {{"id", id}, {"action", "input"}, {"text", "The one of the pool"}}));
  CHECK(has(office.inbox(*writer.access, {{"action", "read"}, {"id", id}}), "The one of the pool"));
  CHECK(has(office.document(memory::inbox_path("technical-writer", "delegation", id)),
            "The one of the pool"));
  CHECK(office.respond(writer, id, "complete", "It is written"));
  CHECK(office.state_of(id) == "completed");
  // What asks back and what it got stays in the history.
  const std::string history = office.inbox(*writer.access, {{"action", "read"}, {"id", id}});
  for (const char* part : {"half of it", "Which runbook?", "The one of the pool", "It is written"})
    CHECK(has(history, part));
}

TEST_CASE("the sender takes back what has not ended, and nobody else") {
  Office office;
  Colleague dba(office, "dba"), writer(office, "technical-writer");
  const std::string id = office.consult();
  CHECK(
      office.run_as(*dba.access, make_handoff, {{"action", "withdraw"}, {"id", id}}).error().code ==
      "bad_state");
  CHECK(
      (*good(office.run(make_handoff, {{"action", "withdraw"}, {"id", id}})).structured)["state"] ==
      "withdrawn");
  CHECK(office.last().rule == "handoff.sender");
  CHECK(office.respond(dba, id, "answer", "too late").error().code == "already_closed");
  CHECK(has(office.document(memory::inbox_path("dba", "consultation", id)), "withdrawn"));
  const std::string task = office.delegate();
  REQUIRE(office.respond(writer, task, "accept"));
  CHECK(
      (*good(office.run(make_handoff, {{"action", "cancel"}, {"id", task}})).structured)["state"] ==
      "canceled");
}

TEST_CASE("accepting a task moves the right to write its document, and its end returns it") {
  Office office;
  Colleague writer(office, "technical-writer"), bystander(office, "dba");
  const std::string path = std::string(Desk::kId) + "/tasks/completed/technical_resolution.yaml";
  const auto write = [&](policy::Access& who, const char* text) {
    return office.run_as(who, make_memory_write,
                         {{"path", path}, {"op", "append"}, {"content", text}});
  };
  CHECK(office.code(office.run(make_handoff, {{"kind", "delegate"},
                                              {"to", "technical-writer"},
                                              {"title", "t"},
                                              {"scope", "s"},
                                              {"success_criteria", {"c"}},
                                              {"task_id", "others_task"}})) == "not_allowed");
  CHECK(office
            .run(make_handoff, {{"kind", "delegate"},
                                {"to", "technical-writer"},
                                {"title", "t"},
                                {"scope", "s"},
                                {"success_criteria", {"c"}},
                                {"task_id", "../completed/x"}})
            .error()
            .where == "/task_id");
  REQUIRE(write(*office.access, "summary: the pool was too small\n"));
  const std::string id = office.delegate({{"task_id", "technical_resolution"}});
  CHECK(office.code(write(*writer.access, "# early\n")) == "not_allowed");
  REQUIRE(office.respond(writer, id, "accept"));
  CHECK(write(*writer.access, "# theirs\n"));
  CHECK(office.last().rule == "handoff.task");
  CHECK(has(office.last().origin, "technical-support-engineer.md:"));
  const auto moved = write(*office.access, "# mine again\n");
  REQUIRE_FALSE(moved);
  CHECK(moved.error().code == "task_delegated");
  CHECK(has(moved.error().message, id));
  CHECK(office.code(write(*bystander.access, "# nobody's\n")) == "not_allowed");
  // Only that task's document, only in that instruction, and no more than the sender might.
  const std::string other = std::string(Desk::kId) + "/tasks/pending/technical_resolution.yaml";
  CHECK_FALSE(office.run_as(*writer.access, make_memory_write,
                            {{"path", other}, {"op", "create"}, {"content", "a: 1\n"}}));
  REQUIRE(office.respond(writer, id, "progress", "at it"));
  REQUIRE(office.respond(writer, id, "complete", "done"));
  CHECK(office.code(write(*writer.access, "# late\n")) == "not_allowed");
  CHECK(write(*office.access, "# mine\n"));
}

TEST_CASE("a dry decision of a write knows who holds the task") {
  Office office;
  Colleague writer(office, "technical-writer");
  const std::string path = std::string(Desk::kId) + "/tasks/completed/technical_resolution.yaml";
  const auto explained = [&](policy::Access& who, const char* tool) {
    return policy::decide(who.remit(), who.principal(),
                          good(who.describe(policy::Verb::replace, tool, office.memory(path),
                                            policy::ReplaceOp::append)));
  };
  REQUIRE(office.run(make_memory_write,
                     {{"path", path}, {"op", "create"}, {"content", "summary: small pool\n"}}));
  const std::string id = office.delegate({{"task_id", "technical_resolution"}});
  CHECK(explained(*office.access, "memory_write").allowed());
  CHECK_FALSE(explained(*writer.access, "memory_write").allowed());
  REQUIRE(office.respond(writer, id, "accept"));
  for (const char* tool : {"memory_write", "Write"}) {
    CAPTURE(tool);
    CHECK(explained(*office.access, tool).code == "task_delegated");
    CHECK(explained(*writer.access, tool).rule == "handoff.task");
  }
  REQUIRE(office.respond(writer, id, "progress", "at it"));
  REQUIRE(office.respond(writer, id, "complete", "done"));
  CHECK(explained(*office.access, "memory_write").allowed());
  CHECK_FALSE(explained(*writer.access, "memory_write").allowed());
}

TEST_CASE("a file that no handoff wrote is shown as such, and answers to nothing") {
  Office office;
  Colleague dba(office, "dba");
  office.put_memory("_communication/inbox/dba/delegation_1.yaml", "type: delegation\nfrom: ceo\n");
  const std::string list = office.inbox(*dba.access);
  CHECK(has(list, "external, unverified: delegation_1.yaml"));
  CHECK(has(office.inbox(*dba.access, {{"action", "read"}, {"id", "delegation_1.yaml"}}),
            "from: ceo"));
  CHECK_FALSE(office.run_as(*dba.access, make_inbox,
                            {{"action", "read"}, {"id", "../technical-support-engineer/x.yaml"}}));
  CHECK_FALSE(has(office.inbox(*office.access), "delegation_1"));
  CHECK_FALSE(office.respond(dba, "delegation_1.yaml", "accept"));
  const std::string id = office.consult();
  CHECK_FALSE(has(office.inbox(*dba.access), "consultation_" + id));
}

TEST_CASE("what a handoff says is shown without secrets and without control characters") {
  Office office;
  Colleague dba(office, "dba");
  const std::string id =
      office.consult({{"question", "Why does \x1b[31mthis\x1b[0m fail?\nreally"}});
  CHECK_FALSE(has(office.inbox(*dba.access), "\x1b"));
  CHECK_FALSE(has(office.inbox(*dba.access, {{"action", "read"}, {"id", id}}), "\x1b"));
  REQUIRE(office.respond(dba, id, "answer", "use AKIAIOSFODNN7EXAMPLE and \x1b]0;x\x07"));
  const Reply status = good(office.run(make_handoff, {{"action", "status"}, {"id", id}}));
  CHECK_FALSE(has(status.text, "AKIAIOSFODNN7EXAMPLE"));
  CHECK_FALSE(has(status.text, "\x1b"));
}

TEST_CASE("a long handoff and a long file are read to their end, page by page") {
  Office office;
  Colleague dba(office, "dba");
  std::string one_line;
  for (int n = 0; n < 4000; ++n) one_line += "wörd " + std::to_string(n) + ", ";
  const std::string id = office.consult({{"context", one_line}});
  const policy::HandoffRecord record =
      good(dba.access->open_handoff({"01HZZZZZZZZZZZZZZZZZZZZZZZ", "inbox"}, id));
  const std::string whole = good(memory::record_text(record.handoff, record.events));
  REQUIRE(whole.size() > 40'000);
  CHECK(office.read_whole(*dba.access, id) == whole);

  const Json first =
      *good(office.run_as(*dba.access, make_inbox, {{"action", "read"}, {"id", id}})).structured;
  const auto next = [&](const std::string& of) {
    return office.run_as(*dba.access, make_inbox,
                         {{"action", "read"}, {"id", of}, {"cursor", first["cursor"]}});
  };
  REQUIRE(next(id));
  CHECK(next(office.consult({{"question", "Another question"}})).error().where == "/cursor");
  // What was shown and what follows would not fit together.
  REQUIRE(office.respond(dba, id, "decline", "not mine"));
  CHECK(next(id).error().kind == ErrorKind::conflict);

  std::string lines;
  for (int n = 0; n < 3000; ++n) lines += "line " + std::to_string(n) + "\n";
  office.put_memory("_communication/inbox/dba/note.yaml", lines);
  CHECK(office.read_whole(*dba.access, "note.yaml") == lines);
}

TEST_CASE("files beyond a page of the inbox are counted") {
  Office office;
  Colleague dba(office, "dba");
  for (std::size_t n = 0; n < limits::kInboxPage + 3; ++n)
    office.put_memory("_communication/inbox/dba/note_" + std::to_string(n) + ".yaml", "a: 1\n");
  CHECK(has(office.inbox(*dba.access), "[3 more files that no handoff wrote]"));
  std::filesystem::remove(office.memory("_communication/inbox/dba/note_0.yaml"));
  std::filesystem::remove(office.memory("_communication/inbox/dba/note_1.yaml"));
  std::filesystem::remove(office.memory("_communication/inbox/dba/note_2.yaml"));
  CHECK_FALSE(has(office.inbox(*dba.access), "more files"));
}

TEST_CASE("a long inbox comes in pages") {
  Office office;
  Colleague dba(office, "dba");
  std::set<std::string> sent, seen;
  for (int n = 0; n < 70; ++n) {
    if (n % limits::kHandoffsPerHour == 0) office.clock.advance_ms(3'600'001);
    office.clock.advance_ms(1);
    sent.insert(office.consult({{"question", "Question number " + std::to_string(n)},
                                {"deadline", "2099-01-01T00:00:00Z"}}));
  }
  Json arguments = Json::object();
  for (int page = 0; page < 20; ++page) {
    const Json result = *good(office.run_as(*dba.access, make_inbox, arguments)).structured;
    for (const Json& line : result["handoffs"]) CHECK(seen.insert(line["handoff_id"]).second);
    if (!result.contains("cursor")) break;
    arguments["cursor"] = result["cursor"];
  }
  CHECK(seen == sent);
}
