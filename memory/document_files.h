// Documents as files beneath Agent_Memory: read with what they are, replaced by one rename,
// removed. Symlinks, hard links, devices, directories and mount points are no documents. Threads:
// reentrant. `root` is an O_PATH descriptor of Agent_Memory.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"

namespace remit::memory {

// A document as it is on the disk now.
struct FileNow {
  struct stat status{};
  std::string body;
  std::string sha256;
};

// nullopt: no such file. Errors: denied (code "not_a_document"), too_large.
Result<std::optional<FileNow>> read_document_file(const Fd& root, std::string_view path);

// Puts `body` there, whole and durable, if the file is still the one in `before` (nullopt: still
// absent); else conflict and nothing changed. Parents are made.
Result<void> write_document_file(const Fd& root, std::string_view path, std::string_view body,
                                 const std::optional<struct stat>& before);

// Removes the file if it is still the one in `before`; else conflict.
Result<void> remove_document_file(const Fd& root, std::string_view path, const struct stat& before);

// Unlinks temporary files of killed writers in `directory` that are older than `older_than_ms`.
// True if younger ones are left.
Result<bool> sweep_temporaries(const Fd& root, std::string_view directory, std::int64_t now_unix_ms,
                               std::int64_t older_than_ms);

}  // namespace remit::memory
