#include "server/mcp/approvals.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "base/json.h"

namespace remit::mcp {
namespace {

using Reply = tools::Asker::Reply;
using std::chrono::milliseconds;

TEST_CASE("judge: only a slow accept with approve and the code is a yes") {
  const FormAnswer yes{"accept", "approve", "1234"};
  CHECK(judge(yes, true, milliseconds(1000)) == Reply::approve);
  CHECK(judge(yes, true, milliseconds(999)) == Reply::cancel);
  CHECK(judge(yes, false, milliseconds(5000)) == Reply::decline);
  CHECK(judge({"accept", "deny", "1234"}, true, milliseconds(5000)) == Reply::decline);
  CHECK(judge({"accept", "", ""}, false, milliseconds(5000)) == Reply::decline);
  CHECK(judge({"decline", "approve", "1234"}, true, milliseconds(100)) == Reply::decline);
  CHECK(judge({"decline", "", ""}, false, milliseconds(99)) == Reply::cancel);
  CHECK(judge({"cancel", "", ""}, false, milliseconds(5000)) == Reply::cancel);
}

TEST_CASE("read_form_answer takes an ElicitResult and nothing else") {
  CHECK(read_form_answer(
            Json::parse(R"({"action":"accept","content":{"decision":"approve","code":"1"}})"))
            ->code == "1");
  CHECK(read_form_answer(Json::parse(R"({"action":"accept","content":{"code":1}})"))->code.empty());
  for (const char* text : {"null", "7", "{}", R"({"action":true})", R"({"action":"yes"})"})
    CHECK_FALSE(read_form_answer(Json::parse(text)));
}

TEST_CASE("a form shows its question whole, with the code, or not at all") {
  policy::Question question;
  CHECK(form_params(question, "1234", true).empty());
  question.lines = {"one", std::string(100, 'x')};
  const auto params = Json::parse(form_params(question, "1234", true));
  CHECK(params["mode"] == "form");
  CHECK(params["message"].get<std::string>().find("1234") != std::string::npos);
  question.lines = {"one", "two", std::string(100, 'x')};
  const auto three = Json::parse(form_params(question, "1234", false));
  CHECK_FALSE(three.contains("mode"));
  CHECK(three["message"] == "one (code 1234)\ntwo\n" + std::string(100, 'x'));
  question.lines[1] = std::string(120, 'x');
  CHECK(form_params(question, "1234", true).empty());
  question.lines = {"1", "2", "3", "4"};
  CHECK(form_params(question, "1234", true).empty());
  question.lines = {"a\nb"};
  CHECK(form_params(question, "1234", true).empty());
}

TEST_CASE("four_digits are four digits, and differ") {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string digits = four_digits();
    CHECK(digits.size() == 4);
    CHECK(digits.find_first_not_of("0123456789") == std::string::npos);
    seen.insert(digits);
  }
  CHECK(seen.size() > 100);
}

struct Sealed {
  Service service;
  ManualClock clock;
  std::set<std::string> used;
  Sealed() {
    service.clock = &clock;
    service.principal = "uid:1/a/i";
    service.request_state_keys = {std::string(32, 'a')};
    service.consume_nonce = [this](const std::string& nonce, std::int64_t) -> Result<bool> {
      return used.insert(nonce).second;
    };
  }
};

TEST_CASE("requestState: bound, single use, expiring; any key of the ring opens") {
  Sealed world;
  const StateSeal seal(world.service);
  const std::string call = StateSeal::binding("tools/call", "Bash", Json{{"command", "ls"}});
  const std::string token = seal.seal(call, {"grant", "0042", world.clock.unix_ms()}).value();
  const auto opened = seal.open(token, call);
  REQUIRE(opened);
  CHECK(opened->grant_key == "grant");
  CHECK(seal.code_matches(*opened, "0042"));
  CHECK_FALSE(seal.code_matches(*opened, "0043"));
  CHECK(token.find("0042") == std::string::npos);
  CHECK(seal.consume(*opened));
  CHECK_FALSE(seal.consume(*opened));

  CHECK_FALSE(seal.open(token, StateSeal::binding("tools/call", "Bash", Json{{"command", "lz"}})));
  CHECK_FALSE(seal.open(token, StateSeal::binding("tools/call", "Read", Json{{"command", "ls"}})));
  world.service.principal = "uid:2/a/i";
  CHECK_FALSE(seal.open(token, call));
  world.service.principal = "uid:1/a/i";
  for (std::size_t i = 0; i < token.size(); i += 7) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(seal.open(forged, call));
  }
  for (const char* junk : {"", "v1.", "v1..", "v1.e30.", "v2.a.b", "v1.\xff.\xff"})
    CHECK_FALSE(seal.open(junk, call));

  world.service.request_state_keys = {std::string(32, 'b'), std::string(32, 'a')};
  CHECK(seal.open(token, call));  // rotated, not forgotten
  world.service.request_state_keys = {std::string(32, 'b')};
  CHECK_FALSE(seal.open(token, call));
  world.service.request_state_keys = {std::string(32, 'a')};
  world.clock.advance_ms(599'999);
  CHECK(seal.open(token, call));
  world.clock.advance_ms(1);
  CHECK_FALSE(seal.open(token, call));
}

TEST_CASE("no key, a short key or no nonce table: no questions by input_required") {
  Sealed world;
  CHECK(StateSeal(world.service).available());
  world.service.request_state_keys = {std::string(31, 'a')};
  CHECK_FALSE(StateSeal(world.service).available());
  world.service.request_state_keys.clear();
  CHECK_FALSE(StateSeal(world.service).available());
  world.service.request_state_keys = {std::string(32, 'a')};
  world.service.consume_nonce = nullptr;
  CHECK_FALSE(StateSeal(world.service).available());
}

}  // namespace
}  // namespace remit::mcp
