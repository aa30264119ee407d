// Which version of a file a principal has seen. Write and Edit change an existing file only if its
// content is still the content that was read: staleness is a difference of content, never of mtime.
//
// Threads: safe from any thread (one mutex; nothing is read or written under it).
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "policy/access.h"

namespace remit::tools {

class ReadVersions {
 public:
  struct Seen {
    std::string version;                     // policy::file_version
    std::shared_ptr<const std::string> old;  // the bytes, if at most limits::kOldCopyBytes
  };

  // Remembers at most limits::kReadVersions files of each principal, the least recently used first
  // forgotten.
  void record(const policy::Principal& principal, const policy::Location& where,
              std::string version, std::string_view bytes, bool bytes_are_whole);
  std::optional<Seen> find(const policy::Principal& principal, const policy::Location& where);

 private:
  struct Entry {
    std::string key;
    Seen seen;
  };
  struct Shelf {
    std::list<Entry> order;  // most recent first
    std::map<std::string, std::list<Entry>::iterator, std::less<>> by_key;
  };
  std::mutex mutex_;
  std::map<std::string, Shelf> shelves_;
};

// Fails unless the present version may be replaced: `if_version` names it, or it was read. The
// conflict carries a diff from the version read; if that diff is whole, it counts as a read.
Result<void> check_seen(ReadVersions& versions, const policy::Principal& principal,
                        const policy::OpenFile& file, const std::string& version,
                        std::string_view bytes, const std::optional<std::string>& if_version);

}  // namespace remit::tools
