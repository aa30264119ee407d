// What a frame weighs, before it is parsed: never less than what the parser finds in it.
#include "server/mcp/weight.h"

#include <string>

#include <doctest/doctest.h>

#include "base/json.h"
#include "server/limits.h"
#include "server/mcp/messages.h"

namespace remit::mcp {
namespace {

TEST_CASE("values, the longest string, and who is to be answered") {
  struct Row {
    const char* text;
    std::size_t values, longest;
    const char* id;
    bool request;
  };
  for (const Row& row : {
           Row{R"({"jsonrpc":"2.0","id":1,"method":"ping"})", 4, 7, "1", true},
           Row{R"({ "method" : "ping" , "id" : "a\"b\\" })", 3, 6, R"("a\"b\\")", true},
           Row{R"({"id":7,"method":"x","params":{"id":8,"method":"y"}})", 6, 6, "7", true},
           Row{R"({"params":{"id":8,"method":"y"}})", 4, 6, "", false},
           Row{R"({"jsonrpc":"2.0","method":"note"})", 3, 7, "", false},
           Row{R"({"jsonrpc":"2.0","id":1,"result":{}})", 4, 7, "1", false},
           Row{R"([{"id":1,"method":"ping"}])", 4, 6, "", false},
           Row{"[]", 1, 0, "", false},
           Row{"[ ]", 1, 0, "", false},
           Row{"[[],{},[1,2]]", 6, 0, "", false},
           Row{R"(["a,b,[c]{d}"])", 2, 10, "", false},
           Row{"", 1, 0, "", false},
           Row{R"("open)", 1, 4, "", false},
           Row{R"("open\)", 1, 5, "", false},
           Row{R"({"id":)", 2, 2, "", false},
           Row{"]]}}", 1, 0, "", false},
       }) {
    CAPTURE(row.text);
    const Weight weight = weigh(row.text);
    CHECK(weight.values == row.values);
    CHECK(weight.longest == row.longest);
    CHECK(weight.id == row.id);
    CHECK(weight.is_request() == row.request);
  }
}

TEST_CASE("everyday messages weigh nothing, large ones more than their text") {
  CHECK(weigh(R"({"jsonrpc":"2.0","id":1,"method":"ping"})").while_parsed() == 0);
  const std::string text = R"({"text":")" + std::string(1u << 20, 'x') + "\"}";
  CHECK(weigh(text).while_parsed() > 4u << 20);
  CHECK(weigh(text).while_served() > 3u << 20);
  CHECK(weigh(text).while_served() < weigh(text).while_parsed());
  std::string values = "[1";
  for (int i = 0; i < 9999; ++i) values += ",1";
  CHECK(weigh(values + "]").while_parsed() > 10'000 * limits::kJsonValueBytes);
}

TEST_CASE("without memory nothing is parsed, and a request is told so by its id") {
  HeldBytes held;
  auto all = held.open();
  REQUIRE(all.grow(limits::kHeldBytes));
  const std::string text =
      R"({"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{"x":")" +
      std::string(64u << 10, 'x') + "\"}}";
  const Weight weight = weigh(text);
  CHECK_FALSE(parse_frame(text, weight, held.open()));
  CHECK(busy_message(weight).find(R"("id":"seven","error":{"code":-32603,"message":"busy: )") !=
        std::string::npos);
  // An id that is none is not repeated.
  CHECK(busy_message(weigh(R"({"id":1.5,"method":"x"})")).find("\"id\"") == std::string::npos);
  all = HeldBytes::Share();
  auto frame = parse_frame(text, weight, held.open());
  REQUIRE(frame);
  CHECK(frame->held.size() == weight.while_served());
  CHECK(std::holds_alternative<Request>(frame->message));
}

}  // namespace
}  // namespace remit::mcp
