// memory_* over a real Access: what may be written, by whom and how; what a search and a history
// show.
#include <filesystem>

#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/tools/desk.h"
#include "tools/registry.h"

using namespace remit;
using namespace remit::tools;
using remit::policy::test::good;
using remit::tools::test::Desk;

namespace {

const std::string kIssues = "_knowledge/semantic/known_issues.yaml";
const std::string kRunbooks = "_knowledge/procedural/troubleshooting_runbooks.yaml";

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

TEST_CASE("a full folder takes nothing more, whoever writes and however") {
  Desk desk;
  const std::string folder = "_knowledge/";
  desk.put_memory(kRunbooks, "runbooks: []\n");
  desk.put_memory(kIssues, "issues: []\nother: 1\n");
  const std::string etag =
      (*good(desk.run(make_memory_read, {{"path", kRunbooks}})).structured)["etag"];
  // A file without a block on the disk counts with its size.
  const std::string large = desk.memory(folder + "large.bin");
  desk.put_memory(folder + "large.bin", "");
  std::filesystem::resize_file(large, limits::kFolderBytes);
  CHECK(desk.code(desk.write({{"path", kRunbooks}, {"op", "append"}, {"content", "a: 1\n"}})) ==
        "quota");
  CHECK(desk.code(desk.write(
            {{"path", kIssues}, {"op", "entry"}, {"entry", {{"id", "B-2"}, {"note", "two"}}}})) ==
        "quota");
  CHECK(desk.code(desk.write({{"path", kIssues},
                              {"op", "set"},
                              {"pointer", "/other"},
                              {"value", "longer than it was"}})) == "quota");
  // As Write and what Bash changed arrive.
  policy::ReplaceRequest bash;
  bash.path = desk.memory(kRunbooks);
  bash.op = policy::ReplaceOp::replace;
  bash.if_version = sha256_hex("runbooks: []\n");
  bash.bytes = "runbooks: []\na: 1\n";
  CHECK(desk.access->replace(desk.call("Bash"), bash).error().code == "quota");
  // A text that is no longer than the one before goes in.
  CHECK(desk.write({{"path", kRunbooks},
                    {"op", "replace"},
                    {"content", "runbooks: [] \n"},
                    {"if_match", etag}})
            .error()
            .code == "quota");
  CHECK(desk.write(
      {{"path", kRunbooks}, {"op", "replace"}, {"content", "runbooks: []"}, {"if_match", etag}}));
  std::filesystem::remove(large);
  CHECK(desk.write({{"path", kRunbooks}, {"op", "append"}, {"content", "\na: 1\n"}}));
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
  Json keyed = rename;
  keyed["idempotency_key"] = "k";
  CHECK(desk.write(keyed).error().where == "/idempotency_key");
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
