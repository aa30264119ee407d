// Agent_Memory at the console: the tree, documents, versions, differences, and going back.
#include "base/limits.h"
#include "memory/store.h"
#include "policy/find.h"
#include "server/limits.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

const std::string kRoot = "/console/memory";

std::string at(const std::string& what, const std::string& path, const std::string& query = "") {
  return kRoot + "/" + what + "/" + encoded(path) + (query.empty() ? "" : "?" + query);
}

// A house with an Agent_Memory, into which an agent writes.
struct MemoryHouse : House {
  explicit MemoryHouse(ConsoleOptions options = {{}, 8812, false}) : House(std::move(options)) {
    std::filesystem::create_directories(root);
    store = memory::open_file_store(*state, fs::open_root(root).value()).value();
  }
  std::string file(const std::string& path) const { return root + "/" + path; }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(file(path)).parent_path());
    memory::spew(file(path), text);
  }
  void write(const std::string& path, const std::string& body) {
    memory::DocumentChange change;
    change.path = memory::DocPath::parse(path).value();
    change.body = body;
    change.op = std::filesystem::exists(file(path)) ? memory::DocumentChange::Op::replace
                                                    : memory::DocumentChange::Op::create;
    clock.advance_ms(1000);
    const auto done = store->commit(std::span(&change, 1), {"tse", "uid:7", "inst_1", "CALL"}, "");
    REQUIRE_MESSAGE(done, done.error().message);
  }
  std::unique_ptr<memory::Store> store;
};

TEST_CASE("without an Agent_Memory the page says so, and with one it is there at once") {
  House house;
  Browser browser(house);
  browser.log_in();
  const Seen none = browser.get(kRoot);
  CHECK(none.status == 503);
  CHECK(none.has("There is no Agent_Memory at " + house.root));
  CHECK(browser.get("/console/handoffs").status == 503);
  std::filesystem::create_directories(house.root);
  CHECK(browser.get(kRoot).has("There is no document."));
  // Another folder at the same place is another memory.
  std::filesystem::rename(house.root, house.root + ".old");
  std::filesystem::create_directories(house.root);
  memory::spew(house.root + "/new.md", "x");
  CHECK(browser.get(kRoot).has(">new.md</a>"));
}

TEST_CASE("the tree folds its folders without a script and leads to each document") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  house.put("_knowledge/semantic/issues.yaml", "a: 1\n");
  house.put("_knowledge-x.md", "x");
  house.put("_knowledge/z.md", "z");
  const Seen all = browser.get(kRoot);
  CHECK(all.has("<details open=\"\"><summary>_knowledge/</summary>"));
  CHECK(all.has("<summary>semantic/</summary>"));
  CHECK(all.has("href=\"" + at("document", "_knowledge/semantic/issues.yaml") + "\">issues.yaml<"));
  CHECK(all.has(">_knowledge-x.md</a>"));
  CHECK(all.has("3 documents"));
  const Seen below = browser.get(at("folder", "_knowledge"));
  CHECK(below.has("2 documents"));
  CHECK(!below.has("_knowledge-x.md"));
  CHECK(below.has("<summary>semantic/</summary>"));
}

TEST_CASE("a large tree comes in pages") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  for (std::size_t i = 0; i <= limits::kConsoleDocuments; ++i)
    house.put("f/" + std::to_string(1000 + i), "x");
  const Seen first = browser.get(kRoot);
  CHECK(first.has("<details><summary>f/"));
  CHECK(first.has("<a href=\"" + at("folder", "f") + "\">Only this folder"));
  CHECK(first.has(">1499</a>"));
  CHECK(!first.has(">1500</a>"));
  CHECK(first.has("More documents"));
  const Seen second = browser.get(kRoot + "?after=" + encoded("f/1499"));
  CHECK(second.has(">1500</a>"));
  CHECK(!second.has(">1499</a>"));
  CHECK(!second.has("More documents"));
}

TEST_CASE("what a document holds and is named is shown, never obeyed") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  const std::string name = "a <b>\u202Egnp.md";
  house.put(name, "<script>alert(1)</script>\x01\u202E\xff</pre>\n");
  CHECK(browser.get(kRoot).has(">a &lt;b&gt;\\u{202E}gnp.md</a>"));
  const Seen page = browser.get(at("document", name));
  CHECK(page.status == 200);
  CHECK(page.has("&lt;script&gt;alert(1)&lt;/script&gt;\\u{0001}\\u{202E}\\xFF&lt;/pre&gt;"));
  CHECK(!page.has("<script>"));
  CHECK(page.has("never through Remit"));
}

TEST_CASE("a document shows who wrote it last, and that somebody changed it without Remit") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  house.write("a.md", "one\n");
  const Seen mine = browser.get(at("document", "a.md"));
  CHECK(mine.has("version 1, create by "));
  CHECK(mine.has("tse (uid:7, inst_1)"));
  CHECK(mine.has(house.store->read(memory::DocPath::parse("a.md").value()).value().etag));
  CHECK(mine.has("<dd>4 bytes</dd>"));
  memory::spew(house.file("a.md"), "other\n");
  CHECK(browser.get(at("document", "a.md")).has("changed without Remit since version 1"));
}

TEST_CASE("a long document comes in parts, none of which cuts a letter") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  std::string text(limits::kConsoleTextBytes - 1, 'x');
  text += "\u00e9nd";
  house.put("long.md", text);
  const Seen first = browser.get(at("document", "long.md"));
  CHECK(first.has("Part 1 of 2"));
  CHECK(!first.has("\\x"));
  const Seen second = browser.get(at("document", "long.md", "part=1"));
  CHECK(second.has("\n\u00e9nd</pre>"));
  CHECK(second.has("Part before"));
  CHECK(browser.get(at("document", "long.md", "part=99")).has("Part 2 of 2"));
}

TEST_CASE("versions are listed, shown and compared") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  for (const char* body : {"one\n", "two <b>\n", "three\n"}) house.write("d/a.md", body);
  const Seen page = browser.get(at("document", "d/a.md"));
  for (const char* version : {"1", "2", "3"})
    CHECK(page.has(at("revert", "d/a.md", std::string("version=") + version)));
  CHECK(browser.get(at("document", "d/a.md", "version=2")).has("\ntwo &lt;b&gt;\n</pre>"));
  const Seen between = browser.get(at("diff", "d/a.md", "from=1&to=2"));
  CHECK(between.has("<span class=\"removed\">-one\n</span>"));
  CHECK(between.has("<span class=\"added\">+two &lt;b&gt;\n</span>"));
  const Seen to_now = browser.get(at("diff", "d/a.md", "from=1&to=0"));
  CHECK(to_now.has("+three"));
  CHECK(to_now.has("to what is there now"));
  // The last change, as `remit memory diff` shows it.
  CHECK(browser.get(at("diff", "d/a.md")).has("-two &lt;b&gt;"));
  CHECK(browser.get(at("diff", "d/a.md", "from=3")).has("No difference."));
  CHECK(browser.get(at("diff", "d/a.md", "from=9")).status == 404);
  CHECK(browser.get(at("document", "d/a.md", "version=9")).status == 404);
  CHECK(browser.get(at("document", "missing.md")).status == 404);
}

TEST_CASE("going back takes the form and the PIN, and is in the ledger") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  for (const char* body : {"one\n", "two\n"}) house.write("a.md", body);
  const std::string here = at("revert", "a.md", "version=1");
  const Seen page = browser.get(here);
  CHECK(page.has("<span class=\"removed\">-two\n</span>"));
  CHECK(page.has("<span class=\"added\">+one\n</span>"));
  CHECK(browser.post(here, {{"pin", kPin}, {"token", "x"}}).status == 403);
  CHECK(browser.submit(here, here, {}).status == 403);
  const Seen wrong = browser.submit(here, here, {{"pin", "0000"}});
  CHECK(wrong.status == 403);
  CHECK(wrong.has("wrong PIN; nothing was done"));
  CHECK(memory::slurp(house.file("a.md")) == "two\n");
  CHECK(house.ledger_text().find("memory.revert") == std::string::npos);

  Fields form{{"pin", kPin}, {"token", Browser::token(browser.get(here), here)}};
  const Seen done = browser.post(here, form);
  CHECK_MESSAGE(done.status == 303, done.body);
  CHECK(done.location == at("document", "a.md"));
  CHECK(memory::slurp(house.file("a.md")) == "one\n");
  const Seen after = browser.get(done.location);
  CHECK(after.has("Went back to version 1."));
  CHECK(after.has("version 3, replace by "));
  const std::string record = house.ledger_text();
  CHECK(record.find("\"rule\":\"memory.revert\"") != std::string::npos);
  CHECK(record.find("\"attestation\":\"pin\",\"channel\":\"console\",\"path\":\"a.md\"") !=
        std::string::npos);
  CHECK(browser.post(here, form).status == 403);  // a form counts once
  CHECK(browser.get(here).has("What is there now is this version."));
}

TEST_CASE("what is written is what was shown") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  for (const char* body : {"one\n", "two\n", "three\n"}) house.write("a.md", body);
  house.write("b.md", "b\n");
  const std::string first = at("revert", "a.md", "version=1");
  Fields form{{"pin", kPin}, {"token", Browser::token(browser.get(first), first)}};
  CHECK(browser.post(at("revert", "a.md", "version=2"), form).status == 403);
  CHECK(browser.post(at("revert", "b.md", "version=1"), form).status == 403);
  house.write("a.md", "four\n");
  const Seen refused = browser.post(first, form);
  CHECK(refused.status == 403);
  CHECK(refused.has("-four"));
  CHECK(memory::slurp(house.file("a.md")) == "four\n");
}

TEST_CASE("a document that is gone comes back") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  house.write("a.md", "one\n");
  std::filesystem::remove(house.file("a.md"));
  CHECK(browser.get(at("document", "a.md")).has("It is no longer there."));
  const std::string here = at("revert", "a.md", "version=1");
  CHECK(browser.submit(here, here, {{"pin", kPin}}).status == 303);
  CHECK(memory::slurp(house.file("a.md")) == "one\n");
}

TEST_CASE("an address leads to no file that is no document") {
  MemoryHouse house;
  Browser browser(house);
  browser.log_in();
  memory::spew(house.scratch.at("outside"), "secret");
  std::filesystem::create_symlink(house.scratch.at("outside"), house.file("link.md"));
  for (const std::string path : {"../outside", "a/../../outside", "..", "", "a\\b"}) {
    const Seen page = browser.get(at("document", path));
    CHECK_MESSAGE(page.status >= 400, path);
    CHECK(!page.has("secret"));
  }
  CHECK(browser.get(at("document", "link.md")).status == 403);
  CHECK(browser.get(at("document", house.scratch.at("outside"))).status >= 400);
  CHECK(browser.get(kRoot + "/document/%").status == 400);
  CHECK(browser.get(kRoot + "/other/a.md").status == 404);
  CHECK(browser.get(at("revert", "a.md", "version=x")).status == 400);
}

TEST_CASE("a document says who may write it, and which line says so") {
  ConsoleOptions options{{}, 8812, false};
  options.memory.manifests = policy::find_manifests().value();
  MemoryHouse house(options);
  Browser browser(house);
  browser.log_in();
  house.put("inst_1/tasks/completed/technical_resolution.yaml", "fixed: true\n");
  house.put("nobody/writes.txt", "x");
  const Seen own = browser.get(at("document", "inst_1/tasks/completed/technical_resolution.yaml"));
  REQUIRE(own.status == 200);
  const std::string rights = own.body.substr(own.body.find("Who may write it"));
  CHECK(rights.find("under the instruction inst_1") != std::string::npos);
  CHECK(rights.find("<td>technical-support-engineer</td><td>create, ") != std::string::npos);
  CHECK(rights.find("<code>technical-support-engineer.md:") != std::string::npos);
  CHECK(browser.get(at("document", "nobody/writes.txt")).has("No persona may."));
}

}  // namespace
}  // namespace remit::console
