// The two readers of YAML: whatever the one-pass reader takes, yaml-cpp reads as the same tree, at
// the same positions, and finds nothing to refuse.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/yaml_simple.h"
#include "tests/fuzz/require.h"

using namespace remit;

namespace {

bool same(const yaml::Node& a, const yaml::Node& b) {
  return a.kind == b.kind && a.text == b.text && a.plain == b.plain && a.at == b.at &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const yaml::Entry& x, const yaml::Entry& y) {
                      return x.key == y.key && x.key_at == y.key_at && same(x.value, y.value);
                    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const yaml::Bounds& bounds : {yaml::Bounds{}, yaml::Bounds{256, 12, 3}}) {
    const auto simple = yaml::parse_simple(text, bounds);
    if (!simple) continue;
    const yaml::Parsed any = yaml::parse_any(text, bounds);
    REQUIRE_THAT(any.ok());
    REQUIRE_THAT(same(*simple, any.root));
  }
  return 0;
}
