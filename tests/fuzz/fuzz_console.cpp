// Fuzzes what a browser sends to the console, and what is put into its pages: a form's body, a
// Cookie field, a query; and any bytes as text and as attribute values. Whatever comes in, a form
// gives each name once and well-formed, and no text becomes markup.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/limits.h"
#include "base/text.h"
#include "server/console/forms.h"
#include "server/console/html.h"
#include "server/limits.h"
#include "tests/fuzz/require.h"

using namespace remit;
using namespace remit::console;

namespace {

void check_form(std::string_view body) {
  const auto form = Form::parse(body);
  if (!form) return;
  REQUIRE_THAT(body.size() <= limits::kConsoleActBytes);
  REQUIRE_THAT(form->size() <= limits::kConsoleFormFields);
  for (const char* name : {"pin", "token", "scope", "reason"}) {
    const std::string& value = form->get(name);
    REQUIRE_THAT(valid_utf8(value) && value.find('\0') == std::string::npos);
    REQUIRE_THAT(value.size() <= body.size());
  }
}

void check_cookie(std::string_view text) {
  transport::Head head;
  head.fields = {{"cookie", std::string(text)}};
  const auto one = cookie(head, "remit");
  if (one) REQUIRE_THAT(one->find(';') == std::string::npos && one->size() < text.size());
  // The same field again: which was ours cannot be told.
  head.fields.push_back(head.fields.front());
  REQUIRE_THAT(!cookie(head, "remit"));
}

void check_markup(std::string_view text) {
  const std::string inside = Html(text).markup();
  REQUIRE_THAT(inside.find_first_of("<>\"'") == std::string::npos);
  REQUIRE_THAT(valid_utf8(inside));
  const std::string value(text);
  const std::string whole = el("a", {{"href", value}, {"title", value}}, {value}).markup();
  REQUIRE_THAT(std::ranges::count(whole, '<') == 2 && std::ranges::count(whole, '>') == 2);
  REQUIRE_THAT(std::ranges::count(whole, '"') == 4);
  REQUIRE_THAT(whole.starts_with("<a href=\"#") ||
               (whole.starts_with("<a href=\"/") && whole[10] != '/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_form(text);
  check_cookie(text);
  check_markup(text);
  if (const auto number = whole_number(text)) REQUIRE_THAT(*number >= 0);
  if (valid_utf8(text) && text.find('\0') == std::string_view::npos)
    REQUIRE_THAT(decoded(encoded(text)) == std::string(text));
  return 0;
}
