// Paths: what the checks accept is text that the kernel and a terminal can be given; a document's
// name is one normal form, which reads back as itself and which patterns judge component by
// component.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/doc_path.h"
#include "tests/fuzz/require.h"

using namespace remit;

namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

void check_document(const std::string& name) {
  REQUIRE_THAT(!name.empty() && name.size() <= limits::kDocPathBytes);
  REQUIRE_THAT(fs::check_path(name).has_value());
  for (const std::string_view part : split(name, '/')) {
    REQUIRE_THAT(!part.empty() && part != "." && part != "..");
  }
  const auto everything = memory::DocPattern::compile("**", {});
  REQUIRE_THAT(everything.has_value() && everything->matches(name));
  // The name itself as a pattern matches it, and nothing beside it.
  if (const auto pattern = memory::DocPattern::compile(name, {})) {
    REQUIRE_THAT(pattern->matches(name) && !pattern->matches(name + "x"));
    REQUIRE_THAT(!pattern->matches(name + "/x") && !pattern->matches("x/" + name));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (fs::check_path(text)) {
    REQUIRE_THAT(valid_utf8(text) && !has_control(text) && text.size() <= limits::kPathBytes);
    for (const std::string_view part : split(text, '/'))
      REQUIRE_THAT(part.size() <= limits::kNameMax);
  }
  const auto path = memory::DocPath::parse(text);
  if (path) {
    check_document(path->text());
    // "Agent_Memory/" is removed once: a folder of that name inside stays what it is.
    const auto again = memory::DocPath::parse("Agent_Memory/" + path->text());
    REQUIRE_THAT(path->text().size() + 13 > limits::kDocPathBytes || *again == *path);
  }
  memory::Bindings bindings;
  bindings.instruction_id = "inst_1";
  if (const auto pattern = memory::DocPattern::compile(text, bindings)) {
    REQUIRE_THAT(!pattern->matches(""));
    if (path && pattern->matches(path->text())) {
      const std::size_t slash = path->text().find('/');
      REQUIRE_THAT(slash == std::string::npos ||
                   pattern->may_match_below(path->text().substr(0, slash)));
    }
  }
  return 0;
}
