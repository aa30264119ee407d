// What the site policy allows the documents of one Agent_Memory to hold and for how long what was
// there before is kept (manifests/site.yaml, section memory). Values only; the same for every
// persona.
#pragma once

#include <cstdint>

#include "base/limits.h"

namespace remit::memory {

struct StoreLimits {
  // Of one folder: memory/folder_use.h says what counts as one.
  std::uint64_t folder_bytes = limits::kFolderBytes;
  std::size_t folder_documents = limits::kFolderDocuments;
  std::size_t keep_versions = limits::kKeepVersions;  // of one document, 1 or more
  int version_days = 0;                               // 0: whatever their age
  int archive_days = 0;                               // 0: nothing is archived by itself
  bool operator==(const StoreLimits&) const = default;
};

}  // namespace remit::memory
