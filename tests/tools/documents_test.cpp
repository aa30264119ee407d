// memory_*, handoff and bug_report over a real Access; the YAML edits and the output view by
// themselves.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/yaml.h"
#include "memory/handoff_rows.h"
#include "tests/tools/desk.h"
#include "tools/output_view.h"
#include "tools/registry.h"
#include "tools/yaml_edit.h"

using namespace remit;
using namespace remit::tools;
using remit::policy::test::good;
using remit::tools::test::Desk;

namespace {

const std::string kIssues = "_knowledge/semantic/known_issues.yaml";
const std::string kRunbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";

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

TEST_CASE("memory_write: create, replace by etag, append; refused elsewhere") {
  Desk desk;
  const Reply made =
      good(desk.write({{"path", kRunbooks}, {"op", "create"}, {"content", "runbooks: []\n"}}));
  const std::string etag = (*made.structured)["etag"];
  CHECK(desk.code(desk.write({{"path", kRunbooks}, {"op", "create"}, {"content", "x"}})) ==
        "exists");
  CHECK(desk.code(desk.write({{"path", kRunbooks}, {"op", "replace"}, {"content", "x"}})) ==
        "precondition_required");
  CHECK(desk.write(
      {{"path", kRunbooks}, {"op", "replace"}, {"content", "a: 1\n"}, {"if_match", etag}}));
  CHECK(desk.code(desk.write(
            {{"path", kRunbooks}, {"op", "replace"}, {"content", "a: 2\n"}, {"if_match", etag}})) ==
        "conflict");
  CHECK(desk.write({{"path", kRunbooks}, {"op", "append"}, {"content", "b: 2\n"}}));
  CHECK(desk.document(kRunbooks) == "a: 1\nb: 2\n");
  CHECK(desk.code(desk.write(
            {{"path", "inst_other/x.yaml"}, {"op", "create"}, {"content", "x"}})) == "not_allowed");
  CHECK(desk.code(desk.write({{"path", kRunbooks}, {"op", "delete"}})) == "not_allowed");
  const std::string list = good(desk.run(make_memory_list, Json::object())).text;
  CHECK(list.find(kRunbooks + "  read-write") != std::string::npos);
}

TEST_CASE("memory_write: a foreign write-only document is extended, not replaced") {
  Desk desk;
  desk.put_memory(kIssues,
                  "# kept by hand\nissues:\n  - id: A-1   # the first\n    note: x\n\nother: 1\n");
  const Json entry{{"id", "B-2"}, {"note", "two: [lines]"}};
  CHECK(desk.write({{"path", kIssues}, {"op", "entry"}, {"entry", entry}}));
  CHECK(desk.document(kIssues) ==
        "# kept by hand\nissues:\n  - id: A-1   # the first\n    note: x\n  - \"id\": \"B-2\"\n    "
        "\"note\": \"two: [lines]\"\n\nother: 1\n");
  CHECK(desk.code(desk.write({{"path", kIssues}, {"op", "entry"}, {"entry", entry}})) == "exists");
  CHECK(desk.write({{"path", kIssues}, {"op", "set"}, {"pointer", "/other"}, {"value", 2}}));
  const auto blind =
      desk.write({{"path", kIssues}, {"op", "replace"}, {"content", "x"}, {"if_match", "0123"}});
  REQUIRE_FALSE(blind);
  CHECK(blind.error().kind == ErrorKind::conflict);
  CHECK_FALSE(desk.run(make_memory_read, {{"path", kIssues}}));
  const auto odd = desk.write(
      {{"path", kIssues}, {"op", "entry"}, {"entry", {{"id", "C-3"}, {"severity", "odd"}}}});
  CHECK(desk.code(odd) == "schema_invalid");
  CHECK(desk.document(kIssues).find("C-3") == std::string::npos);
}

TEST_CASE("memory_write: an idempotency key repeats the same edit and no other") {
  Desk desk;
  const auto add = [&](const char* id) {
    return desk.write({{"path", kIssues},
                       {"op", "entry"},
                       {"entry", {{"id", id}, {"title", "t"}}},
                       {"idempotency_key", "k"}});
  };
  CHECK(add("A"));
  CHECK(add("A"));
  CHECK_FALSE(add("B"));
  CHECK(desk.document(kIssues) == "\"issues\":\n  - \"id\": \"A\"\n    \"title\": \"t\"\n");
}

TEST_CASE("memory_write: redact masks a secret that is refused otherwise") {
  Desk desk;
  const std::string token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
  const Json text{{"path", kRunbooks}, {"op", "create"}, {"content", "runbooks: []\n# " + token}};
  CHECK(desk.code(desk.write(text)) == "secret_found");
  Json masked = text;
  masked["redact"] = true;
  good(desk.write(masked));
  CHECK(desk.document(kRunbooks).starts_with("runbooks: []\n# [redacted:"));
  desk.put_memory(kIssues, "issues: []\n");
  good(desk.write({{"path", kIssues},
                   {"op", "entry"},
                   {"redact", true},
                   {"entry", {{"id", "A-1"}, {"title", "leaked " + token}}}}));
  CHECK(desk.document(kIssues).find("leaked [redacted:") != std::string::npos);
  CHECK(desk.document(kIssues).find(token) == std::string::npos);
}

TEST_CASE("memory_write: rename needs delete and read there, create here, and moves whole") {
  const std::string from = "_knowledge/procedural/old.yaml", to = "_knowledge/procedural/new.yaml";
  const auto granted = [&](bool read, bool remove) {
    return [&, read, remove](policy::Remit& remit) {
      for (const std::string& path : {from, to}) {
        policy::MemoryRule rule;
        rule.pattern = good(memory::DocPattern::compile(path, {}));
        rule.list = rule.create = rule.replace = rule.append = true;
        rule.read = read;
        rule.remove = remove;
        rule.origin = {"tse.md", 9, 4};
        remit.memory.push_back(std::move(rule));
      }
    };
  };
  const Json rename{{"path", from}, {"op", "rename"}, {"to", to}};
  for (const auto& [read, remove] : {std::pair{true, false}, std::pair{false, true}}) {
    Desk desk(granted(read, remove));
    desk.put_memory(from, "theirs\n");
    CHECK(desk.code(desk.write(rename)) == "not_allowed");
    CHECK(desk.document(from) == "theirs\n");
  }
  Desk desk(granted(true, true));
  CHECK(desk.code(desk.write(rename)) == "not_found");
  desk.put_memory(from, "theirs\n");
  CHECK(desk.code(desk.write({{"path", from}, {"op", "rename"}})) != "ok");
  CHECK(desk.code(desk.write({{"path", from}, {"op", "rename"}, {"to", "inst_other/x.yaml"}})) ==
        "not_allowed");
  CHECK(desk.code(desk.write({{"path", from}, {"op", "rename"}, {"to", to}, {"if_match", "0"}})) ==
        "conflict");
  CHECK(good(desk.write(rename)).text.starts_with("renamed to " + to));
  CHECK_FALSE(desk.exists("work/Agent_Memory/" + from));
  CHECK(desk.document(to) == "theirs\n");
  // Nothing is written over.
  desk.put_memory(from, "again\n");
  CHECK(desk.code(desk.write(rename)) == "exists");
  CHECK(desk.document(from) == "again\n");
  CHECK(desk.document(to) == "theirs\n");
}

TEST_CASE("memory_search: readable documents only, by line, in the order of their paths") {
  Desk desk;
  const std::string mine = std::string(desk.kId) + "/instruction.yaml";
  desk.put_memory(mine, "goal: find the needle\nother: x\nNeedle: y\n");
  desk.put_memory("inst_other/secret.yaml", "needle in another case\n");
  desk.put_memory(kIssues, "needle: write-only\n");
  desk.put_memory(kRunbooks, "runbooks: []\n# a needle\n");
  const auto search = [&](Json args) {
    args["pattern"] = args.value("pattern", "needle");
    return desk.run(make_memory_search, args);
  };
  const Reply all = good(search(Json::object()));
  CHECK(all.text == kRunbooks + ":2:# a needle\n" + mine +
                        ":1:goal: find the needle\n[2 lines in 2 of 2 readable documents "
                        "searched]\n");
  CHECK(good(search({{"ignore_case", true}})).text.find(mine + ":3:Needle: y") !=
        std::string::npos);
  const Json one = *good(search({{"limit", 1}})).structured;
  CHECK(one["truncated"] == true);
  CHECK(one["matches"].size() == 1);
  CHECK(good(search({{"prefix", desk.kId}})).text.find(kRunbooks) == std::string::npos);
  // Where nothing may be read, nothing is there.
  const std::string foreign = good(search({{"prefix", "inst_other"}})).text;
  CHECK(foreign == "no line matches in 0 readable documents\n");
  CHECK(foreign == good(search({{"prefix", "inst_none"}})).text);
  CHECK_FALSE(search({{"pattern", "("}}));
  CHECK(good(search({{"pattern", "write-only|another"}})).text.starts_with("no line matches"));
}

TEST_CASE(
    "memory_history: all versions of what may be read, one's own of what may only be written") {
  Desk desk;
  const auto history = [&](const std::string& path, Json args = Json::object()) {
    args["path"] = path;
    return desk.run(make_memory_history, args);
  };
  good(desk.write({{"path", kRunbooks}, {"op", "create"}, {"content", "a: 1\n"}}));
  good(desk.write({{"path", kRunbooks}, {"op", "append"}, {"content", "b: 2\n"}}));
  const Json both = *good(history(kRunbooks)).structured;
  REQUIRE(both["versions"].size() == 2);
  CHECK(both["versions"][0]["op"] == "append");
  CHECK(both["versions"][0]["bytes"] == 10);
  CHECK(both["versions"][0]["author"] == "technical-support-engineer");
  const std::int64_t newest = both["versions"][0]["version"];
  CHECK((*good(history(kRunbooks, {{"version", newest}})).structured)["content"] == "a: 1\nb: 2\n");

  // Another's words, then one's own after them.
  desk.put_memory(kIssues, "issues:\n  - id: A-1\n    note: theirs\n");
  good(desk.write({{"path", kIssues}, {"op", "append"}, {"content", "# mine\n"}}));
  good(desk.write({{"path", kIssues}, {"op", "set"}, {"pointer", "/other"}, {"value", 2}}));
  const Reply own = good(history(kIssues));
  const Json rows = (*own.structured)["versions"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["op"] == "edit");
  CHECK(rows[1]["op"] == "append");
  CHECK_FALSE(rows[1].contains("bytes"));
  const std::int64_t appended = rows[1]["version"];
  CHECK((*good(history(kIssues, {{"version", appended}})).structured)["content"] == "# mine\n");
  CHECK(desk.code(history(kIssues, {{"version", rows[0]["version"]}})) == "not_found");
  CHECK(desk.code(history(kIssues, {{"version", appended - 1}})) == "not_found");  // theirs
  // Nobody else's document, there or not.
  desk.put_memory("inst_other/secret.yaml", "x\n");
  CHECK(desk.code(history("inst_other/secret.yaml")) == "not_allowed");
  CHECK(desk.code(history("inst_other/absent.yaml")) == "not_allowed");
}

TEST_CASE("memory_read tells when it cut a line") {
  Desk desk;
  desk.put_memory(kRunbooks, std::string(30'000, 'x') + "\nlast\n");
  const Reply page = good(desk.run(make_memory_read, {{"path", kRunbooks}}));
  CHECK(page.text.find("was cut") != std::string::npos);
  CHECK((*page.structured)["truncated"] == true);
  CHECK((*page.structured)["next_offset"] == 2);
}

TEST_CASE("yaml edits: layouts that work, and those that are refused unharmed") {
  const Json entry{{"id", "n"}};
  const auto add = [&](const char* text) {
    auto out = add_entry(text, "issues", entry, "id");
    return out ? *out : "refused";
  };
  CHECK(add("") == "\"issues\":\n  - \"id\": \"n\"\n");
  CHECK(add("issues: []\n") == "issues:\n  - \"id\": \"n\"\n");
  CHECK(add("issues: # see [1]\n  - id: a\n") ==
        "issues: # see [1]\n  - id: a\n  - \"id\": \"n\"\n");
  CHECK(add("---\n- id: a\n") == "---\n- id: a\n- \"id\": \"n\"\n");
  CHECK(add("issues:\n- id: a\nb: 1") == "issues:\n- id: a\n- \"id\": \"n\"\nb: 1\n");
  for (const char* hostile :
       {"issues: [{id: a}]\n", "issues: text\n", "just text\n", "a: b: c\n", "a: &x 1\nb: *x\n",
        "{issues: []}\n", "a: 1\n---\nb: 2\n", "issues: ~\n", "\xff\xfe", "- [\n"}) {
    CAPTURE(hostile);
    CHECK(add(hostile) == "refused");
  }
  CHECK(good(set_key("a: 1 \nb: 2\n", "/b", "no")) == "a: 1 \n\"b\": \"no\"\n");
  CHECK_FALSE(set_key("a: |\n  one\n  two\nb: 1\n", "/a", "x"));
  CHECK_FALSE(set_key("a: one\n  two\n", "/a", 3));
  CHECK_FALSE(set_key("a: {b: 1}\n", "/a", 1));
  CHECK_FALSE(set_key("a: 1\n", "/a/b", 1));
  // What stands in a document that the caller may not read is not told.
  const auto broken = add_entry("secret_name: 1\nsecret_name: 2\n", "issues", entry, "id");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("secret_name") == std::string::npos);
}

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

TEST_CASE("output view: head, omitted and tail make up the total, whatever was printed") {
  std::uint32_t seed = 7;
  const auto next = [&] { return seed = seed * 1664525u + 1013904223u; };
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = round % 10 == 0 ? (3u << 20) + next() % 1000 : next() % 30'000;
    const int style = round % 3;
    std::string all;
    all.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      all += style == 0         ? static_cast<char>('a' + next() % 26)
             : next() % 20 == 0 ? '\n'
             : style == 1       ? 'x'
                                : '\x01';
    }
    OutputView view;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t step = std::min<std::size_t>(1 + next() % 70'000, all.size() - at);
      view.write(std::string_view(all).substr(at, step));
      at += step;
    }
    const std::size_t room = 1'000 + next() % 20'000;
    bool cut = false;
    const std::string text = view.text(room, &cut);
    CAPTURE(round);
    if (!cut) {
      CHECK(text == printable(all));
      continue;
    }
    const std::size_t mark = text.find("[... ");
    REQUIRE(mark != std::string::npos);
    const std::size_t end = text.find(" lines omitted ...]\n", mark);
    REQUIRE(end != std::string::npos);
    std::string number = text.substr(mark + 5, text.find(" bytes", mark) - mark - 5);
    std::erase(number, ',');
    std::string lines =
        text.substr(text.find("bytes, ", mark) + 7, end - text.find("bytes, ", mark) - 7);
    std::erase(lines, ',');
    const std::string head = text.substr(0, mark), tail = text.substr(end + 20);
    const std::size_t width = printable("\x01").size();  // of an escaped byte
    const auto bytes = [&](const std::string& part) {
      const auto plain = static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      return style == 2 ? plain + (part.size() - plain) / width : part.size();
    };
    CHECK(bytes(head) + std::stoull(number) + bytes(tail) == all.size());
    const auto breaks = [](std::string_view part) {
      return static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
    };
    CHECK(breaks(head) + std::stoull(lines) + breaks(tail) == breaks(all));
    CHECK(head.size() + tail.size() <= room);
  }
}
