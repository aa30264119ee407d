// What serve adds for a client that has a dialog of its own: BashApproved, each call of which that
// client shows to its person, and the permission-prompt tool. Neither is there without its flag,
// and neither gives a model a right it has not.
#include <doctest/doctest.h>

#include "tests/e2e/served.h"

namespace remit::e2e {
namespace {

Json tools_of(Client& client) {
  Json named = Json::object();
  const Json listed = client.result_of("tools/list", Json::object());
  for (const Json& tool : listed["tools"]) {
    named[tool["name"].get<std::string>()] = tool;
  }
  return named;
}

const Json kLow = {{"command", "echo hi > made.txt"}};
const Json kHigh = {{"command", "perl -e 'print 6*7'"}};

// The tool's answer, as the client reads it.
Json asked(Client& client, const std::string& tool, const Json& input) {
  const auto answer = parse_json(client.works("approve", {{"tool_name", tool}, {"input", input}}));
  REQUIRE(answer);
  return *answer;
}

}  // namespace

TEST_CASE("without its flag neither tool is there") {
  const House house;
  Client client(house);
  const Json tools = tools_of(client);
  CHECK(tools.contains("Bash"));
  CHECK_FALSE(tools.contains("BashApproved"));
  CHECK_FALSE(tools.contains("approve"));
  CHECK(client.call("BashApproved", kLow).starts_with("ERROR"));
}

TEST_CASE("BashApproved is a client's yes to that call alone, at low risk") {
  const House house;
  Client client(house, {"--native-approval"});
  const Json tools = tools_of(client);
  CHECK(tools["BashApproved"]["_meta"]["anthropic/requiresUserInteraction"] == true);
  CHECK(tools["BashApproved"]["annotations"]["destructiveHint"] == true);
  CHECK(tools["BashApproved"]["inputSchema"] == tools["Bash"]["inputSchema"]);
  CHECK_FALSE(dump(tools["Bash"]).find("requiresUserInteraction") != std::string::npos);
  // What policy allows never prompts; what asks names the tool that is shown.
  client.works("Bash", {{"command", "echo ok"}});
  const std::string refused = client.call("Bash", kLow);
  CHECK_MESSAGE(refused.starts_with("ERROR"), refused);
  CHECK(has(refused, "BashApproved"));
  CHECK_FALSE(files::exists(house.workspace + "/made.txt"));
  client.works("BashApproved", kLow);
  CHECK(slurp(house.workspace + "/made.txt") == "hi\n");
  CHECK(client.call("Bash", kLow).starts_with("ERROR"));  // used up
  // High risk: no client's word, whatever it has shown; denied where policy denies.
  const std::string high = client.call("BashApproved", kHigh);
  CHECK_MESSAGE(high.starts_with("ERROR"), high);
  CHECK(has(high, "PIN"));
  CHECK(client.call("BashApproved", {{"command", "sudo id"}}).starts_with("ERROR"));
}

TEST_CASE("the permission-prompt tool echoes, denies, or has a person asked") {
  const House house;
  set_pin(house);
  Client client(house, {"--serve-approver"});
  CHECK(tools_of(client)["approve"].contains("inputSchema"));
  const Json read = {{"file_path", "notes.txt"}};
  const Json allowed = asked(client, "mcp__remit__Read", read);
  CHECK(allowed["behavior"] == "allow");
  CHECK(allowed["updatedInput"] == read);
  CHECK(asked(client, "mcp__remit__Bash", {{"command", "echo ok"}})["behavior"] == "allow");
  CHECK(asked(client, "mcp__remit__Bash", {{"command", "sudo id"}})["behavior"] == "deny");
  CHECK(asked(client, "mcp__remit__Unknown", Json::object())["behavior"] == "deny");
  CHECK(asked(client, "Bash", {{"command", "echo ok"}})["behavior"] == "deny");
  CHECK(asked(client, "mcp__other__Bash", kLow)["behavior"] == "deny");
  CHECK(asked(client, "mcp__remit__Bash", {{"command", 7}})["behavior"] == "deny");
  // The person answers; the call that follows finds exactly that yes, once.
  const int waiting =
      client.start("approve", {{"tool_name", "mcp__remit__Bash"}, {"input", kHigh}});
  const Json question = pending(house);
  int code = 0;
  pty(house, "--expect PIN: --secret " + std::string(kPin),
      "approve " + question["id"].get<std::string>() + " --digest " +
          question["sha256"].get<std::string>(),
      &code);
  CHECK(code == 0);
  const auto answer = parse_json(client.text_of(client.take(waiting)));
  REQUIRE(answer);
  CHECK((*answer)["behavior"] == "allow");
  CHECK((*answer)["updatedInput"] == kHigh);
  CHECK(has(client.works("Bash", kHigh), "42"));
}

}  // namespace remit::e2e
