// Counting line ends, the other half of finding a line's number in a large log. AVX2 where the
// processor has it (chosen at run time), plain code elsewhere with the same result. Reentrant.
#pragma once

#include <cstdint>
#include <string_view>

namespace remit::search {

std::uint64_t count_newlines(std::string_view text);
// The same without vector instructions (tests compare the two).
std::uint64_t count_newlines_plain(std::string_view text);

}  // namespace remit::search
