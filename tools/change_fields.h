// The declared fields that Write and Edit share; include only in those two tool files.
#pragma once

#include "base/limits.h"
#include "base/schema.h"
#include "tools/change_file.h"

namespace remit {

// The file that Write and Edit are asked to change.
template <class Args>
constexpr auto changed_file() {
  return required("file_path", &Args::file_path, "Absolute, or relative to the workspace",
                  {.min_length = 1, .max_length = limits::kPathBytes});
}

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
