// Lines of any bytes: the parser's views stay inside the line, and masking gives bounded columns.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "tests/fuzz/require.h"
#include "tools/diagnostics/log_line.h"
#include "tools/diagnostics/log_mask.h"

using namespace remit::diagnostics;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  const LogLine parsed = parse_line(line, {1'700'000'000'000, size % 2 == 1});
  REQUIRE_THAT(parsed.content.size() <= line.size());
  std::string masked;
  mask(parsed.content, &masked);
  std::size_t marks = 0;
  for (const char c : masked) marks += c == kColumn || c == kGlued ? 1u : 0u;
  for (const char c : line) marks -= (c == kColumn || c == kGlued) && marks > 0 ? 1u : 0u;
  REQUIRE_THAT(marks <= remit::limits::kLogColumns);
  (void)shown(columns_of(masked));
  return 0;
}
