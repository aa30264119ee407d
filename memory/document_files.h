// Documents as files beneath Agent_Memory: read with what they are, replaced by one rename,
// removed. Symlinks, hard links, devices, directories and mount points are no documents. Threads:
// reentrant. `root` is an O_PATH descriptor of Agent_Memory.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"
#include "base/unfinished.h"

namespace remit::memory {

// A document as it is on the disk now.
struct FileNow {
  struct stat status{};
  std::string body;
  std::string sha256;
};

// Of its content, in ms since 1970.
std::int64_t modified_unix_ms(const struct stat& status);

// nullopt: no such file. Errors: denied (code "not_a_document"), too_large.
Result<std::optional<FileNow>> read_document_file(const Fd& root, std::string_view path);

// Puts `body` there, whole and durable, if the file is still the one in `before` (nullopt: still
// absent); else conflict and nothing changed. Parents are made.
Result<void> write_document_file(const Fd& root, std::string_view path, std::string_view body,
                                 const std::optional<struct stat>& before,
                                 fs::Unfinished& unfinished);

// Renames the folder `from` to `to`, whose parents are made, durably. Errors: conflict if `to` is
// there already; not_found if `from` is not.
Result<void> move_folder(const Fd& root, std::string_view from, std::string_view to);

// Removes the file if it is still the one in `before`; else conflict.
Result<void> remove_document_file(const Fd& root, std::string_view path, const struct stat& before,
                                  fs::Unfinished& unfinished);

}  // namespace remit::memory
