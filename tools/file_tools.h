// The five file tools and what they share. One FileMemory serves one server process; its parts lock
// for themselves. Handlers see the world only through Call::access.
#pragma once

#include <memory>

#include "tools/read_versions.h"
#include "tools/search/lines.h"
#include "tools/tool.h"

namespace remit::tools {

// What Read, Write and Edit remember between calls.
struct FileMemory {
  ReadVersions versions;
  search::LineIndexes lines;
};

Tool make_edit(std::shared_ptr<FileMemory> memory);
Tool make_glob();
Tool make_grep();
Tool make_read(std::shared_ptr<FileMemory> memory);
Tool make_write(std::shared_ptr<FileMemory> memory);

}  // namespace remit::tools
