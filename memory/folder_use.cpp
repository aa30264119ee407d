#include "memory/folder_use.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

constexpr std::string_view kArchive = "_archive/";

// The documents below `folder` on the disk; "": those directly in the root.
Result<Use> walked(const Fd& root, const std::string& folder) {
  Use out;
  std::vector<std::string> todo{folder};
  while (!todo.empty()) {
    const std::string directory = std::move(todo.back());
    todo.pop_back();
    const Result<Fd> fd = fs::resolve(root, directory, fs::Links::none);
    if (!fd) {
      // Gone meanwhile or not there yet, or a symlink: it holds nothing of Agent_Memory.
      if (fd.error().kind == ErrorKind::not_found || fd.error().code == "escapes_root") continue;
      return tl::unexpected<Error>(fd.error());
    }
    TRY(const struct stat there, fs::stat_of(*fd));
    if (!S_ISDIR(there.st_mode)) continue;
    TRY_DO(fs::list_directory(*fd, [&](std::string_view name, unsigned char) {
      const std::string text(name);
      struct stat st{};
      if (::fstatat(fd->get(), text.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return true;
      if (S_ISDIR(st.st_mode) && !folder.empty()) {
        const auto depth = std::count(directory.begin(), directory.end(), '/');
        if (depth + 1 < limits::kDirectoryDepth) todo.push_back(fs::join(directory, name));
      } else if (S_ISREG(st.st_mode) && !name.starts_with(fs::kTemporaryPrefix)) {
        out.bytes += st.st_size;
        ++out.documents;
      }
      return true;
    }));
  }
  return out;
}

// What rows add to the folder, each against the version before it. Of an outsider's change only the
// next walk knows: its row is written when somebody else's write follows it.
constexpr std::string_view kGrowth =
    "select coalesce(sum(one.bytes - coalesce(before.bytes, 0)), 0), "
    "coalesce(sum((one.sha256 != '') - (coalesce(before.sha256, '') != '')), 0) "
    "from version as one %s left join version as before on before.root = one.root and "
    "before.path = one.path and before.version = one.version - 1 "
    "where one.root = ?1 and one.op != 'external' and "
    "iif(?2 = '', instr(one.path, '/') = 0, one.path > ?2 || '/' and one.path < ?2 || '0') and ";

std::string growth_sql(std::string_view hint, std::string_view which) {
  std::string out(kGrowth);
  out.replace(out.find("%s"), 2, hint);
  return out.append(which);
}

Result<Use> use_of(Statement&& rows) {
  TRY_DO(rows.step());
  return Use{rows.integer(0), rows.integer(1)};
}

template <class Source>  // Transaction or Snapshot
Result<std::int64_t> last_row(Source& source) {
  Statement last = source.sql("select coalesce(max(id), 0) from version");
  TRY_DO(last.step());
  return last.integer(0);
}

std::string shown(const std::string& folder) {
  return folder.empty() ? "the top of Agent_Memory" : escape_ascii(folder + "/");
}

}  // namespace

std::string FolderUse::folder_of(std::string_view path) {
  const bool archived = path.starts_with(kArchive);
  const std::size_t end = path.find('/', archived ? kArchive.size() : 0);
  if (end != std::string_view::npos) return std::string(path.substr(0, end));
  return archived ? std::string(kArchive.substr(0, kArchive.size() - 1)) : std::string();
}

Result<void> FolderUse::look(Database& database, const Clock& clock, const std::string& folder,
                             Look when) {
  const std::int64_t now = clock.unix_ms();
  if (when == Look::if_old) {
    const std::scoped_lock lock(mutex_);
    const auto known = known_.find(folder);
    const bool fresh = known != known_.end() && now >= known->second.at_ms &&
                       now - known->second.at_ms < limits::kFolderLook.count();
    if (fresh) return {};
  }
  Known found;
  Use pending;
  {
    // Before the walk: what comes after it may be seen by both and is counted twice, never not.
    TRY(Snapshot snapshot, database.read());
    TRY(found.row, last_row(snapshot));
    Statement rows = snapshot.sql(growth_sql("", "one.state = 0"));
    rows.bind(root_id_).bind(folder);
    TRY(pending, use_of(std::move(rows)));
  }
  TRY(found.use, walked(root_, folder));
  found.use.bytes += std::max<std::int64_t>(pending.bytes, 0);
  found.use.documents += std::max<std::int64_t>(pending.documents, 0);
  found.at_ms = now;
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= limits::kListedDocuments) known_.clear();
  known_[folder] = found;
  return {};
}

Result<void> FolderUse::judge(Transaction& transaction, const std::string& folder,
                              const Use& growth, const StoreLimits& allowed) {
  Known known;
  {
    const std::scoped_lock lock(mutex_);
    known = known_[folder];
  }
  TRY(const std::int64_t newest, last_row(transaction));
  if (newest > known.row) {
    // By number, not by path: these are the few rows since the last commit.
    Statement rows = transaction.sql(growth_sql("not indexed", "one.id > ?3"));
    rows.bind(root_id_).bind(folder).bind(known.row);
    TRY(const Use since, use_of(std::move(rows)));
    known.use.bytes += since.bytes;
    known.use.documents += since.documents;
    known.row = newest;
    const std::scoped_lock lock(mutex_);
    Known& kept = known_[folder];
    if (kept.row < known.row && kept.at_ms <= known.at_ms) kept = known;
  }
  const auto full = [&](const std::string& what, std::int64_t held, std::int64_t more,
                        std::uint64_t most, const std::string& setting) -> Result<void> {
    const auto count = [](std::int64_t n) { return with_commas(static_cast<std::uint64_t>(n)); };
    held = std::max<std::int64_t>(held, 0);
    Error error{
        ErrorKind::too_large,
        shown(folder) + " holds " + count(held) + " " + what + " and this would add " +
            count(more) + "; its quota is " + with_commas(most) +
            ": shorten or delete what is there, or ask the operator to archive it or to "
            "raise memory." +
            setting + " in the site policy",
        {},
        "quota",
        std::make_shared<const Json>(Json{{"folder", folder}, {what, held}, {"limit", most}})};
    return tl::unexpected<Error>(std::move(error));
  };
  const auto exceeds = [](std::int64_t held, std::int64_t more, std::uint64_t most) {
    return more > 0 && static_cast<std::uint64_t>(std::max<std::int64_t>(held, 0) + more) > most;
  };
  if (exceeds(known.use.bytes, growth.bytes, allowed.folder_bytes))
    return full("bytes", known.use.bytes, growth.bytes, allowed.folder_bytes, "quota_mib");
  if (exceeds(known.use.documents, growth.documents, allowed.folder_documents))
    return full("documents", known.use.documents, growth.documents, allowed.folder_documents,
                "quota_documents");
  return {};
}

}  // namespace remit::memory
