#include "memory/document_list.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "memory/document_files.h"

namespace remit::memory {

namespace {

std::int64_t ns_of(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

DocumentList::FileKey DocumentList::key_of(const struct stat& st) {
  return {st.st_dev, st.st_ino, st.st_size, ns_of(st.st_mtim), ns_of(st.st_ctim)};
}

Result<std::string> DocumentList::hash_of(const Fd& directory, const std::string& name,
                                          const std::string& path, const struct stat& st) {
  const FileKey key = key_of(st);
  {
    const std::scoped_lock lock(mutex_);
    const auto found = hashes_.find(key);
    if (found != hashes_.end()) return found->second;
  }
  TRY(const std::optional<FileNow> now, read_document_file(directory, name));
  if (!now) return fail(ErrorKind::not_found, "no document " + escape_ascii(path));
  const std::scoped_lock lock(mutex_);
  if (hashes_.size() >= limits::kListedDocuments) hashes_.clear();
  hashes_[key_of(now->status)] = now->sha256;
  return now->sha256;
}

Result<std::vector<DocumentEntry>> DocumentList::list(
    const std::string& prefix, const std::function<bool(std::string_view)>& enter,
    const std::function<bool(std::string_view)>& wanted, const EtagOf& etag_of) {
  std::vector<DocumentEntry> out;
  std::vector<std::string> todo{prefix};
  while (!todo.empty()) {
    const std::string directory = std::move(todo.back());
    todo.pop_back();
    const Result<Fd> fd = fs::resolve(root_, directory, fs::Links::none);
    if (!fd) {
      // Gone meanwhile, or a symlink: nothing of Agent_Memory is below it.
      if (fd.error().kind == ErrorKind::not_found || fd.error().code == "escapes_root") continue;
      return tl::unexpected<Error>(fd.error());
    }
    TRY(const struct stat folder, fs::stat_of(*fd));
    if (!S_ISDIR(folder.st_mode)) continue;
    std::vector<std::string> names;
    TRY_DO(fs::list_directory(*fd, [&](std::string_view name, unsigned char) {
      if (!name.starts_with(fs::kTemporaryPrefix)) names.emplace_back(name);
      return names.size() <= limits::kListedDocuments;
    }));
    for (const std::string& name : names) {
      const std::string path = fs::join(directory, name);
      struct stat st{};
      if (::fstatat(fd->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(st.st_mode)) {
        const auto depth = std::count(path.begin(), path.end(), '/');
        if (depth < limits::kDirectoryDepth && enter(path)) todo.push_back(path);
        continue;
      }
      if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || !wanted(path)) continue;
      // A name that no tool could say.
      if (path.size() > limits::kDocPathBytes || !fs::check_path(path)) continue;
      DocumentEntry entry{path, "", static_cast<std::uint64_t>(st.st_size), modified_unix_ms(st)};
      if (entry.bytes <= limits::kDocumentBytes) {
        const Result<std::string> hash = hash_of(*fd, name, path, st);
        if (!hash) {
          if (hash.error().kind == ErrorKind::not_found || hash.error().kind == ErrorKind::denied) {
            continue;
          }
          return tl::unexpected<Error>(hash.error());
        }
        entry.etag = etag_of(path, *hash);
      }
      out.push_back(std::move(entry));
      if (out.size() > limits::kListedDocuments) {
        return fail(ErrorKind::too_large, "more than " + with_commas(limits::kListedDocuments) +
                                              " documents; list a directory");
      }
    }
  }
  std::ranges::sort(out, {}, &DocumentEntry::path);
  return out;
}

}  // namespace remit::memory
