// DocumentList: which documents there are beneath Agent_Memory, with their etags. Contents are
// hashed once for as long as the kernel says the same of a file (inode, size, times).
//
// Threads: safe from any thread. `root` must outlive it. Fails with: too_large beyond
// limits::kListedDocuments; what the file system says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "memory/store.h"

namespace remit::memory {

class DocumentList {
 public:
  explicit DocumentList(const Fd& root) : root_(root) {}
  using EtagOf = std::function<std::string(const std::string& path, std::string_view sha256_hex)>;
  // As Store::list(). `etag_of` makes an etag of a document's hash.
  Result<std::vector<DocumentEntry>> list(
      const std::string& prefix, const std::function<bool(std::string_view directory)>& enter,
      const std::function<bool(std::string_view path)>& wanted, const EtagOf& etag_of);

 private:
  struct FileKey {
    dev_t dev;
    ino_t ino;
    off_t size;
    std::int64_t mtime_ns, ctime_ns;
    auto operator<=>(const FileKey&) const = default;
  };
  static FileKey key_of(const struct stat& st);
  Result<std::string> hash_of(const Fd& directory, const std::string& name, const std::string& path,
                              const struct stat& st);

  const Fd& root_;
  std::mutex mutex_;
  std::map<FileKey, std::string> hashes_;
};

}  // namespace remit::memory
