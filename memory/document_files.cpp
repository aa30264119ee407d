#include "memory/document_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

Error not_a_document(std::string_view path, const char* what) {
  return Error{ErrorKind::denied,
               escape_ascii(path) + " is " + what + ", not a document",
               {},
               "not_a_document",
               nullptr};
}

Error changed(std::string_view path) {
  return Error{ErrorKind::conflict,
               escape_ascii(path) + " was changed by another program meanwhile",
               {},
               "conflict",
               nullptr};
}

const char* kind_of(const struct stat& st) {
  if (S_ISDIR(st.st_mode)) return "a directory";
  if (S_ISFIFO(st.st_mode)) return "a pipe";
  if (S_ISSOCK(st.st_mode)) return "a socket";
  if (S_ISLNK(st.st_mode)) return "a symlink";
  return "a device";
}

// The directory that holds `path`, made when missing.
Result<Fd> parent_directory(const Fd& root, std::string_view path) {
  auto parent = fs::make_directories(root, fs::parent_of(path));
  if (!parent && parent.error().code == "escapes_root") {
    return tl::unexpected<Error>(not_a_document(path, "behind a symlink or mount point"));
  }
  if (!parent && parent.error().kind == ErrorKind::not_found) {
    return tl::unexpected<Error>(not_a_document(path, "below a file"));
  }
  return parent;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

std::int64_t modified_unix_ms(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
}

Result<std::optional<FileNow>> read_document_file(const Fd& root, std::string_view path) {
  const Result<Fd> found = fs::resolve(root, path, fs::Links::none);
  if (!found) {
    if (found.error().kind == ErrorKind::not_found) return std::optional<FileNow>();
    if (found.error().code == "escapes_root") {
      return tl::unexpected<Error>(not_a_document(path, "or lies behind a symlink or mount point"));
    }
    return tl::unexpected<Error>(found.error());
  }
  FileNow now;
  TRY(const struct stat first, fs::stat_of(*found));
  if (!S_ISREG(first.st_mode)) return tl::unexpected<Error>(not_a_document(path, kind_of(first)));
  // A second name could be an agent's way to reach what its rules deny. Zero links: replaced since
  // it was resolved, still the whole version it was then.
  if (first.st_nlink > 1) return tl::unexpected<Error>(not_a_document(path, "a hard link"));
  TRY(const Fd fd, fs::reopen(*found, O_RDONLY));
  // Before the read, so that a change during it shows as a difference when it is replaced.
  TRY(now.status, fs::stat_of(fd));
  TRY(now.body, fs::read_all(fd, limits::kDocumentBytes));
  now.sha256 = sha256_hex(now.body);
  return std::optional<FileNow>(std::move(now));
}

Result<void> write_document_file(const Fd& root, std::string_view path, std::string_view body,
                                 const std::optional<struct stat>& before,
                                 fs::Unfinished& unfinished) {
  TRY(const Fd directory, parent_directory(root, path));
  const fs::Expect expect = before ? fs::Expect::of(*before) : fs::Expect::absent();
  Result<void> done = fs::replace_file(directory, std::string(fs::base_name(path)), body, 0644,
                                       expect, &unfinished);
  if (!done && done.error().kind == ErrorKind::conflict)
    return tl::unexpected<Error>(changed(path));
  return done;
}

Result<void> move_folder(const Fd& root, std::string_view from, std::string_view to) {
  TRY(const Fd old_parent, parent_directory(root, from));
  TRY(const Fd new_parent, parent_directory(root, to));
  const std::string old_name(fs::base_name(from)), new_name(fs::base_name(to));
  if (::renameat2(old_parent.get(), old_name.c_str(), new_parent.get(), new_name.c_str(),
                  RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST)
      return fail(ErrorKind::conflict, escape_ascii(to) + " is there already", {}, "exists");
    return fail_errno(errno, "move " + escape_ascii(from) + " to " + escape_ascii(to));
  }
  for (const Fd* parent : {&old_parent, &new_parent}) {
    TRY(const Fd directory, fs::reopen(*parent, O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) != 0) return fail_errno(errno, "sync the directory");
  }
  return {};
}

Result<void> remove_document_file(const Fd& root, std::string_view path, const struct stat& before,
                                  fs::Unfinished& unfinished) {
  TRY(const Fd parent, parent_directory(root, path));
  TRY(const Fd directory, fs::reopen(parent, O_RDONLY | O_DIRECTORY));
  const std::string name(fs::base_name(path));
  // Unlinking has no condition: it is moved aside first, looked at, and put back if it is another.
  const std::string aside = std::string(fs::kTemporaryPrefix) + random_hex(12);
  if (::renameat2(directory.get(), name.c_str(), directory.get(), aside.c_str(),
                  RENAME_NOREPLACE) != 0) {
    if (errno == ENOENT) return tl::unexpected<Error>(changed(path));
    return fail_errno(errno, "remove " + escape_ascii(path));
  }
  struct stat now{};
  const bool there = ::fstatat(directory.get(), aside.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there || !same_file(now, before)) {
    if (::renameat2(directory.get(), aside.c_str(), directory.get(), name.c_str(),
                    RENAME_NOREPLACE) != 0) {
      return fail_errno(errno, "put back " + escape_ascii(path) + " (it is kept as " + aside + ")");
    }
    return tl::unexpected<Error>(changed(path));
  }
  // Noted only now that it is known to be the one to remove: a sweep must not take another's.
  TRY(const fs::Unfinished::Entry entry, unfinished.note(directory, aside));
  if (::unlinkat(directory.get(), aside.c_str(), 0) != 0) {
    return fail_errno(errno, "remove " + escape_ascii(path));
  }
  if (::fsync(directory.get()) != 0) return fail_errno(errno, "sync the directory");
  return {};
}

}  // namespace remit::memory
