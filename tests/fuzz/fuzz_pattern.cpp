// Fuzzes search patterns and the literals that are taken from them: the first line of the input is
// the pattern, the rest is the text. A search that skips to the literals finds what one without
// them finds, or the literals are not required.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "tests/fuzz/require.h"
#include "tools/search/literals.h"
#include "tools/search/pattern.h"

using namespace remit::search;

namespace {

std::vector<Span> lines_of(const Pattern& pattern, std::string_view text) {
  std::vector<Span> out;
  unsigned noise = 0;
  for (std::size_t from = 0; from <= text.size();) {
    const auto line = pattern.next_line(text, from, noise);
    if (!line) break;
    REQUIRE_THAT(line->begin >= from && line->begin <= line->end && line->end <= text.size());
    out.push_back(*line);
    from = line->end + 1;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLongest = 16u << 10;  // the text; RE2 is linear, a fuzzer is patient
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = input.find('\n');
  if (cut == std::string_view::npos || cut > remit::limits::kPatternBytes) return 0;
  std::string_view text = input.substr(cut + 1, kLongest);
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const bool fold : {false, true}) {
    for (const bool literal : {false, true}) {
      PatternOptions options;
      options.text = std::string(input.substr(0, cut));
      options.ignore_case = fold;
      options.literal = literal;
      const auto with = Pattern::compile(options);
      options.prefilter = false;
      const auto without = Pattern::compile(options);
      REQUIRE_THAT(with.has_value() == without.has_value());
      if (!with) continue;
      for (const std::string& one : required_literals(options.text, fold, literal).any_of)
        REQUIRE_THAT(!one.empty());
      const auto found = lines_of(*with, text), expected = lines_of(*without, text);
      REQUIRE_THAT(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        REQUIRE_THAT(found[i].begin == expected[i].begin && found[i].end == expected[i].end);
    }
  }
  return 0;
}
