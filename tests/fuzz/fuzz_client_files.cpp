// The files of clients, which anybody may have written: what is read as TOML can be written and
// read again as the same; blanking out comments moves no line; any text is quoted so that it comes
// back.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "server/cli/client_formats.h"
#include "tests/fuzz/require.h"

using namespace remit;

namespace {

// What to_toml() can say: no null, tables in a list only where the list stands in a table, and no
// more levels than one header names.
bool writable(const Json& value, int depth = 0, bool in_list = false) {
  if (value.is_null() || depth > limits::kYamlDepth || (in_list && value.is_object())) return false;
  const bool tables = value.is_array() && !in_list && !value.empty() && value.front().is_object();
  return !value.is_structured() || std::all_of(value.begin(), value.end(), [&](const Json& item) {
    if (tables) return item.is_object() && writable(item, depth + 1);
    return writable(item, depth + 1, value.is_array());
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto read = server::parse_toml(text); read && writable(*read)) {
    const std::string written = server::to_toml(OrderedJson(*read));
    const auto again = server::parse_toml(written);
    REQUIRE_THAT(again && *again == *read);
  }
  const std::string bare = server::without_comments(text);
  REQUIRE_THAT(bare.size() == text.size());
  REQUIRE_THAT(std::count(bare.begin(), bare.end(), '\n') ==
               std::count(text.begin(), text.end(), '\n'));
  if (!valid_utf8(text) || text.find('\0') != std::string::npos) return 0;
  const std::string quoted = server::quote_text(text);
  const auto json = parse_json(quoted);
  REQUIRE_THAT(json && *json == text);
  const auto toml = server::parse_toml("k = " + quoted);
  REQUIRE_THAT(toml && (*toml)["k"] == text);
  return 0;
}
