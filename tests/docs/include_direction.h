// The direction of includes: base <- memory <- policy <- tools <- server, and each heavy library
// header only in the few files that may pay for it. The tables are in include_direction.cpp.
#pragma once

#include <vector>

#include "tests/docs/source_tree.h"

namespace remit::docs_test {

// `files`: C++ files. `tree`: every path that exists, to tell a project include from a stray one.
std::vector<Finding> check_includes(const std::vector<SourceFile>& files,
                                    const std::vector<SourceFile>& tree);

}  // namespace remit::docs_test
