// Escaping and validation: what is shown to a person is printable, what is called UTF-8 is.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string ascii = remit::escape_ascii(text);
  REQUIRE_THAT(
      std::all_of(ascii.begin(), ascii.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  bool lossy = false;
  const std::string utf8 = remit::to_utf8(text, &lossy);
  REQUIRE_THAT(remit::valid_utf8(utf8));
  REQUIRE_THAT(lossy == !remit::valid_utf8(text));
  REQUIRE_THAT(lossy || utf8 == text);
  const std::string shown = remit::printable(text);
  REQUIRE_THAT(remit::valid_utf8(shown));
  REQUIRE_THAT(shown.find('\x1b') == std::string::npos);
  const std::size_t cut = remit::utf8_boundary(utf8, size / 2);
  REQUIRE_THAT(cut <= size / 2 && remit::valid_utf8(std::string_view(utf8).substr(0, cut)));
  return 0;
}
