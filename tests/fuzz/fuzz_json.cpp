// parse_json: whatever comes in, it returns within its bounds; what it accepts survives a round
// trip.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool refuse : {false, true}) {
    remit::JsonBounds bounds;
    bounds.refuse_duplicate_keys = refuse;
    const auto value = remit::parse_json(text, bounds);
    if (!value) {
      REQUIRE_THAT(!value.error().message.empty());
      continue;
    }
    const std::string dumped = remit::dump(*value);
    const auto again = remit::parse_json(dumped, bounds);
    REQUIRE_THAT(again.has_value());
    REQUIRE_THAT(*again == *value);
  }
  return 0;
}
