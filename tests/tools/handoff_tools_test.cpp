// handoff and bug_report over a real Access: required fields, edges, evidence, queues, deadlines.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "memory/handoff_rows.h"
#include "tests/tools/desk.h"
#include "tools/registry.h"

using namespace remit;
using namespace remit::tools;
using remit::policy::test::good;
using remit::tools::test::Desk;

namespace {

Json report() {
  return {
      {"title", "Checkout answers 500 after deploy"},
      {"severity", "high"},
      {"customer_impact",
       {{"affected_customers", "all users"},
        {"business_impact", "revenue_blocking"},
        {"workaround_available", "no"}}},
      {"reproduction_steps", {"open the cart", "pay"}},
      {"expected_behavior", "a receipt"},
      {"actual_behavior", "500"},
      {"technical_details",
       {{"environment", "production"}, {"version", "1.2"}, {"error_messages", "pool exhausted"}}},
      {"root_cause_hypothesis", "the pool is too small"},
      {"priority_justification", "nobody can pay"}};
}

}  // namespace

TEST_CASE("handoff: required fields, edges, evidence, queues") {
  Desk desk;
  const auto send = [&](const Json& arguments) { return desk.run(make_handoff, arguments); };
  const auto where = [&](const Json& arguments) {
    const auto reply = send(arguments);
    return reply ? std::string("sent") : reply.error().where;
  };
  CHECK(where({{"kind", "consult"}, {"to", "dba"}}) == "/question");
  CHECK(where({{"kind", "consult"}, {"to", "dba"}, {"question", "why"}}) == "/question");
  CHECK(where({{"kind", "consult"}, {"to", "dba"}, {"question", "            "}}) == "/question");
  CHECK(where({{"kind", "delegate"}, {"to", "technical-writer"}}) == "/title");
  CHECK(where({{"kind", "delegate"},
               {"to", "technical-writer"},
               {"title", " "},
               {"scope", "s"},
               {"success_criteria", {"c"}}}) == "/title");
  CHECK(where({{"kind", "delegate"},
               {"to", "technical-writer"},
               {"title", "t"},
               {"scope", "s"},
               {"success_criteria", {" "}}}) == "/success_criteria");
  Json escalation{{"kind", "escalate"},
                  {"to", "escalation-manager"},
                  {"severity", "high"},
                  {"issue", "500s for many"},
                  {"impact", "all"}};
  CHECK(desk.code(send(escalation)) == "evidence_required");
  CHECK(desk.code(send({{"kind", "consult"}, {"to", "ceo"}, {"question", "may I have a raise"}})) ==
        "no_edge");
  CHECK(desk.code(send({{"kind", "delegate"}, {"to", "dba"}})) == "no_edge");
  escalation["evidence"] = {
      {{"call_id", "01HZZZZZZZZZZZZZZZZZZZZZZZ"}, {"quote", "pool exhausted"}}};
  CHECK(desk.code(send(escalation)) == "evidence_not_found");
  const policy::KeptResult kept =
      good(desk.access->keep_result(desk.call("log_patterns"), "42 x connection pool exhausted"));
  escalation["evidence"][0]["sha256"] = std::string(64, '0');
  CHECK(desk.code(send(escalation)) == "evidence_not_found");
  escalation["evidence"][0]["sha256"] = kept.sha256;
  escalation["evidence"][0]["quote"] = "pool was fine";
  CHECK(desk.code(send(escalation)) == "evidence_not_found");
  escalation["evidence"][0]["quote"] = "pool exhausted";
  const Reply first = good(send(escalation));
  CHECK((*first.structured)["duplicate"] == false);
  CHECK((*good(send(escalation)).structured)["duplicate"] == true);
  const std::string place = (*first.structured)["place"];
  CHECK(desk.document(place).find("500s for many") != std::string::npos);
  escalation["to"] = "engineering-team";
  CHECK(desk.code(send(escalation)) == "bug_report_required");
  // Another persona's result is no evidence.
  auto other = desk.open_access("dba");
  policy::HandoffDraft draft;
  draft.kind = policy::HandoffKind::escalate;
  draft.to = "escalation-manager";
  draft.fields_json = "{}";
  draft.evidence = {{"01HZZZZZZZZZZZZZZZZZZZZZZZ", "", ""}};
  CHECK(other->send(desk.call("handoff"), draft).error().code == "evidence_not_found");
}

TEST_CASE("a kept result is no evidence and cannot be read once it is a day old, swept or not") {
  Desk desk;
  good(desk.access->keep_result(desk.call("log_patterns"), "connection pool exhausted"));
  const std::string uri = "remit://result/01HZZZZZZZZZZZZZZZZZZZZZZZ";
  const Json escalation{
      {"kind", "escalate"}, {"to", "escalation-manager"},
      {"severity", "high"}, {"issue", "500s"},
      {"impact", "all"},    {"evidence", {{{"call_id", "01HZZZZZZZZZZZZZZZZZZZZZZZ"}}}}};
  const auto aged = [&](std::chrono::seconds age) {
    const std::int64_t at = desk.clock.unix_ms() / 1000 - age.count();
    const struct timespec times[2] = {{at, 0}, {at, 0}};
    for (const auto& file : std::filesystem::directory_iterator(desk.at("state/spill"))) {
      REQUIRE(::utimensat(AT_FDCWD, file.path().c_str(), times, 0) == 0);
    }
  };
  aged(std::chrono::seconds(limits::kResultKept));
  CHECK(desk.code(desk.run(make_handoff, escalation)) == "evidence_not_found");
  CHECK(desk.read(uri).error().code == "not_found");
  aged(std::chrono::seconds(limits::kResultKept) - std::chrono::seconds(1));
  CHECK(desk.read(uri).value() == "connection pool exhausted");
  CHECK(desk.code(desk.run(make_handoff, escalation)) == "ok");
}

TEST_CASE("handoff: a secret in a field is masked and the file stays readable") {
  Desk desk;
  const Reply sent = good(desk.run(
      make_handoff,
      {{"kind", "consult"},
       {"to", "dba"},
       {"question", "is this row right for them?"},
       {"context", R"({"password":"hunter2hunter2","user":"x"} password=hunter2hunter2)"}}));
  const std::string inbox = desk.document((*sent.structured)["place"].get<std::string>());
  CHECK(inbox.find("hunter2hunter2") == std::string::npos);
  CHECK(inbox.find("is this row right for them?") != std::string::npos);
  CHECK(yaml::parse(inbox).ok());
}

TEST_CASE("bug_report: what the form requires, all at once") {
  Desk desk;
  const auto check = [&](const Json& bug) {
    return desk.run(make_bug_report, {{"action", "validate"}, {"report", bug}});
  };
  CHECK((*good(check(report())).structured)["valid"] == true);
  for (const char* field :
       {"title", "severity", "customer_impact", "reproduction_steps", "expected_behavior",
        "actual_behavior", "technical_details", "root_cause_hypothesis"}) {
    Json bug = report();
    bug.erase(field);
    CAPTURE(field);
    CHECK_FALSE(check(bug));
  }
  Json wrong = report();
  wrong["severity"] = "urgent";
  CHECK_FALSE(check(wrong));
  Json blank = report();
  blank["expected_behavior"] = "  ";
  blank["root_cause_hypothesis"] = "\n";
  blank["reproduction_steps"] = {"", " "};
  blank["customer_impact"]["affected_customers"] = Json::array();
  blank["customer_impact"]["workaround_available"] = "yes";
  blank.erase("priority_justification");
  const Reply verdict = good(check(blank));
  CHECK((*verdict.structured)["valid"] == false);
  CHECK((*verdict.structured)["errors"].size() == 6);
  Json odd = report();
  odd["title"] = "short";
  odd["severity"] = "critical";
  odd["customer_impact"]["business_impact"] = "cosmetic";
  odd["actual_behavior"] = "a receipt";
  const Reply warned = good(check(odd));
  CHECK((*warned.structured)["valid"] == true);
  CHECK((*warned.structured)["warnings"].size() == 4);
}

TEST_CASE("bug_report: sent to the queue with evidence only") {
  Desk desk;
  Json bug = report();
  const auto send = [&] {
    return desk.run(make_bug_report, {{"action", "send"}, {"report", bug}});
  };
  CHECK(desk.code(send()) == "evidence_required");
  good(desk.access->keep_result(desk.call("log_patterns"), "connection pool exhausted"));
  bug["technical_details"]["log_snippets"] = {
      {{"text", "pool is happy"}, {"call_id", "01HZZZZZZZZZZZZZZZZZZZZZZZ"}}};
  CHECK(desk.code(send()) == "evidence_not_found");
  bug["technical_details"]["log_snippets"][0]["text"] = "pool exhausted";
  const Reply sent = good(send());
  CHECK((*sent.structured)["handoff"]["to"] == "engineering-team");
  bug["severity"] = "high";
  bug["expected_behavior"] = " ";
  CHECK(desk.code(send()) == "bug_report_invalid");
}

TEST_CASE("bug_report: unacknowledged, it climbs the ladder of directory.yaml") {
  Desk desk;
  const auto send = [&](const char* severity) {
    good(desk.access->keep_result(desk.call("log_patterns"), "connection pool exhausted"));
    Json bug = report();
    bug["severity"] = severity;
    bug["title"] = std::string("Checkout answers 500, ") + severity;
    const Json arguments{{"action", "send"},
                         {"report", bug},
                         {"evidence", {{{"call_id", "01HZZZZZZZZZZZZZZZZZZZZZZZ"}}}}};
    return (*good(desk.run(make_bug_report, arguments)).structured)["handoff"]["handoff_id"]
        .get<std::string>();
  };
  memory::HandoffRows rows(*desk.state, desk.store->root_id());
  constexpr std::int64_t kMinute = 60'000;
  // The id, the level's target and the state of what rings after so long, if exactly one does.
  const auto rings = [&](std::int64_t after_ms) {
    desk.clock.advance_ms(after_ms - 1);
    CHECK(good(rows.fire_due()).empty());
    desk.clock.advance_ms(1);
    const auto due = good(rows.fire_due());
    REQUIRE(due.size() == 1);
    return due.front().to + " " + due.front().state;
  };
  send("critical");  // the directory names the time of this severity
  CHECK(rings(5 * kMinute) == "on-call notified");
  CHECK(rings(15 * kMinute) == "vp-customer-support notified");
  CHECK(rings(5 * kMinute) == "vp-customer-support exhausted");
  const std::string id = send("high");  // and not of this one: by priority
  CHECK(rings(15 * kMinute) == "on-call notified");
  memory::HandoffStep seen;
  seen.to_state = "acknowledged";
  seen.persona = "operator";
  seen.principal = "uid:1001";
  seen.is_operator = true;  // a person has no agent
  good(rows.step(id, seen));
  desk.clock.advance_ms(24 * 60 * kMinute);
  CHECK(good(rows.fire_due()).empty());
}
