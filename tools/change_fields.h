// The declared fields of what Write and Edit answer; include only in those two tool files.
#pragma once

#include "base/schema.h"
#include "tools/change_file.h"

namespace remit {

template <>
struct EnumNames<tools::ChangeType> {
  static constexpr std::array list{std::pair{tools::ChangeType::create, "create"},
                                   std::pair{tools::ChangeType::update, "update"}};
};
template <>
struct Fields<DiffHunk> {
  using Hunk = DiffHunk;
  static constexpr auto list =
      std::tuple{field("oldStart", &Hunk::old_start, ""), field("oldLines", &Hunk::old_lines, ""),
                 field("newStart", &Hunk::new_start, ""), field("newLines", &Hunk::new_lines, ""),
                 field("lines", &Hunk::lines, "")};
};
template <>
struct Fields<tools::ChangeResult> {
  using R = tools::ChangeResult;
  static constexpr auto list =
      std::tuple{field("type", &R::type, ""),
                 field("filePath", &R::filePath, ""),
                 field("bytesWritten", &R::bytesWritten, ""),
                 field("version", &R::version, ""),
                 field("replacements", &R::replacements, ""),
                 field("structuredPatch", &R::structuredPatch, "Empty if the diff was cut"),
                 field("diff", &R::diff, "Unified, at most 200 lines"),
                 field("notices", &R::notices, "")};
};

}  // namespace remit
