// Change sets at the console.
#include "base/crypto.h"
#include "tests/console/browser.h"

namespace remit::console {
namespace {

const std::string kList = "/console/changes";

// A set with one changed file, whose real folder is `work`.
std::string hold(House& house, const std::string& content) {
  const std::string work = house.scratch.at("work");
  std::filesystem::create_directories(work);
  memory::spew(work + "/pool.py", "SIZE = 50\n");
  policy::Change change;
  change.kind = policy::ChangeKind::modify;
  change.path = work + "/pool.py";
  change.content = content;
  change.bytes = content.size();
  change.mode = 0644;
  change.sha256 = sha256_hex(content);
  change.preimage_sha256 = sha256_hex("SIZE = 50\n");
  policy::ChangeSet set;
  set.agent = "tse";
  set.instruction = "inst_1";
  set.workspace = work;
  set.reason = "hold";
  set.changes = {change};
  return house.sets.save(set).value();
}

TEST_CASE("a change set is listed, shown with its difference, and applied with the PIN") {
  House house;
  Browser browser(house);
  browser.log_in();
  const std::string id = hold(house, "SIZE = 80 # <b>\n"), here = kList + "/" + id;
  CHECK(browser.get(kList).has(id));
  const Seen page = browser.get(here);
  CHECK(page.has("<span class=\"removed\">-SIZE = 50"));
  CHECK(page.has("<span class=\"added\">+SIZE = 80 # &lt;b&gt;"));
  CHECK(browser.submit(here, here + "/apply", {}).status == 403);
  CHECK(browser.submit(here, here + "/apply", {{"pin", "0000"}}).status == 403);
  CHECK(memory::slurp(house.scratch.at("work/pool.py")) == "SIZE = 50\n");
  const Seen done = browser.submit(here, here + "/apply", {{"pin", kPin}});
  CHECK_MESSAGE(done.status == 303, done.body);
  CHECK(memory::slurp(house.scratch.at("work/pool.py")) == "SIZE = 80 # <b>\n");
  CHECK(browser.get(kList).has("Applied 1 change."));
  CHECK(browser.get(here).status == 404);
  const std::string record = house.ledger_text();
  CHECK(record.find("changes.apply") != std::string::npos);
  CHECK(record.find("\"channel\":\"console\"") != std::string::npos);
}

TEST_CASE("what is applied is what was shown") {
  House house;
  Browser browser(house);
  browser.log_in();
  const std::string id = hold(house, "SIZE = 80\n"), here = kList + "/" + id;
  Fields form{{"pin", kPin}, {"token", Browser::token(browser.get(here), here + "/apply")}};
  memory::spew(house.scratch.at("work/pool.py"), "SIZE = 60\n");
  const Seen refused = browser.post(here + "/apply", form);
  CHECK(refused.status == 403);
  CHECK(refused.has("-SIZE = 60"));
  CHECK(memory::slurp(house.scratch.at("work/pool.py")) == "SIZE = 60\n");
}

TEST_CASE("a difference is shown whole, or what cannot be shown is named") {
  House house;
  Browser browser(house);
  browser.log_in();
  std::string content;
  for (int i = 0; i < 3000; ++i) content += "line " + std::to_string(i) + "\n";
  const std::string here = kList + "/" + hold(house, content);
  CHECK(browser.get(here).has("+line 2999\n</span>"));
  memory::spew(house.scratch.at("work/pool.py"), std::string((1u << 20) + 1, 'x'));
  const Seen large = browser.get(here);
  CHECK(large.has("(what is there now cannot be shown: "));
  CHECK(large.has("sha256 " + sha256_hex(content)));
}

TEST_CASE("a set is thrown away with the PIN") {
  House house;
  Browser browser(house);
  browser.log_in();
  const std::string id = hold(house, "SIZE = 80\n"), here = kList + "/" + id;
  CHECK(browser.submit(here, here + "/discard", {{"pin", "0000"}}).status == 403);
  CHECK(browser.get(here).status == 200);
  CHECK(browser.submit(here, here + "/discard", {{"pin", kPin}}).status == 303);
  CHECK(browser.get(here).status == 404);
  CHECK(memory::slurp(house.scratch.at("work/pool.py")) == "SIZE = 50\n");
}

}  // namespace
}  // namespace remit::console
