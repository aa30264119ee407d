// Rules about files as such: no file longer than 400 lines without a reason, no path of one
// developer's machine, no unfinished business, a README in every module.
#pragma once

#include <vector>

#include "tests/docs/source_tree.h"

namespace remit::docs_test {

// A C++ file over kLongFile lines says why in its first comment, after the words "Over 400 lines".
inline constexpr std::size_t kLongFile = 400;
std::vector<Finding> check_length(const std::vector<SourceFile>& files);

// Words that do not belong in the product: paths of a developer's machine, marks of unfinished
// business.
std::vector<Finding> check_words(const std::vector<SourceFile>& files);

// Every folder of the product with C++ in it has a README.md of at most 40 lines with the sections
// that a newcomer looks for, and its list of files names what is there and nothing else.
std::vector<Finding> check_module_readmes(const std::vector<SourceFile>& files);

}  // namespace remit::docs_test
