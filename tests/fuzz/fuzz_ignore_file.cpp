// Ignore files: the first line is a path, the rest the file. Reading never fails, is the sum of its
// lines, and the last line that matches decides.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/fuzz/require.h"
#include "tools/search/ignore.h"

using namespace remit;
using search::IgnoreFile;
using search::Judgement;

namespace {

constexpr std::size_t kLongestInput = 4096;

IgnoreFile by_lines(std::string_view text) {
  IgnoreFile file;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto added = file.add_line(line);
    REQUIRE_THAT(added.has_value() || !added.error().message.empty());
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kLongestInput) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const std::string_view path = input.substr(0, end);
  const std::string text(end == input.npos ? std::string_view() : input.substr(end + 1));
  const std::string_view base = path.substr(path.rfind('/') + 1);
  const IgnoreFile file = IgnoreFile::parse(text);
  const IgnoreFile lines = by_lines(text);
  REQUIRE_THAT(file.keeps() == lines.keeps() && file.ignores() == lines.ignores());
  for (const bool directory : {false, true}) {
    const Judgement judged = file.judge(path, base, directory);
    REQUIRE_THAT(judged == lines.judge(path, base, directory));
    REQUIRE_THAT(judged != Judgement::keep || file.keeps() > 0);
    REQUIRE_THAT(judged != Judgement::ignore || file.ignores() > 0);
    const IgnoreFile all = IgnoreFile::parse(text + "\n*");
    REQUIRE_THAT(all.judge(path, base, directory) == Judgement::ignore);
    const IgnoreFile none = IgnoreFile::parse(text + "\n*\n!*");
    REQUIRE_THAT(none.judge(path, base, directory) == Judgement::keep);
  }
  (void)search::Selection::make({text}, {});
  return 0;
}
