// What known documents must look like: the schemas that ship, and how a fault is told.
#include "policy/document_schemas.h"

#include "base/crypto.h"
#include "policy/apply_changes.h"
#include "tests/policy/access_fixture.h"

using namespace remit;
using namespace remit::policy;
using namespace remit::policy::test;

namespace {

const std::string kIssues = "_knowledge/semantic/known_issues.yaml";
const std::string kRunbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";
const std::string kResolution =
    std::string(Bench::kId) + "/tasks/completed/technical_resolution.yaml";

std::string fault_of(const DocumentSchemas& schemas, const std::string& path,
                     const std::string& body) {
  const DocumentSchema* const schema = schemas.of(path);
  if (schema == nullptr) return "no schema";
  const auto fault = schema->check(body);
  return fault ? std::to_string(fault->at.line) + " " + fault->pointer + " " + fault->rule : "fits";
}

// A folder with one schema of the given text.
Result<DocumentSchemas> load_one(const std::string& text) {
  const Folder folder;
  folder.write("x.json", text);
  return DocumentSchemas::load(folder.path(), {Bench::kId, "", {}});
}

}  // namespace

TEST_CASE("the shipped schemas: which documents, which faults") {
  const DocumentSchemas schemas =
      good(DocumentSchemas::load(source("manifests/schemas"), {Bench::kId, "", {}}));
  const auto issues = [&](const std::string& body) { return fault_of(schemas, kIssues, body); };
  CHECK(issues("issues: []\n") == "fits");
  CHECK(issues("issues:\n  - id: A-1\n    title: t\n    fixed_in: 1.2\n    more: [x]\n") == "fits");
  CHECK(issues("- {id: A-1, title: t}\n- {id: A-2, title: t}\n") == "fits");
  CHECK(issues("issues:\n  - title: t\n    status: open\n") == "2 /issues/0/id is required");
  CHECK(issues("issues:\n  - id: A-1\n    status: odd\n") ==
        "3 /issues/0/status must be one of open, investigating, workaround, fixed, wont_fix");
  CHECK(issues("issues:\n  - id: a b\n    title: t\n") ==
        "2 /issues/0/id must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$");
  CHECK(issues("issues:\n  - {id: A-1, title: t}\n  - {id: A-1, title: u}\n") ==
        "3 /issues/1/id must be unique in the list");
  CHECK(issues("issues:\n  - {id: A-1, title: [t]}\n") ==
        "2 /issues/0/title must be of type string");
  CHECK(issues("issues: text\n") == "1 /issues must be of type array");
  CHECK(issues("issues: ~\n") == "1 /issues must be of type array");
  CHECK(issues("just text\n") == "1  must be of type object");
  CHECK(issues("") == "1  must be of type object");
  CHECK(issues("a: &x 1\n").starts_with("1  must be YAML"));
  CHECK(issues("issues: []\nissues: []\n").starts_with("2  must be YAML"));
  CHECK(fault_of(schemas, kResolution, "summary: ''\n") ==
        "1 /summary must have at least 1 characters");
  CHECK(fault_of(schemas, "inst_other/tasks/completed/technical_resolution.yaml", "x") ==
        "no schema");
  CHECK(schemas.of(kIssues)->list_key == "issues");
  CHECK(schemas.of(kRunbooks)->unique_key == "id");
  CHECK_FALSE(schemas.of(std::string(Bench::kId) + "/status.yaml")->enforced);
}

TEST_CASE("a schema that would not be kept is refused, a broken one keeps documents out") {
  CHECK(load_one("{").error().message.find("x.json") != std::string::npos);
  CHECK(load_one(R"({"maxItems":3})").error().message.find("unknown keyword maxItems") !=
        std::string::npos);
  CHECK_FALSE(load_one(R"({"anyOf":[{"not":{}}]})"));
  CHECK_FALSE(load_one(R"({"x-remit-paths":["../x"]})"));
  const auto told = [](const std::string& rules, const std::string& body) {
    const std::string text = R"({"x-remit-paths":["a.yaml"],)" + rules + "}";
    return fault_of(good(load_one(text)), "a.yaml", body);
  };
  CHECK(told(R"("type":7)", "a: 1").find("schema is broken") != std::string::npos);
  CHECK(told(R"("properties":{"a":{"pattern":"("}})", "a: 1") == "1 /a must match (");
  CHECK(told(R"("$ref":"#")", "a: 1").find("without end") != std::string::npos);
  CHECK(told(R"("$ref":"#/$defs/none")", "a: 1").find("does not hold") != std::string::npos);
  CHECK(told(R"("properties":{"a":{"oneOf":[{"const":1},{"type":"integer"}]}})", "a: 1") ==
        "1 /a fits several forms");
  CHECK(told(R"("properties":{"a":{"oneOf":[{"const":1},{"type":"integer"}]}})", "a: 2") == "fits");
  CHECK(told(R"("if":{"properties":{"a":{"const":true}}},"then":{"required":["b"]})", "a: true") ==
        "1 /b is required");
  CHECK(told(R"("if":{"properties":{"a":{"const":true}}},"then":{"required":["b"]})",
             "a: \"true\"") == "fits");
  CHECK(told(R"("properties":{"a":{}},"additionalProperties":false)", "a: 1\nb: 2") ==
        "2 /b must not be there");
  CHECK(told(R"("properties":{"a":{"minItems":1,"contains":{"const":"x"}}})", "a: []") ==
        "1 /a must have at least 1 items");
  CHECK(told(R"("properties":{"a":{"contains":{"const":"x"}}})", "a: [y]") ==
        "1 /a lacks an item that the schema asks for");
  CHECK(told(R"("properties":{"a":{"type":["integer","null"]}})", "a: ~") == "fits");
  CHECK(told(R"("properties":{"a":{"type":["integer","null"]}})", "a: 1.5") ==
        "1 /a must be of type integer, null");
}

TEST_CASE("an invalid known document is refused, whoever writes it, and the old one stays") {
  Bench bench;
  const std::string old = "runbooks: []\n";
  bench.put_memory(kRunbooks, old);
  const auto refusal = [&](const std::string& tool, ReplaceRequest request) {
    const auto done = bench.access->replace(bench.call(tool), request);
    CHECK(bench.get("work/Agent_Memory/" + kRunbooks) == old);
    return done ? "written"
                : done.error().code + " at " + done.error().where + ": " + done.error().message;
  };
  const std::string told =
      "schema_invalid at /runbooks/0/id: line 2 of the new " + kRunbooks +
      ": /runbooks/0/id is required; nothing was written (schema troubleshooting_runbooks)";
  ReplaceRequest request;
  request.op = ReplaceOp::replace;
  request.bytes = "runbooks:\n  - title: restart\n    steps: [stop, start]\n";
  request.path = bench.memory(kRunbooks);
  request.if_version = sha256_hex(old);
  CHECK(refusal("Write", request) == told);
  CHECK(refusal("Bash", request) == told);
  ReplaceRequest append;
  append.op = ReplaceOp::append;
  append.document = true;
  append.path = kRunbooks;
  append.bytes = "runbooks: []\n";
  CHECK(refusal("memory_write", append).find("line 2 of the new") != std::string::npos);

  // A command's change waits for a person, who sees why; applying it is refused the same way.
  const ChangeSets sets = good(ChangeSets::open(*bench.state));
  Change change;
  change.kind = ChangeKind::modify;
  change.path = request.path;
  change.content = request.bytes;
  change.preimage_sha256 = sha256_hex(old);
  SpawnOutcome outcome;
  outcome.changes = {change};
  const ApplyReport report = good(apply_changes(*bench.access, sets, bench.call("Bash"), outcome));
  CHECK(report.changes.front().outcome == ChangeOutcome::held);
  CHECK(report.changes.front().why.find("/runbooks/0/id is required") != std::string::npos);
  CHECK(bench.get("work/Agent_Memory/" + kRunbooks) == old);
}

TEST_CASE("who may not read a document learns nothing of what stands in it") {
  Bench bench;
  bench.put_memory(kIssues,
                   "issues:\n  - id: A-1\n    title: t\n  - id: B-2\n    severity: unheard\n");
  ReplaceRequest append;
  append.op = ReplaceOp::append;
  append.document = true;
  append.path = kIssues;
  append.bytes = "more: 1\n";
  const auto done = bench.access->replace(bench.call("memory_write"), append);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == "schema_invalid");
  CHECK(done.error().where.empty());
  CHECK(done.error().message ==
        "the document would break a rule: severity must be one of critical, high, medium, low; "
        "nothing was written "
        "(schema known_issues)");
  // Nor how many entries there are: the place of the one that it adds would say so.
  bench.put_memory(kIssues, "issues:\n  - id: A-1\n    title: t\n");
  append.bytes = "  - no mapping\n";
  const auto another = bench.access->replace(bench.call("memory_write"), append);
  REQUIRE_FALSE(another);
  CAPTURE(another.error().message);
  CHECK(another.error().message.starts_with("the document would break a rule: must be"));
}
