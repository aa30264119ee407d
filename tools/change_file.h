// What Write and Edit share: the present file with its version, and the result both answer with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unified_diff.h"
#include "tools/file_tools.h"

namespace remit::tools {

// An existing file, read whole and allowed to be changed (read before, or if_version).
struct Present {
  policy::OpenFile file;
  std::string bytes;
  std::string version;
};

// nullopt: it does not exist. Errors: those of Access; conflict (not read, changed); too_large.
Result<std::optional<Present>> present_file(Call& call, FileMemory& memory, const std::string& path,
                                            const std::optional<std::string>& if_version);

enum class ChangeType { create, update };

struct ChangeResult {
  ChangeType type = ChangeType::update;
  std::string filePath;
  std::uint64_t bytesWritten = 0;
  std::string version;
  std::uint64_t replacements = 0;
  std::vector<DiffHunk> structuredPatch;
  std::string diff;
  std::vector<std::string> notices;
};

// Puts `bytes` in place of `present` (nullopt: where nothing is), remembers the new version and
// fills `result` except replacements.
Result<void> put_file(Call& call, FileMemory& memory, const std::string& path,
                      std::optional<Present> present, std::string bytes, ChangeResult& result);

// The text of the answer.
std::string change_text(const ChangeResult& result);

}  // namespace remit::tools
