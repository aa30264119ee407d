// Only Access touches the world: no file but the few named in access_only.cpp, each with its
// reason, calls what opens, lists, changes, runs or connects. A handler that wanted to would have
// to add itself to that table, where a reviewer sees it.
#pragma once

#include <string>
#include <vector>

#include "tests/docs/source_tree.h"

namespace remit::docs_test {

// `files`: C++ files of the product (not tests).
std::vector<Finding> check_access_only(const std::vector<SourceFile>& files);

// Rows of the table that allow what no file does any more.
std::vector<Finding> check_table_is_used(const std::vector<SourceFile>& files);

}  // namespace remit::docs_test
