// File types by name ("cpp", "py", "log"): the names and globs that `rg --type-list` knows. A test
// compares this table with an installed ripgrep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/search/glob.h"

namespace remit::search {

struct FileType {
  std::string_view name;
  std::string_view globs;  // separated by one space
};

const std::vector<FileType>& file_types();

// The compiled globs of a type; "all" is every type. Errors: invalid_argument with near names.
Result<std::vector<Glob>> globs_of_type(std::string_view name);

}  // namespace remit::search
