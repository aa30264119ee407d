#include "server/console/forms.h"

#include <variant>

#include <doctest/doctest.h>

#include "base/limits.h"
#include "server/limits.h"

namespace remit::console {
namespace {

transport::Head head_with(const std::string& fields) {
  const auto parsed = transport::parse_head("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  REQUIRE(std::holds_alternative<transport::Head>(parsed));
  return std::get<transport::Head>(parsed);
}

TEST_CASE("a form is read as browsers write it") {
  const Form form = Form::parse("pin=49+17%21&reason=%C3%BC&empty=").value();
  CHECK(form.size() == 3);
  CHECK(form.get("pin") == "49 17!");
  CHECK(form.get("reason") == "\u00fc");
  CHECK(form.get("empty").empty());
  CHECK(form.get("missing").empty());
  CHECK(Form::parse("").value().size() == 0);
}

TEST_CASE("a form that is not well-formed is refused whole") {
  for (const char* bad : {"a", "=x", "a=1&", "&a=1", "a=%", "a=%4", "a=%zz", "a=1&a=2", "a=%00",
                          "a=%ff", "a=1&&b=2", "%61=1&a=2"})
    CHECK_MESSAGE(!Form::parse(bad), bad);
  const std::string full = "a=" + std::string(limits::kConsoleActBytes - 2, 'x');
  CHECK(Form::parse(full));
  CHECK(Form::parse(full + "x").error().kind == ErrorKind::too_large);
  std::string many;
  for (std::size_t i = 0; i < limits::kConsoleFormFields; ++i)
    many += (i == 0 ? "f" : "&f") + std::to_string(i) + "=1";
  CHECK(Form::parse(many));
  CHECK(!Form::parse(many + "&more=1"));
}

TEST_CASE("one cookie, or none") {
  CHECK(cookie(head_with("Cookie: a=1; remit=x=y; b=2\r\n"), "remit") == "x=y");
  CHECK(!cookie(head_with(""), "remit"));
  CHECK(!cookie(head_with("Cookie: remit2=1; xremit=1; remit\r\n"), "remit"));
  CHECK(!cookie(head_with("Cookie: remit=1; remit=2\r\n"), "remit"));
  CHECK(!cookie(head_with("Cookie: remit=1\r\nCookie: remit=2\r\n"), "remit"));
  CHECK(!cookie(
      head_with("Cookie: remit=1; x=" + std::string(limits::kConsoleCookieBytes, 'x') + "\r\n"),
      "remit"));
}

TEST_CASE("the query of an address, and a number in it") {
  const auto number = [](std::string_view target) {
    const auto query = query_of(target);
    return query ? whole_number(query->get("before")) : std::nullopt;
  };
  CHECK(number("/x?before=12") == 12);
  CHECK(number("/x?a=2&before=1") == 1);
  for (const char* bad : {"/x", "/x?", "/x?before", "/x?before=", "/x?before=-1", "/x?beforex=1",
                          "/x?before=99999999999999999999", "/x?before=1x", "/x?before=1&before=2"})
    CHECK_MESSAGE(!number(bad), bad);
}

TEST_CASE("any text is one component of a path, and comes back") {
  for (const std::string text : {"a/b c.yaml", "%2F?#&=+", "\u00e9\u202e", ".", "~_-"}) {
    const std::string component = encoded(text);
    CHECK(component.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_.~%") == std::string::npos);
    CHECK(decoded(component) == text);
  }
  for (const char* bad : {"%", "%2", "%zz", "%00", "%ff"}) CHECK_MESSAGE(!decoded(bad), bad);
}

}  // namespace
}  // namespace remit::console
