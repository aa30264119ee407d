#include "server/mcp/messages.h"

#include <string>

#include <doctest/doctest.h>

#include "server/mcp/wire.h"

namespace remit::mcp {
namespace {

template <class T>
T only(const std::string& text) {
  Frame frame = parse_frame(text);
  REQUIRE_FALSE(frame.batch);
  REQUIRE(std::holds_alternative<T>(frame.message));
  return std::get<T>(std::move(frame.message));
}

TEST_CASE("requests, notifications and responses are told apart") {
  const auto request =
      only<Request>(R"({"jsonrpc":"2.0","id":"a\u0041","method":"m","params":{"x":1}})");
  CHECK(request.id == R"("aA")");
  CHECK(request.method == "m");
  CHECK(request.params["x"] == 1);
  CHECK(only<Request>(R"({"jsonrpc":"2.0","id":7,"method":"m"})").params.is_null());
  CHECK(only<Notification>(R"({"jsonrpc":"2.0","method":"n"})").method == "n");
  const auto response = only<Response>(R"({"jsonrpc":"2.0","id":7,"result":{"ok":true}})");
  CHECK(response.id == "7");
  CHECK(response.result["ok"] == true);
  CHECK(only<Response>(R"({"jsonrpc":"2.0","id":7,"error":{"code":1}})").error["code"] == 1);
}

TEST_CASE("`params: null` is a wrong type, no params is none") {
  CHECK_FALSE(
      only<Request>(R"({"jsonrpc":"2.0","id":7,"method":"m","params":null})").params.is_null());
}

TEST_CASE("what is no message says why, with the id if it can be read") {
  const struct {
    const char* text;
    int code;
    const char* id;
  } rows[] = {
      {"", kParseError, ""},
      {"{", kParseError, ""},
      {"7", kInvalidRequest, ""},
      {R"({"id":1,"method":"m"})", kInvalidRequest, "1"},
      {R"({"jsonrpc":2,"id":1,"method":"m"})", kInvalidRequest, "1"},
      {R"({"jsonrpc":"2.0","id":1})", kInvalidRequest, "1"},
      {R"({"jsonrpc":"2.0","id":null,"method":"m"})", kInvalidRequest, ""},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})", kInvalidRequest, "1"},
      {R"({"jsonrpc":"2.0","result":1})", kInvalidRequest, ""},
      {R"({"jsonrpc":"2.0","id":1,"error":"text"})", kInvalidRequest, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","method":"n"})", kInvalidRequest, "1"},
      {R"({"jsonrpc":"2.0","id":1,"id":1,"method":"m"})", kInvalidRequest, ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto malformed = only<Malformed>(row.text);
    CHECK(malformed.code == row.code);
    CHECK(malformed.id == row.id);
    CHECK_FALSE(malformed.message.empty());
  }
}

TEST_CASE("a batch beyond its bound is counted, not taken apart") {
  const auto of = [](int size) {
    std::string text = "[";
    for (int i = 0; i < size; ++i) text += i == 0 ? "1" : ",1";
    return parse_frame(text + "]");
  };
  CHECK(of(32).elements.size() == 32);
  CHECK(of(33).elements.empty());
  CHECK(of(33).batch_size == 33);
  CHECK(of(0).batch);
}

TEST_CASE("an error stays within its bound, whatever it quotes") {
  const std::string long_text(100'000, '\n');
  const std::string text = error_message("1", {kInvalidParams, quoted_input(long_text)});
  CHECK(text.size() < 4096);
  CHECK(parse_json(text));
  CHECK(error_message({}, {kParseError, "x"}) ==
        R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}})");
  const auto huge = error_message("1", {kInternalError, std::string(1'000'000, 'x')});
  CHECK(huge.size() < 4096);
}

TEST_CASE("a refusal is labelled once and names no place on disk") {
  const auto said = [](ErrorKind kind, std::string message) {
    return tool_error_text(Error{kind, std::move(message), "/report/severity", "word", nullptr});
  };
  CHECK(said(ErrorKind::denied, "memory read of x; agent.md:98 grants only y") ==
        "denied: memory read of x; agent.md:98 grants only y [word]");
  CHECK(said(ErrorKind::invalid_argument, "no such word") ==
        "invalid argument at /report/severity: no such word [word]");
}

}  // namespace
}  // namespace remit::mcp
